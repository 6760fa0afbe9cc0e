"""What calls of gRPC are made of: messages as frames, and the servers and clients of the library grpc."""
import contextlib
from concurrent import futures

import grpc

from support.wire import TIMEOUT


def frame(message, flags=0, size=None):
    """A message behind its prefix. `size`: what the prefix says, where that is not true."""
    return bytes([flags]) + (len(message) if size is None else size).to_bytes(4, "big") + message


def frames(body):
    """(flags, payload) of each; nothing may be left over. gRPC-Web's trailers are a frame with the flag 0x80."""
    found = []
    while body:
        size = int.from_bytes(body[1:5], "big")
        assert len(body) >= 5 + size
        found.append((body[0], body[5:5 + size]))
        body = body[5 + size:]
    return found


@contextlib.contextmanager
def serving(handler, threads=4):
    """A stock server with a grpc.GenericRpcHandler, which is told its `address`."""
    server = grpc.server(futures.ThreadPoolExecutor(threads), handlers=[handler], options=[("grpc.so_reuseport", 0)])
    handler.address = "127.0.0.1:%d" % server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield handler
    finally:
        server.stop(None).wait(TIMEOUT)


def channel_to(gw, *options):
    """A stock client's channel, for `with`; without TLS."""
    return grpc.insecure_channel(gw.address(), [("grpc.enable_http_proxy", 0), *options])

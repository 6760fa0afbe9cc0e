"""A stock gRPC client and stock gRPC servers, with the gateway between them."""
import contextlib
import threading

import grpc
import pytest

from support.grpc_calls import channel_to, serving
from support.upstream import Upstream
from support.wire import TIMEOUT

MIB = 1024 * 1024


class Service(grpc.GenericRpcHandler):
    """Every method takes and gives bytes, so that no generated code is needed."""

    def __init__(self):
        self.calls = 0
        self.peers = set()
        self.cancelled = threading.Event()
        self.release = threading.Event()
        self.lock = threading.Lock()

    def service(self, details):
        with self.lock:
            self.calls += 1
        return {
            "/test.Echo/Unary": grpc.unary_unary_rpc_method_handler(self.unary),
            "/test.Echo/ServerStream": grpc.unary_stream_rpc_method_handler(self.server_stream),
            "/test.Echo/ClientStream": grpc.stream_unary_rpc_method_handler(self.client_stream),
            "/test.Echo/Bidi": grpc.stream_stream_rpc_method_handler(self.bidi),
            "/test.Echo/Fails": grpc.unary_unary_rpc_method_handler(self.fails),
            "/test.Echo/Metadata": grpc.unary_unary_rpc_method_handler(self.metadata),
            "/test.Echo/Waits": grpc.unary_unary_rpc_method_handler(self.waits),
            "/test.Echo/Endless": grpc.unary_stream_rpc_method_handler(self.endless),
        }.get(details.method)

    def unary(self, request, context):
        with self.lock:
            self.peers.add(context.peer())
        return request

    def server_stream(self, request, context):
        for i in range(int(request)):
            yield b"%d" % i

    def client_stream(self, requests, context):
        return b"+".join(requests)

    def bidi(self, requests, context):
        for request in requests:
            yield request + b"!"

    def fails(self, request, context):
        context.set_trailing_metadata((("x-why", "because"),))
        context.abort(grpc.StatusCode.NOT_FOUND, "nothing by that n\u00e4me")

    def metadata(self, request, context):
        context.send_initial_metadata((("x-initial", "1"),))
        context.set_trailing_metadata((("x-trailing", "2"), ("x-bytes-bin", b"\0\xff")))
        return dict(context.invocation_metadata())["x-sent"].encode()

    def waits(self, request, context):
        context.add_callback(self.cancelled.set)
        self.release.wait(TIMEOUT)
        return b""

    def endless(self, request, context):
        context.add_callback(self.cancelled.set)
        yield b"first"
        self.release.wait(TIMEOUT)


def grpc_to(*addresses, plugins=(), **route):
    return {
        "upstreams": {"echo": {"targets": [str(a) for a in addresses], "protocol": "h2"}},
        "routes": [{"id": "echo", "match": {"path": "/test.Echo/*"}, "upstream": "echo", "plugins": list(plugins), **route}],
    }


@pytest.fixture
def channel():
    with contextlib.ExitStack() as stack:
        yield lambda gw: stack.enter_context(channel_to(gw, ("grpc.max_receive_message_length", -1)))


@pytest.fixture
def servers():
    """servers(count): so many, each with its service and address."""
    with contextlib.ExitStack() as stack:
        def start(count=1):
            services = [stack.enter_context(serving(Service(), threads=16)) for _ in range(count)]
            for service in services:
                stack.callback(service.release.set)  # no server stops before its calls
            return services
        yield start


def test_all_four_kinds_of_calls(gateway, channel, servers):
    service, = servers()
    ch = channel(gateway(grpc_to(service.address)))
    assert ch.unary_unary("/test.Echo/Unary")(b"hello", timeout=TIMEOUT) == b"hello"
    assert list(ch.unary_stream("/test.Echo/ServerStream")(b"100", timeout=TIMEOUT)) == [b"%d" % i for i in range(100)]
    assert ch.stream_unary("/test.Echo/ClientStream")(iter([b"a", b"b", b"c"]), timeout=TIMEOUT) == b"a+b+c"
    assert list(ch.stream_stream("/test.Echo/Bidi")(iter([b"a", b"b"]), timeout=TIMEOUT)) == [b"a!", b"b!"]
    assert ch.unary_unary("/test.Echo/Unary")(b"", timeout=TIMEOUT) == b""
    assert list(ch.unary_stream("/test.Echo/ServerStream")(b"0", timeout=TIMEOUT)) == []


def test_each_message_comes_as_it_is_sent(gateway, channel, servers):
    """Ping and pong: nobody waits for the end of a stream."""
    service, = servers()
    ch = channel(gateway(grpc_to(service.address)))
    turn = threading.Semaphore(1)

    def asks():
        for i in range(10):
            assert turn.acquire(timeout=TIMEOUT)
            yield b"%d" % i

    answers = []
    for answer in ch.stream_stream("/test.Echo/Bidi")(asks(), timeout=TIMEOUT):
        answers.append(answer)
        turn.release()
    assert answers == [b"%d!" % i for i in range(10)]


def test_large_messages(gateway, channel, servers):
    service, = servers()
    ch = channel(gateway(grpc_to(service.address, body_limit=0)))
    message = bytes(range(256)) * (3 * MIB // 256)
    assert ch.unary_unary("/test.Echo/Unary")(message, timeout=TIMEOUT) == message


def test_a_hundred_calls_on_one_connection_are_spread(gateway, channel, servers):
    services = servers(3)
    gw = gateway(grpc_to(*[s.address for s in services]))
    call = channel(gw).unary_unary("/test.Echo/Unary")
    pending = [call.future(b"%d" % i, timeout=TIMEOUT) for i in range(100)]
    assert [p.result() for p in pending] == [b"%d" % i for i in range(100)]
    assert sorted(s.calls for s in services) == [33, 33, 34]
    assert all(len(s.peers) == 1 for s in services)  # one connection to each


def test_status_and_metadata_pass(gateway, channel, servers):
    service, = servers()
    ch = channel(gateway(grpc_to(service.address)))
    with pytest.raises(grpc.RpcError) as failed:
        ch.unary_unary("/test.Echo/Fails")(b"", timeout=TIMEOUT)
    assert failed.value.code() == grpc.StatusCode.NOT_FOUND
    assert failed.value.details() == "nothing by that n\u00e4me"
    assert dict(failed.value.trailing_metadata())["x-why"] == "because"

    answer, call = ch.unary_unary("/test.Echo/Metadata").with_call(b"", metadata=[("x-sent", "yes")], timeout=TIMEOUT)
    assert answer == b"yes"
    assert dict(call.initial_metadata())["x-initial"] == "1"
    trailing = dict(call.trailing_metadata())
    assert trailing["x-trailing"] == "2" and trailing["x-bytes-bin"] == b"\0\xff"

    with pytest.raises(grpc.RpcError) as failed:
        ch.unary_unary("/test.Echo/Unknown")(b"", timeout=TIMEOUT)
    assert failed.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_cancelled_call_ends_at_the_server(gateway, channel, servers):
    service, = servers()
    ch = channel(gateway(grpc_to(service.address)))
    stream = ch.unary_stream("/test.Echo/Endless")(b"", timeout=TIMEOUT)
    assert next(stream) == b"first"
    stream.cancel()
    assert service.cancelled.wait(TIMEOUT)


def test_a_deadline_ends_the_call_at_the_server(gateway, channel, servers):
    service, = servers()
    ch = channel(gateway(grpc_to(service.address)))
    with pytest.raises(grpc.RpcError) as failed:
        ch.unary_unary("/test.Echo/Waits")(b"", timeout=1)
    assert failed.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert service.cancelled.wait(TIMEOUT)


def test_the_gateways_timeout_is_deadline_exceeded(gateway, channel, servers):
    service, = servers()
    ch = channel(gateway(grpc_to(service.address, timeout="50ms")))
    with pytest.raises(grpc.RpcError) as failed:
        ch.unary_unary("/test.Echo/Waits")(b"", timeout=TIMEOUT)
    assert failed.value.code() == grpc.StatusCode.DEADLINE_EXCEEDED
    assert failed.value.details() == "Gateway Timeout"


def test_what_the_gateway_refuses_has_a_grpc_status(gateway, channel):
    nobody = Upstream(listen=False)
    config = grpc_to(nobody)
    config["routes"].append({"id": "limited", "match": {"path": "/test.Limited/*"}, "upstream": "echo",
                             "plugins": [{"key-auth": {"keys": [{"id": "alice", "sha256": "0" * 64}]}}]})
    ch = channel(gateway(config))

    def code_of(method, metadata=()):
        with pytest.raises(grpc.RpcError) as failed:
            ch.unary_unary(method)(b"", metadata=metadata, timeout=TIMEOUT)
        return failed.value.code()

    assert code_of("/test.Echo/Unary") == grpc.StatusCode.UNAVAILABLE
    assert code_of("/nothing.There/Unary") == grpc.StatusCode.UNIMPLEMENTED
    assert code_of("/test.Limited/Unary") == grpc.StatusCode.UNAUTHENTICATED
    nobody.stop()


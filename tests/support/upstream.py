"""A scripted HTTP upstream: records every request byte for byte and answers what the scenario says."""
import os
import shutil
import socket
import ssl
import tempfile

from support.listening import Listening
from support.wire import TIMEOUT, Reader, Request, Truncated, crash, encode_chunks, encode_headers, hang_up


class Raw(bytes):
    """Bytes of a response after which the upstream closes the connection (or resets it)."""

    def __new__(cls, data, reset=False):
        self = super().__new__(cls, data)
        self.reset = reset
        return self


def ok(body=b"", status=200, headers=(), chunks=None, trailers=(), reason="OK"):
    """A well-formed response. `chunks` (byte strings) makes it chunked."""
    body = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status} {reason}\r\n".encode() + encode_headers(headers)
    if chunks is not None:
        return head + b"Transfer-Encoding: chunked\r\n\r\n" + encode_chunks(chunks, trailers)
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def early(handler):
    """Marks a handler that wants to run when the head is there; it calls exchange.read_body() itself."""
    handler.early = True
    return handler


class UpstreamExchange:
    """What a handler gets: the request, and the connection to answer on."""

    def __init__(self, connection, request, index):
        self.connection = connection
        self.request = request
        self.index = index  # 0 for the upstream's first request
        self.body_read = False

    def read_body(self):
        if not self.body_read:
            self.body_read = True
            self.connection.reader.body_into(self.request)
        return self.request.body

    def read_some(self):
        """Some raw bytes of the body, at least one; empty when the gateway closed."""
        reader = self.connection.reader
        if not reader.buffer:
            reader.fill()
        return reader.take(len(reader.buffer))

    def send(self, data):
        self.connection.socket.sendall(data.encode() if isinstance(data, str) else data)

    def wait(self, event):
        assert event.wait(TIMEOUT), "the scenario never set the event that the upstream waits for"

    def close(self):
        self.connection.close()

    def reset(self):
        self.connection.finish(reset=True)


def _whole_v2(data):
    return data.startswith(b"\r\n\r\n\0\r\nQUIT\n") and len(data) >= 16 and len(data) == 16 + int.from_bytes(data[14:16], "big")


class UpstreamConnection:
    def __init__(self, upstream, sock):
        self.upstream = upstream
        self.socket = sock
        self.reader = Reader(sock)
        self.finished = False
        self.requests = 0

    def read_proxy_header(self):
        """Byte by byte: what follows is not ours to read."""
        data = b""
        while not (data.endswith(b"\r\n") and data.startswith(b"PROXY ")) and not _whole_v2(data):
            byte = self.socket.recv(1)
            if not byte and not data:
                raise Truncated("a PROXY header")  # its client has left before it was sent
            assert byte, f"closed inside a PROXY header: {data!r}"
            data += byte
        self.proxy_header = data

    def serve(self):
        while not self.finished and (self.reader.buffer or self.reader.fill()):
            if self.upstream.never:
                self.upstream.fail(f"this upstream must never be reached, but got {self.reader.buffer[:200]!r}")
                break
            self.one_exchange()
        self.close()

    def one_exchange(self):
        request = self.reader.head(Request, "a request head")
        self.requests += 1
        with self.upstream.changed:
            index = self.upstream.started
            self.upstream.started += 1
            self.upstream.changed.notify_all()
        exchange = UpstreamExchange(self, request, index)
        answer = self.upstream.answer_for(index)
        if not getattr(answer, "early", False):
            exchange.read_body()
            self.upstream.record(request, to=self.upstream.requests)
        reply = answer(exchange) if callable(answer) else answer
        if getattr(answer, "early", False):
            if not self.finished and not exchange.body_read:
                exchange.read_body()
            self.upstream.record(request, to=self.upstream.requests)
        if reply is not None and not self.finished:
            exchange.send(reply)
        if isinstance(reply, Raw):
            self.finish(reset=reply.reset)

    def finish(self, reset):
        if self.finished:
            return
        self.finished = True
        if reset:
            crash(self.socket)
        else:
            hang_up(self.socket)

    def close(self):
        self.finish(reset=False)


class Upstream(Listening):
    """`answers`: bytes, a handler(exchange) that returns bytes or sends for itself, or a list of these, one for each
    request in the order of their arrival (the last one repeats)."""

    def __init__(self, answers=None, never=False, unix=False, name="upstream", listen=True, backlog=128, tls=None,
                 proxy_header=False):
        """`tls`: an ssl.SSLContext. `proxy_header`: connections begin with one, kept as connection.proxy_header."""
        self.directory = tempfile.mkdtemp(prefix="upstream-") if unix else None
        sock = socket.socket(socket.AF_UNIX if unix else socket.AF_INET, socket.SOCK_STREAM)
        sock.bind(os.path.join(self.directory, "s") if unix else ("127.0.0.1", 0))
        super().__init__(name, sock, "unix:" + sock.getsockname() if unix else "127.0.0.1:%d" % sock.getsockname()[1])
        self.tls = tls
        self.proxy_header = proxy_header
        self.refused_handshakes = []
        self.answers = answers if isinstance(answers, list) else [ok("ok") if answers is None else answers]
        self.never = never
        self.requests = []      # complete requests, in order of completion
        self.started = 0        # requests whose head has come
        if listen:  # without: connections are refused
            self.socket.listen(backlog)
            self.start()

    def answer_for(self, index):
        return self.answers[min(index, len(self.answers) - 1)]

    @property
    def last(self):
        return self.requests[-1]

    def arrived(self, sock):
        connection = UpstreamConnection(self, sock)
        self.record(connection, to=self.connections)
        return connection

    def shake_hands(self, connection):
        if self.tls is None:
            return True
        try:
            connection.socket = self.tls.wrap_socket(connection.socket, server_side=True)
        except (OSError, ssl.SSLError) as failure:
            self.record(str(failure), to=self.refused_handshakes)
            return False
        connection.reader = Reader(connection.socket)
        connection.reused = connection.socket.session_reused
        peer = connection.socket.getpeercert()
        connection.peer_name = peer and dict(part[0] for part in peer["subject"])["commonName"]
        return True

    def serve(self, connection):
        try:
            if self.proxy_header:
                connection.read_proxy_header()
            if self.shake_hands(connection):
                connection.serve()
        except (OSError, Truncated):
            pass  # the gateway went away: what that means is for the scenario to say
        except BaseException:  # noqa: a failing handler must fail the test
            self.broke()
        finally:
            connection.close()
            self.notify()

    @property
    def open_connections(self):
        return [c for c in self.connections if not c.finished]

    def stop(self):
        try:
            super().stop()
        finally:
            if self.directory:
                shutil.rmtree(self.directory)

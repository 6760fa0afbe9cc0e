"""HTTP/1.1 as bytes on a socket, read one message at a time. Strict, so that a test sees what was really sent."""
import json
import socket
from dataclasses import dataclass, field

TIMEOUT = 30.0  # seconds; an upper bound for a stuck test, never a measurement


def hang_up(sock):
    """Closes both directions, also under a thread that reads or accepts."""
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass  # the peer was faster, or there never was one
    sock.close()


def crash(sock):
    """Closes with RST, as the socket of a process that has crashed."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    sock.close()


class Truncated(AssertionError):
    """The peer closed inside a message; `partial` is what came of the current piece."""

    def __init__(self, what, partial=b""):
        super().__init__(f"connection closed inside {what} after {len(partial)} bytes")
        self.partial = partial


class Headers:
    """Header fields in order; names compare without case."""

    def __init__(self, fields=()):
        self.fields = list(fields.items() if isinstance(fields, dict) else fields)

    def get_all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def get(self, name, default=None):
        return next(iter(self.get_all(name)), default)

    def __getitem__(self, name):
        values = self.get_all(name)
        assert len(values) == 1, f"{name} appears {len(values)} times in {self.fields}"
        return values[0]

    def __contains__(self, name):
        return bool(self.get_all(name))

    def __iter__(self):
        return iter(self.fields)

    def __repr__(self):
        return f"Headers({self.fields})"


@dataclass
class Message:
    start_line: str
    headers: Headers
    body: bytes = b""
    trailers: Headers = field(default_factory=Headers)
    raw: bytes = b""  # the whole message as it came, framing included
    chunks: list = field(default_factory=list)  # sizes, when it was chunked


@dataclass
class Request(Message):
    @property
    def method(self):
        return self.start_line.split(" ")[0]

    @property
    def target(self):
        return self.start_line.split(" ")[1]

    @property
    def version(self):
        return self.start_line.split(" ")[2]


@dataclass
class Response(Message):
    interim: list = field(default_factory=list)  # 1xx responses before this one

    @property
    def status(self):
        return int(self.start_line.split(" ")[1])

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        """The body, read as JSON."""
        return json.loads(self.body)

    @property
    def error_code(self):
        """The code of the gateway's own error body; fails when this is no such body."""
        assert self.headers["Content-Type"].split(";")[0] == "application/json", self.headers
        error = json.loads(self.body)["error"]
        assert isinstance(error["message"], str) and error["message"], error
        return error["code"]


class Reader:
    """Buffered reads from a socket, remembering every byte of the current message in `taken`."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""
        self.taken = bytearray()
        self.closed = False

    def fill(self):
        """Reads more; False at the end of the stream. A reset counts as an end."""
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        except socket.timeout:
            raise AssertionError(f"nothing came for {self.sock.gettimeout()} s; buffered: {self.buffer[:200]!r}") from None
        self.buffer += data
        self.closed = self.closed or not data
        return bool(data)

    def take(self, count):
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        self.taken += data
        return data

    def until(self, mark, what):
        while mark not in self.buffer:
            if not self.fill():
                raise Truncated(what, self.buffer)
        return self.take(self.buffer.index(mark) + len(mark))

    def exactly(self, count, what="data"):
        parts = []
        while count:
            if not self.buffer and not self.fill():
                raise Truncated(what, b"".join(parts))
            parts.append(self.take(count))
            count -= len(parts[-1])
        return b"".join(parts)

    def to_end(self):
        while self.fill():
            pass
        return self.take(len(self.buffer))

    def head(self, kind, what):
        self.taken = bytearray()
        lines = self.until(b"\r\n\r\n", what)[:-4].decode("latin-1").split("\r\n")
        return kind(lines[0], Headers(_field(line) for line in lines[1:]))

    def chunk(self):
        """One chunk's data; empty for the last one, whose trailers stay unread."""
        line = self.until(b"\r\n", "a chunk's size line")[:-2]
        size = int(line.split(b";")[0], 16)
        data = self.exactly(size, "a chunk") if size else b""
        if size:
            end = self.exactly(2, "a chunk's end")
            assert end == b"\r\n", f"a chunk ends with {end!r}"
        return data

    def trailers(self):
        fields = []
        while (line := self.until(b"\r\n", "trailers")[:-2]) != b"":
            fields.append(_field(line.decode("latin-1")))
        return Headers(fields)

    def body_into(self, message, until_close=False):
        """Reads the body that the head announces. Raises Truncated when the peer closes inside it."""
        coding = message.headers.get("Transfer-Encoding")
        length = message.headers.get("Content-Length")
        assert not (coding and length), f"both framings in {message.headers}"
        if coding:
            assert coding.lower().split(",")[-1].strip() == "chunked", coding
            parts = []
            while data := self.chunk():
                parts.append(data)
                message.chunks.append(len(data))
            message.body = b"".join(parts)
            message.trailers = self.trailers()
        elif length is not None:
            message.body = self.exactly(int(length), "a body with Content-Length")
        elif until_close:
            message.body = self.to_end()
        message.raw = bytes(self.taken)
        return message


def _field(line):
    name, colon, value = line.partition(":")
    assert colon and name and name == name.strip(), f"malformed field {line!r}"
    return name, value.strip(" \t")


def encode_headers(headers):
    if not headers:
        return b""
    fields = headers.items() if isinstance(headers, dict) else headers
    return b"".join(f"{name}: {value}\r\n".encode("latin-1") for name, value in fields)


def encode_chunks(pieces, trailers=()):
    """A chunked body from byte strings."""
    body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces if piece)
    return body + b"0\r\n" + encode_headers(trailers) + b"\r\n"

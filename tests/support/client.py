"""A client that sends exactly the bytes it is told to and reads exactly one response at a time."""
import socket
import ssl

from support.wire import TIMEOUT, Headers, Reader, Response, crash, encode_chunks, encode_headers


class Connection:
    """What clients of every protocol have in common. Derived classes have request()."""

    def __init__(self, address, timeout, receive_buffer):
        family, where = parse_address(address)
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        self.socket.connect(where)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    @property
    def local_port(self):
        return self.socket.getsockname()[1]

    def get(self, target="/", **how):
        return self.request("GET", target, **how)

    def reset(self):
        """Closes with RST, as a crashed client does."""
        crash(self.socket)

    def close(self):
        self.socket.close()


class Client(Connection):
    """HTTP/1.1."""

    def __init__(self, address, timeout=TIMEOUT, receive_buffer=None, tls=None, server_name="localhost", session=None,
                 before_tls=b""):
        """`tls`: an ssl.SSLContext; `before_tls` goes out first (a PROXY header)."""
        super().__init__(address, timeout, receive_buffer)
        if self.socket.family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if before_tls:
            self.socket.sendall(before_tls)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name, session=session)
        self.reader = Reader(self.socket)

    def send(self, data):
        """Sends bytes; text is encoded as it stands. A peer that has closed already is not an error: read to see."""
        try:
            self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLEOFError):
            pass
        return self

    def send_request(self, method="GET", target="/", headers=(), body=None, chunks=None, host="test", trailers=()):
        """One well-formed request. `body` gets Content-Length; `chunks` goes out chunked."""
        fields = list(headers.items() if isinstance(headers, dict) else headers)
        if host is not None and not Headers(fields).get("Host"):
            fields.insert(0, ("Host", host))
        data = b""
        if chunks is not None:
            fields.append(("Transfer-Encoding", "chunked"))
            data = encode_chunks(chunks, trailers)
        elif body is not None:
            data = body.encode() if isinstance(body, str) else body
            fields.append(("Content-Length", len(data)))
        return self.send(f"{method} {target} HTTP/1.1\r\n".encode() + encode_headers(fields) + b"\r\n" + data)

    def read_head(self):
        """The next response head, 1xx included; its body stays unread."""
        return self.reader.head(Response, "a response head")

    def read_response(self, method="GET"):
        """The next final response with its body; `interim` holds the 1xx responses before it."""
        interim = []
        while (response := self.read_head()).status < 200 and response.status != 101:
            interim.append(response)
        response.interim = interim
        if method == "HEAD" or response.status in (101, 204, 304):
            response.raw = bytes(self.reader.taken)
            return response
        return self.reader.body_into(response, until_close=True)

    def request(self, method="GET", target="/", **how):
        self.send_request(method, target, **how)
        return self.read_response(method)

    def read_exactly(self, count):
        return self.reader.exactly(count)

    def half_close(self):
        """FIN. Over TLS without close_notify, which would close both directions in Python."""
        socket.socket.shutdown(self.socket, socket.SHUT_WR)
        return self

    def expect_closed(self):
        """The gateway closes the connection and sends nothing more before that."""
        rest = self.reader.to_end()
        assert rest == b"", f"unexpected bytes before the close: {rest[:300]!r}"

    def expect_open(self):
        """The connection still answers."""
        self.socket.setblocking(False)
        try:
            data = self.socket.recv(1)
            assert data, "the connection was closed"
            self.reader.buffer += data
        except (BlockingIOError, ssl.SSLWantReadError):
            pass
        finally:
            self.socket.settimeout(TIMEOUT)


def parse_address(address):
    """("127.0.0.1:80" | "unix:/path" | "@path") to a socket family and its address."""
    if address.startswith("unix:"):
        return socket.AF_UNIX, address[len("unix:"):]
    host, _, port = address.rpartition(":")
    if host.startswith("["):
        return socket.AF_INET6, (host[1:-1], int(port))
    return socket.AF_INET, (host, int(port))

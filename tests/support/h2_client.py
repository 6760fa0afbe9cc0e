"""An HTTP/2 client with the same verbs as client.Client, on the library h2. It checks what it receives and nothing of what it
sends, so that a scenario may send whatever it likes; `raw` sends frames as bytes."""
import socket

import h2.config
import h2.connection
import h2.events
import h2.settings
import pytest
from hyperframe.frame import GoAwayFrame

from support.client import Connection
from support.wire import TIMEOUT, Headers, Response


class StreamReset(AssertionError):
    """The gateway broke the stream off; `code` is the error code of HTTP/2."""

    def __init__(self, stream, code):
        super().__init__(f"stream {stream} was reset with code {code}")
        self.code = code


class Gone(AssertionError):
    """The connection ended before what was waited for; `code` is GOAWAY's, or None."""

    def __init__(self, what, code):
        super().__init__(f"the connection ended before {what}; GOAWAY's code: {code}")
        self.code = code


class Stream:
    def __init__(self, method):
        self.method = method
        self.response = None
        self.interim = []
        self.ended = False
        self.reset_code = None


class H2Client(Connection):
    def __init__(self, address, timeout=TIMEOUT, receive_buffer=None, settings=None, reads=True, window=None, tls=None,
                 server_name="localhost"):
        """`settings`: {h2.settings.SettingCodes: value}. `reads=False`: no room is given for bodies until `give_room`.
        `window`: room on the connection. `tls`: an ssl.SSLContext that offers h2."""
        super().__init__(address, timeout, receive_buffer)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname=server_name)
            assert self.socket.selected_alpn_protocol() == "h2"
        self.reads = reads
        self.streams = {}
        self.waiting = []  # requests whose answer nobody has read yet, oldest first
        self.goaway = None
        self.last_stream = None
        self.closed = False
        self.pings = 0
        self.peer_settings = {}
        config = h2.config.H2Configuration(client_side=True, header_encoding="latin-1", validate_outbound_headers=False,
                                           normalize_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config=config)
        self.h2._frame_dispatch_table[GoAwayFrame] = self.on_goaway  # the library would take nothing after it
        if settings:
            self.h2.local_settings.update(settings)
        self.h2.initiate_connection()
        if window:
            self.h2.increment_flow_control_window(window - 65535)
        self.flush()

    # -- sending --------------------------------------------------------------------------------------------------

    def raw(self, data):
        """Bytes as they stand, behind what has been said. A peer that has closed already is no error: read to see."""
        self.flush()
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass
        return self

    def flush(self):
        data = self.h2.data_to_send()
        try:
            if data:
                self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def open(self, fields, end=True):
        """A request of exactly these fields; returns the stream's number."""
        stream = self.h2.get_next_available_stream_id()
        method = dict(fields).get(":method", "GET")
        self.streams[stream] = Stream(method)
        self.waiting.append(stream)
        self.h2.send_headers(stream, fields, end_stream=end)
        self.flush()
        return stream

    def send_request(self, method="GET", target="/", headers=(), body=None, chunks=None, host="test", trailers=(),
                     wait=True):
        """One well-formed request, as client.Client sends it; returns self. The stream is `self.latest`.
        `wait=False`: a body is sent only as far as there is room."""
        fields = [(name.lower(), str(value)) for name, value in
                  (headers.items() if isinstance(headers, dict) else headers)]
        authority = next((value for name, value in fields if name == "host"), host)
        fields = [field for field in fields if field[0] not in ("host", "connection")]
        pieces = None
        if chunks is not None:
            pieces = [piece for piece in chunks if piece]
        elif body is not None:
            pieces = [body.encode() if isinstance(body, str) else body]
            fields.append(("content-length", str(len(pieces[0]))))
        head = [(":method", method), (":scheme", "http"), (":path", target)]
        if authority is not None:
            head.append((":authority", authority))
        self.latest = self.open(head + fields, end=pieces is None)
        if pieces is None:
            return self
        for piece in pieces:
            self.send_data(self.latest, piece)
        if trailers:
            self.h2.send_headers(self.latest, [(n.lower(), v) for n, v in Headers(trailers)], end_stream=True)
        else:
            self.end(self.latest)
        self.flush()
        return self

    def send_data(self, stream, data):
        """All of it, waiting for room. A stream that ends meanwhile takes no more."""
        while data:
            if self.over(stream):
                return
            room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
            if room <= 0:
                self.read_events(f"room on stream {stream}")
                continue
            self.h2.send_data(stream, data[:room])
            data = data[room:]
            self.flush()

    def end(self, stream):
        if not self.over(stream):
            self.h2.end_stream(stream)
            self.flush()

    def over(self, stream):
        one = self.streams[stream]
        return one.reset_code is not None or self.closed

    def reset_stream(self, stream, code=8):
        self.h2.reset_stream(stream, code)
        self.flush()

    # -- reading --------------------------------------------------------------------------------------------------

    def read_events(self, what):
        """Takes what comes next; fails when the connection has ended."""
        if self.closed:
            raise Gone(what, self.goaway)
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        except socket.timeout:
            raise AssertionError(f"waited {self.socket.gettimeout()} s for {what}") from None
        if not data:
            self.closed = True
            return
        for event in self.h2.receive_data(data):
            self.take(event)
        self.flush()

    def on_goaway(self, frame):
        self.goaway = frame.error_code
        self.last_stream = frame.last_stream_id
        return [], []

    def take(self, event):
        if isinstance(event, h2.events.RemoteSettingsChanged):
            self.peer_settings.update({code: change.new_value for code, change in event.changed_settings.items()})
        elif isinstance(event, h2.events.PingAckReceived):
            self.pings += 1
        stream = self.streams.get(getattr(event, "stream_id", None))
        if stream is None:
            return
        if isinstance(event, h2.events.InformationalResponseReceived):
            stream.interim.append(_response(event.headers))
        elif isinstance(event, h2.events.ResponseReceived):
            stream.response = _response(event.headers)
        elif isinstance(event, h2.events.DataReceived):
            stream.response.body += event.data
            if self.reads and event.flow_controlled_length:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            stream.response.trailers = Headers(event.headers)
        elif isinstance(event, h2.events.StreamEnded):
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset):
            if not stream.ended:  # after a whole answer: the rest of the request is not wanted
                stream.reset_code = event.error_code
            stream.late_reset = event.error_code

    def wait_for(self, condition, what):
        while not condition():
            self.read_events(what)

    def response(self, stream):
        """The answer of a stream, with its body and trailers."""
        one = self.streams[stream]
        self.wait_for(lambda: one.ended or one.reset_code is not None, f"the answer of stream {stream}")
        if stream in self.waiting:
            self.waiting.remove(stream)
        if one.reset_code is not None:
            raise StreamReset(stream, one.reset_code)
        one.response.interim = one.interim
        return one.response

    def expect_reset(self, stream):
        """The gateway breaks the stream off without an answer; returns the code."""
        with pytest.raises(StreamReset) as caught:
            self.response(stream)
        return caught.value.code

    def read_response(self, method="GET"):
        """The answer of the oldest request that has none yet."""
        return self.response(self.waiting[0])

    def request(self, method="GET", target="/", **how):
        self.send_request(method, target, **how)
        return self.response(self.latest)

    def ping(self):
        """A round trip: whatever was sent before has been read by the gateway."""
        before = self.pings
        self.h2.ping(b"roundtri")
        self.flush()
        self.wait_for(lambda: self.pings > before, "an answer to PING")

    def give_room(self, stream, amount):
        self.h2.increment_flow_control_window(amount, stream)
        self.h2.increment_flow_control_window(amount)
        self.flush()

    def expect_goaway(self):
        """The gateway ends the connection; returns the code."""
        while not self.closed:
            self.read_events("GOAWAY")
        assert self.goaway is not None, "the connection ended without GOAWAY"
        return self.goaway

    def expect_closed(self):
        while not self.closed:
            self.read_events("the end of the connection")

    def expect_open(self):
        self.ping()

    # -- what only bytes of HTTP/1.1 can say -----------------------------------------------------------------------

    def send(self, _):
        pytest.skip("sends bytes of HTTP/1.1")

    def half_close(self):
        pytest.skip("half-close is for HTTP/1.1")

    def read_head(self):
        pytest.skip("reads heads of HTTP/1.1")

    @property
    def reader(self):
        pytest.skip("reads bytes of HTTP/1.1")


def _response(fields):
    status = next(value for name, value in fields if name == ":status")
    return Response(f"HTTP/2 {status}", Headers([field for field in fields if not field[0].startswith(":")]))

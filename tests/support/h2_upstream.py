"""A scripted HTTP/2 upstream on plaintext (prior knowledge): many requests on one connection, every frame of an answer in
the scenario's hands."""
import socket
import threading

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from support.listening import Listening
from support.wire import TIMEOUT, Headers, hang_up

FRAME_TYPES = {"data": 0, "headers": 1, "rst_stream": 3, "settings": 4, "push_promise": 5, "ping": 6, "goaway": 7,
               "window_update": 8, "continuation": 9}


def frame(kind, flags=0, stream=0, payload=b""):
    """The bytes of one frame, whatever they say."""
    return (len(payload).to_bytes(3, "big") + bytes([FRAME_TYPES[kind], flags]) + stream.to_bytes(4, "big") + payload)


class Gone(Exception):
    """The stream or its connection has ended: a handler that still writes may stop."""


class H2Stream:
    """One request, and the means to answer it."""

    def __init__(self, connection, stream_id, fields, index):
        self.connection = connection
        self.id = stream_id
        self.fields = fields  # pseudo-header fields too
        self.headers = Headers([(n, v) for n, v in fields if not n.startswith(":")])
        self.index = index  # 0 for the upstream's first request
        self.body = b""
        self.trailers = Headers()
        self.ended = False
        self.reset_code = None

    def pseudo(self, name):
        return dict(self.fields)[":" + name]

    @property
    def path(self):
        return self.pseudo("path")

    def wait(self, condition, what):
        upstream = self.connection.upstream
        with upstream.changed:
            assert upstream.changed.wait_for(lambda: condition() or self.gone, TIMEOUT), f"waited in vain for {what}"
        if not condition():
            raise Gone

    @property
    def gone(self):
        return self.reset_code is not None or self.connection.closed

    def read_body(self):
        self.wait(lambda: self.ended, "the end of the request")
        return self.body

    def send_head(self, status=200, headers=(), end=False):
        self.connection.act(lambda h2c: h2c.send_headers(self.id, [(":status", str(status)), *headers], end_stream=end), self)

    def send_data(self, data, end=False):
        """Waits for the gateway's windows."""
        data = memoryview(data)
        while True:
            with self.connection.lock:
                room = self.connection.room(self)
                piece = data[:room]
                data = data[len(piece):]
                if piece or not data:
                    self.connection.act(lambda h2c: h2c.send_data(self.id, bytes(piece), end_stream=end and not data), self)
            if not data:
                return
            self.wait(lambda: self.connection.room(self) > 0, "the gateway's window")

    def send_trailers(self, trailers):
        self.connection.act(lambda h2c: h2c.send_headers(self.id, list(trailers), end_stream=True), self)

    def respond(self, status=200, headers=(), body=b"", trailers=None):
        body = body.encode() if isinstance(body, str) else body
        self.send_head(status, headers, end=not body and trailers is None)
        if body:
            self.send_data(body, end=trailers is None)
        if trailers is not None:
            self.send_trailers(trailers)

    def reset(self, code=h2.errors.ErrorCodes.INTERNAL_ERROR):
        self.connection.act(lambda h2c: h2c.reset_stream(self.id, code), self)

    def acknowledge(self, size):
        """Gives window back for received data, with an upstream of acknowledge=False."""
        self.connection.act(lambda h2c: h2c.acknowledge_received_data(size, self.id))


class H2UpstreamConnection:
    def __init__(self, upstream, sock, settings):
        self.upstream = upstream
        self.socket = sock
        self.lock = threading.RLock()
        self.streams = {}
        self.closed = False
        self.most_open = 0  # streams at the same time
        self.goaway = None
        self.pings = 0
        config = h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        self.h2 = h2.connection.H2Connection(config)
        if settings:
            self.h2.local_settings = h2.settings.Settings(client=False, initial_values=settings)
            self.h2.decoder.max_header_list_size = self.h2.local_settings.max_header_list_size or 65536
        self.h2.initiate_connection()
        self.flush()

    def flush(self):
        data = self.h2.data_to_send()
        if data:
            self.socket.sendall(data)

    def act(self, action, stream=None):
        try:
            with self.lock:
                action(self.h2)
                self.flush()
        except OSError:  # perhaps before the thread that reads has seen it
            raise Gone from None
        except h2.exceptions.ProtocolError:
            if self.closed or (stream is not None and stream.gone):
                raise Gone from None
            raise

    def room(self, stream):
        if self.closed or stream.gone:
            return 0
        try:
            return min(self.h2.local_flow_control_window(stream.id), self.h2.max_outbound_frame_size)
        except h2.exceptions.ProtocolError:  # the thread that reads has its reset, and is about to tell
            return 0

    def send_raw(self, data):
        try:
            with self.lock:
                self.socket.sendall(data)
        except OSError:
            raise Gone from None

    def send_goaway(self, last_stream, code=0):
        self.send_raw(frame("goaway", payload=last_stream.to_bytes(4, "big") + code.to_bytes(4, "big")))

    def serve(self):
        while not self.closed:
            data = self.socket.recv(65536)
            if not data:
                break
            with self.lock:
                events = self.h2.receive_data(data)
                for event in events:
                    self.on_event(event)
                self.flush()
            self.upstream.notify()

    def on_event(self, event):
        stream = self.streams.get(getattr(event, "stream_id", None))
        if isinstance(event, h2.events.RequestReceived):
            self.upstream.begin(self, event)
        elif isinstance(event, h2.events.DataReceived) and stream:
            stream.body += event.data
            if self.upstream.acknowledge:
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived) and stream:
            stream.trailers = Headers(event.headers)
        elif isinstance(event, h2.events.StreamEnded) and stream:
            stream.ended = True
        elif isinstance(event, h2.events.StreamReset) and stream:
            stream.reset_code = event.error_code
        elif isinstance(event, h2.events.PingReceived):
            self.pings += 1
        elif isinstance(event, h2.events.ConnectionTerminated):
            self.goaway = event.error_code

    def end(self):
        """Says nothing more, and goes on reading: a socket that is closed over unread bytes resets, and takes back what it has said."""
        with self.lock:
            self.socket.shutdown(socket.SHUT_WR)

    def close(self):
        if self.closed:
            return
        self.closed = True
        hang_up(self.socket)


class H2Upstream(Listening):
    """`answers`: a handler(stream), or a list of these, one for each request in the order of their arrival (the last one
    repeats). Each runs in a thread of its own from the request's head on; None answers 200 "ok" when the request has
    ended. `tls`: an ssl.SSLContext."""

    def __init__(self, answers=None, settings=None, acknowledge=True, raw=None, tls=None):
        sock = socket.create_server(("127.0.0.1", 0), backlog=128)
        super().__init__("the HTTP/2 upstream", sock, "127.0.0.1:%d" % sock.getsockname()[1])
        self.answers = answers if isinstance(answers, list) else [answers]
        self.settings = {getattr(h2.settings.SettingCodes, name.upper()): value for name, value in (settings or {}).items()}
        self.acknowledge = acknowledge
        self.tls = tls
        self.raw = raw  # raw(socket): serves each connection instead of HTTP/2
        self.streams = []  # every request, in the order of arrival
        self.start()

    def serve(self, sock):
        connection = None
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.tls:
                sock = self.tls.wrap_socket(sock, server_side=True)
            if self.raw:
                return self.raw(sock)
            connection = H2UpstreamConnection(self, sock, self.settings)
            self.record(connection, to=self.connections)
            connection.serve()
        except OSError:
            pass  # the gateway went away: what that means is for the scenario to say
        except BaseException:  # noqa: what breaks here must fail the test
            self.broke()
        finally:
            connection.close() if connection else sock.close()
            self.notify()

    def begin(self, connection, event):
        stream = H2Stream(connection, event.stream_id, event.headers, len(self.streams))
        connection.streams[stream.id] = stream
        connection.most_open = max(connection.most_open, connection.h2.open_inbound_streams)
        self.record(stream, to=self.streams)
        answer = self.answers[min(stream.index, len(self.answers) - 1)]
        threading.Thread(target=self.answer, args=(answer, stream), daemon=True).start()

    def answer(self, answer, stream):
        try:
            if answer is None:
                stream.read_body()
                stream.respond(body=b"ok")
            else:
                answer(stream)
        except Gone:
            pass
        except BaseException:  # noqa: the same
            self.broke()

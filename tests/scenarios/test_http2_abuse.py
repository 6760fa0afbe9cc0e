"""HTTP/2 that breaks the rules or does too much: the stream or the connection ends with the right code, a log line says why,
a counter counts it, and nothing of it reaches an upstream."""
import threading

import pytest
from hpack import Encoder as HPackEncoder
from hyperframe.frame import (ContinuationFrame, DataFrame, HeadersFrame, PingFrame, PriorityFrame, RstStreamFrame,
                              SettingsFrame, WindowUpdateFrame)
from support.client import Client
from support.gateway import proxy_to
from support.upstream import early, ok

NO_ERROR, PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR = 0, 1, 3, 5, 6
REFUSED_STREAM, COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 7, 9, 11

GET = [(":method", "GET"), (":scheme", "http"), (":path", "/"), (":authority", "test")]
POST = [(":method", "POST"), *GET[1:]]


def without(name):
    return [field for field in GET if field[0] != name]


MALFORMED = {
    "CR LF in a value": [*GET, ("x", "a\r\nTransfer-Encoding: chunked")],
    "LF in a value": [*GET, ("x", "a\nb: c")],
    "CR in a value": [*GET, ("x", "a\rb: c")],
    "NUL in a value": [*GET, ("x", "a\0b")],
    "a space before a value": [*GET, ("x", " a")],
    "a space after a value": [*GET, ("x", "a ")],
    "CR LF in a name": [*GET, ("x\r\ny", "a")],
    "a space in a name": [*GET, ("x y", "a")],
    "NUL in a name": [*GET, ("x\0", "a")],
    "a colon in a name": [*GET, ("x:y", "a")],
    "an empty name": [*GET, ("", "a")],
    "upper case in a name": [*GET, ("Xy", "a")],
    "Transfer-Encoding": [*GET, ("transfer-encoding", "chunked")],
    "Connection": [*GET, ("connection", "x")],
    "Keep-Alive": [*GET, ("keep-alive", "5")],
    "Proxy-Connection": [*GET, ("proxy-connection", "close")],
    "Upgrade": [*GET, ("upgrade", "websocket")],
    "TE: gzip": [*GET, ("te", "gzip")],
    "no :method": without(":method"),
    "no :scheme": without(":scheme"),
    "no :path": without(":path"),
    "no :authority": without(":authority"),
    "an empty :path": [*without(":path"), (":path", "")],
    "an absolute :path": [*without(":path"), (":path", "http://other/")],
    "a :path of * for GET": [*without(":path"), (":path", "*")],
    "a :path without its slash": [*without(":path"), (":path", "a")],
    "two :method": [(":method", "GET"), *GET],
    "two :path": [*GET[:3], (":path", "/admin"), GET[3]],
    "two :authority": [*GET, (":authority", "other")],
    "an unknown pseudo-header": [*GET, (":x", "y")],
    ":status in a request": [*GET, (":status", "200")],
    "a pseudo-header after a field": [*GET[:3], ("x", "y"), GET[3]],
    "CR LF in :path": [*without(":path"), (":path", "/ HTTP/1.1\r\nHost: x\r\n\r\nGET /")],
    "CR LF in :method": [*without(":method"), (":method", "GET / HTTP/1.1\r\nx: ")],
    "a space in :method": [*without(":method"), (":method", "GET /")],
    "CR LF in :authority": [*without(":authority"), (":authority", "a\r\nx: y")],
    "user information in :authority": [*without(":authority"), (":authority", "user@test")],
    "a Host that differs": [*GET, ("host", "other")],
    "two Content-Length": [*GET, ("content-length", "0"), ("content-length", "0")],
    "a Content-Length that is a list": [*GET, ("content-length", "0, 0")],
    "a Content-Length with a sign": [*GET, ("content-length", "+0")],
    "a Content-Length without a body": [*GET, ("content-length", "5")],
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_request_ends_its_stream_and_reaches_nobody(gateway, upstream, what):
    gw = gateway(proxy_to(upstream(never=True)))
    with gw.h2() as client:
        stream = client.open(MALFORMED[what])
        assert client.expect_reset(stream) == PROTOCOL_ERROR
        client.ping()  # the connection goes on
    line = gw.wait_log("HTTP/2 stream broken off")
    assert line["stream"] == 1 and line["error"] and line["peer"] == "127.0.0.1"


@pytest.mark.parametrize("path, status", [("/a\\b", 400), ("/../etc", 400), ("/%00", 400), ("/a#b", 400),
                                          ("/" + "a" * 9000, 414)])
def test_a_target_that_is_refused_over_http1_is_refused_here(gateway, upstream, path, status):
    with gateway(proxy_to(upstream(never=True))).h2() as client:
        assert client.response(client.open([*without(":path"), (":path", path)])).status == status
        client.ping()


def test_an_unknown_expectation_and_connect_are_refused(gateway, upstream):
    with gateway(proxy_to(upstream(never=True))).h2() as client:
        assert client.response(client.open([*POST, ("expect", "x")])).status == 417
        assert client.response(client.open([(":method", "CONNECT"), (":authority", "h:1")])).status == 501


@pytest.mark.parametrize("fields", [[("x", "a" * 70_000)], [("x", "a" * 30_000), ("y", "a" * 30_000), ("z", "a" * 30_000)],
                                    [(f"x{i}", "a") for i in range(101)]])
def test_a_head_over_the_limits_is_answered_431_across_continuation(gateway, upstream, fields):
    gw = gateway(proxy_to(upstream(never=True)))
    with gw.h2() as client:
        client.h2.max_outbound_frame_size = 16384
        stream = client.open([*GET, *fields])
        if len(fields) == 1:  # HPACK itself is bounded
            try:
                assert client.response(stream).status == 431
            except AssertionError:
                assert client.expect_goaway() in (COMPRESSION_ERROR, ENHANCE_YOUR_CALM)
            return
        assert client.response(stream).status == 431
        client.ping()


def test_an_hpack_bomb_ends_its_stream(gateway, upstream):
    gw = gateway(proxy_to(upstream(never=True)))
    with gw.h2() as client:
        stream = client.open([*GET, ("x", "a" * 4000)] + [("x", "a" * 4000)] * 2000)
        assert client.expect_reset(stream) == ENHANCE_YOUR_CALM
        client.ping()
    gw.wait_log("many times too large")


@pytest.mark.parametrize("sent, announced", [(3, 5), (7, 5)])
def test_a_body_that_is_not_as_long_as_announced_ends_its_stream(gateway, upstream, sent, announced):
    @early
    def never_whole(exchange):
        body = exchange.connection.socket.recv(100)
        assert len(body) <= announced
        exchange.connection.finish(reset=False)

    with gateway(proxy_to(upstream([never_whole, ok("hello")]))).h2() as client:
        stream = client.open([*POST, ("content-length", str(announced))], end=False)
        client.h2.send_data(stream, b"x" * sent, end_stream=True)
        client.flush()
        assert client.expect_reset(stream) == PROTOCOL_ERROR
        client.ping()


@pytest.mark.parametrize("trailers", [[("content-length", "5")], [("transfer-encoding", "chunked")], [("host", "x")],
                                      [(":path", "/admin")], [("x", "a\r\nb")]])
def test_trailers_that_frame_or_route_end_their_stream(gateway, upstream, trailers):
    @early
    def never_whole(exchange):
        exchange.connection.socket.recv(100)
        exchange.connection.finish(reset=False)

    with gateway(proxy_to(upstream(never_whole))).h2() as client:
        stream = client.open(POST, end=False)
        client.h2.send_data(stream, b"hello")
        client.raw(HeadersFrame(stream, data=client.h2.encoder.encode(trailers), flags=["END_HEADERS", "END_STREAM"])
                   .serialize())
        assert client.expect_reset(stream) == PROTOCOL_ERROR
        client.ping()


# ---- Frames that break the rules of a connection ------------------------------------------------------------------------

def frame(kind, flags, stream, payload, length=None):
    length = len(payload) if length is None else length
    return length.to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


BROKEN = {
    "DATA on stream 0": (frame(0, 0, 0, b"x"), PROTOCOL_ERROR),
    "DATA on an idle stream": (frame(0, 0, 1, b"x"), PROTOCOL_ERROR),
    "HEADERS on an even stream": (frame(1, 5, 2, b"\x82"), PROTOCOL_ERROR),
    "HEADERS on stream 0": (frame(1, 5, 0, b"\x82"), PROTOCOL_ERROR),
    "CONTINUATION without HEADERS": (frame(9, 4, 1, b"\x82"), PROTOCOL_ERROR),
    "a frame amid HEADERS and CONTINUATION": (frame(1, 0, 1, b"\x82") + frame(6, 0, 0, bytes(8)), PROTOCOL_ERROR),
    "padding longer than the frame": (frame(0, 8, 1, b"\xff"), PROTOCOL_ERROR),
    "a PING of seven bytes": (frame(6, 0, 0, bytes(7)), FRAME_SIZE_ERROR),
    "a PING on a stream": (frame(6, 0, 1, bytes(8)), PROTOCOL_ERROR),
    "SETTINGS of five bytes": (frame(4, 0, 0, bytes(5)), FRAME_SIZE_ERROR),
    "SETTINGS with a window too large": (frame(4, 0, 0, b"\0\4\xff\xff\xff\xff"), FLOW_CONTROL_ERROR),
    "WINDOW_UPDATE of nothing": (frame(8, 0, 0, bytes(4)), PROTOCOL_ERROR),
    "WINDOW_UPDATE beyond the limit": (frame(8, 0, 0, b"\x7f\xff\xff\xff"), FLOW_CONTROL_ERROR),
    "RST_STREAM on an idle stream": (frame(3, 0, 1, bytes(4)), PROTOCOL_ERROR),
    "PUSH_PROMISE": (frame(5, 4, 1, bytes(4) + b"\x82"), PROTOCOL_ERROR),
    "a frame larger than allowed": (frame(0, 0, 1, b"", 16385), FRAME_SIZE_ERROR),
    "HPACK that refers to nothing": (frame(1, 5, 1, b"\xff\xff\xff\xff\x0f"), COMPRESSION_ERROR),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_frame_ends_the_connection(gateway, upstream, what):
    data, code = BROKEN[what]
    gw = gateway(proxy_to(upstream(never=True)))
    with gw.h2() as client:
        client.ping()
        client.raw(data)
        assert client.expect_goaway() == code
    line = gw.wait_log("HTTP/2 connection ended by a protocol error")
    assert line["error"]


def test_data_beyond_the_window_ends_the_connection_or_the_stream(gateway, upstream):
    done = threading.Event()

    @early
    def takes_nothing(exchange):
        exchange.wait(done)
        exchange.connection.finish(reset=True)

    with gateway(proxy_to(upstream(takes_nothing), limits={"body": 0})).h2() as client:
        stream = client.open(POST, end=False)
        client.raw(DataFrame(stream, bytes(16384)).serialize() * 2000)
        client.wait_for(lambda: client.closed or client.streams[stream].reset_code is not None, "an end")
        assert (client.goaway or client.streams[stream].reset_code) == FLOW_CONTROL_ERROR
        done.set()


def test_a_request_on_a_closed_stream_ends_the_connection(gateway, upstream):
    with gateway(proxy_to(upstream(ok("hello")))).h2() as client:
        client.get("/")
        client.raw(HeadersFrame(1, data=client.h2.encoder.encode(GET), flags=["END_HEADERS", "END_STREAM"]).serialize())
        assert client.expect_goaway() in (PROTOCOL_ERROR, STREAM_CLOSED)


def test_http1_after_the_preface_ends_the_connection(gateway, upstream):
    with gateway(proxy_to(upstream(never=True))).h2() as client:
        client.raw(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
        assert client.expect_goaway() == FRAME_SIZE_ERROR


# ---- Too much -----------------------------------------------------------------------------------------------------------

def ended_by(gw, client, limit):
    assert client.expect_goaway() == ENHANCE_YOUR_CALM
    line = gw.wait_log("HTTP/2 connection ended by a limit")
    assert line["limit"] == limit
    assert line["peer"] == "127.0.0.1"


FLOODS = {
    "pings": PingFrame(0, bytes(8)).serialize(),
    "settings": SettingsFrame(0).serialize(),
    "priority": PriorityFrame(1, depends_on=3).serialize(),
    "window_update": WindowUpdateFrame(0, 1).serialize(),
}


@pytest.mark.parametrize("limit", FLOODS)
def test_a_flood_of_control_frames_ends_the_connection(gateway, upstream, limit):
    gw = gateway(proxy_to(upstream(never=True), limits={"http2": {"control_frames": 200}}))
    with gw.h2() as client:
        client.raw(FLOODS[limit] * 1000)
        ended_by(gw, client, limit)


def test_a_flood_of_empty_data_ends_the_connection(gateway, upstream):
    gw = gateway(proxy_to(upstream(ok("hello")), limits={"http2": {"control_frames": 200}}))
    with gw.h2() as client:
        stream = client.open(POST, end=False)
        client.raw(DataFrame(stream).serialize() * 1000)
        ended_by(gw, client, "empty_data")


def test_rapid_resets_end_the_connection(gateway, upstream):
    gw = gateway(proxy_to(upstream(ok("hello"))))
    with gw.h2() as client:
        frames = []
        for stream in range(1, 1001, 2):
            head = client.h2.encoder.encode(GET)
            frames.append(HeadersFrame(stream, data=head, flags=["END_HEADERS", "END_STREAM"]).serialize() +
                          RstStreamFrame(stream, 8).serialize())
        client.raw(b"".join(frames))
        ended_by(gw, client, "resets")
    with gw.h2() as client:
        assert client.get("/").text == "hello"


def test_streams_that_a_client_makes_the_gateway_reset_count_as_well(gateway, upstream):
    gw = gateway(proxy_to(upstream(never=True), limits={"http2": {"resets": 10}}))
    with gw.h2() as client:
        for stream in range(1, 80, 2):
            head = client.h2.encoder.encode([*GET, ("connection", "x")])
            client.raw(HeadersFrame(stream, data=head, flags=["END_HEADERS", "END_STREAM"]).serialize())
        client.h2._frame_dispatch_table[RstStreamFrame] = lambda _: ([], [])  # the library knows nothing of these streams
        ended_by(gw, client, "resets")


def test_a_client_that_breaks_off_some_of_its_streams_goes_on(gateway, upstream):
    with gateway(proxy_to(upstream(ok("hello")))).h2() as client:
        for i in range(300):
            stream = client.send_request().latest
            if i % 3 == 0:
                client.reset_stream(stream)
            else:
                assert client.response(stream).text == "hello"
        client.ping()


def test_a_flood_of_continuation_ends_the_connection(gateway, upstream):
    gw = gateway(proxy_to(upstream(never=True)))
    with gw.h2() as client:
        client.raw(HeadersFrame(1, data=b"\x82").serialize() + ContinuationFrame(1).serialize() * 1000)
        ended_by(gw, client, "continuation")


def test_more_streams_than_allowed_are_refused(gateway, upstream):
    up = upstream(ok("hello"))
    gw = gateway(proxy_to(up, limits={"http2": {"concurrent_streams": 3}}))
    head = HPackEncoder().encode(POST)
    frames = b"".join(HeadersFrame(stream, data=head, flags=["END_HEADERS"]).serialize() for stream in (1, 3, 5, 7))
    with Client(gw.address()) as client:  # before it has heard the gateway's SETTINGS, a client may not know better
        client.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SettingsFrame(0).serialize() + frames)
        while True:
            head = client.read_exactly(9)
            payload = client.read_exactly(int.from_bytes(head[:3], "big"))
            if head[3] == 3:  # RST_STREAM
                break
        assert int.from_bytes(head[5:], "big") == 7
        assert int.from_bytes(payload, "big") == REFUSED_STREAM


def test_limits_are_counted(gateway, upstream):
    gw = gateway("""
        upstreams: {all: {targets: ["<up>"]}}
        plugins: [{metrics: {path: /metrics}}]
        limits: {http2: {control_frames: 50}}
        routes: [{id: all, match: {path: "/*"}, upstream: all}]
        """, up=upstream(ok("hello")))
    with gw.h2() as client:
        client.raw(FLOODS["pings"] * 500)
        ended_by(gw, client, "pings")
    with gw.h2() as client:
        client.expect_reset(client.open(MALFORMED["Connection"]))
    metrics = gw.metrics()
    assert metrics.value("postern_http2_limits_total", limit="pings") == 1
    assert metrics.value("postern_http2_broken_streams_total") == 1
    assert metrics.value("postern_http2_connections_total") == 2

"""HTTP/2 to upstreams: many exchanges on one connection, and none of them pays for another."""
import contextlib
import os
import shutil
import socket
import subprocess
import threading
import time

import pytest
from h2.errors import ErrorCodes

from support.certificates import Authority, server_context
from support.gateway import BUILD, over_h2, proxy_to, tls_listener
from support.h2_upstream import frame
from support.upstream import ok
from support.wire import TIMEOUT, Truncated

MIB = 1024 * 1024
NGHTTPD = shutil.which("nghttpd", path=os.environ["PATH"] + ":/usr/sbin")


def h2_to(upstream, plugins=(), route=None, **more):
    pool = {"max_connections": 1, **more.pop("pool", {})}
    return proxy_to(over_h2(upstream, pool=pool, **more), plugins, route)


def in_threads(count, run):
    """run(index) in as many threads; their results in order."""
    results = [None] * count

    def one(index):
        try:
            results[index] = run(index)
        except BaseException as failure:  # noqa: raised below, where the test sees it
            results[index] = failure

    threads = [threading.Thread(target=one, args=(i,)) for i in range(count)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def test_a_request_and_its_answer(gateway, h2_upstream):
    def answer(stream):
        assert stream.read_body() == b"hello"
        stream.respond(201, [("x-answer", "yes"), ("content-length", "5")], b"world")

    u = h2_upstream(answer)
    response = gateway(h2_to(u)).request("POST", "/a%20b?q=1", headers={"X-Ask": "Yes", "Connection": "X-Hop", "X-Hop": "1"},
                                         body="hello", host="Example.org")
    assert (response.status, response.text) == (201, "world")
    assert response.headers["x-answer"] == "yes" and response.headers["Content-Length"] == "5"
    stream = u.streams[0]
    assert [stream.pseudo(n) for n in ("method", "scheme", "authority", "path")] == \
        ["POST", "http", "Example.org", "/a%20b?q=1"]
    assert stream.headers["x-ask"] == "Yes" and stream.headers["content-length"] == "5"
    assert stream.headers["x-forwarded-for"] == "127.0.0.1"
    assert not {"host", "connection", "x-hop", "te"} & {n for n, _ in stream.fields}


def test_heads_without_bodies(gateway, h2_upstream):
    def answer(stream):
        stream.read_body()
        if stream.path == "/204":
            return stream.respond(204)
        if stream.path == "/304":
            return stream.respond(304, [("content-length", "7")])
        if stream.pseudo("method") == "HEAD":
            return stream.respond(200, [("content-length", "5")])
        stream.respond(200, [("content-length", "0")])

    u = h2_upstream(answer)
    with gateway(h2_to(u)).client() as client:
        assert client.get("/204").status == 204
        assert client.get("/304").status == 304
        assert client.request("HEAD", "/").headers["Content-Length"] == "5"
        response = client.request("POST", "/", body="")
        assert (response.status, response.body) == (200, b"")
    assert len(u.connections) == 1 and len(u.streams) == 4


def test_interim_responses_and_trailers_pass(gateway, h2_upstream):
    def answer(stream):
        stream.connection.act(lambda h2c: h2c.send_headers(stream.id, [(":status", "103"), ("link", "</a>")]))
        stream.read_body()
        assert stream.trailers["x-sum"] == "1"
        stream.respond(200, body="body", trailers=[("x-check", "2"), ("content-type", "evil")])

    u = h2_upstream(answer)
    response = gateway(h2_to(u)).request("POST", "/", chunks=[b"ab", b"cd"], trailers=[("X-Sum", "1")])
    assert response.text == "body" and u.streams[0].body == b"abcd"
    assert [i.status for i in response.interim] == [103]
    assert list(response.trailers) == [("x-check", "2")]


def test_many_exchanges_share_one_connection(gateway, h2_upstream):
    all_there = threading.Barrier(20)

    def answer(stream):
        body = stream.read_body()
        all_there.wait(30)  # no answer before the last request
        stream.respond(body=body * 2)

    u = h2_upstream(answer)
    gw = gateway(h2_to(u))
    texts = in_threads(20, lambda i: gw.request("POST", f"/{i}", body=f"<{i}>").text)
    assert texts == [f"<{i}><{i}>" for i in range(20)]
    assert len(u.connections) == 1 and u.connections[0].most_open == 20


def test_the_upstreams_limit_of_streams_is_respected(gateway, h2_upstream):
    u = h2_upstream(settings={"max_concurrent_streams": 2})
    gw = gateway(h2_to(u))
    assert all(r.text == "ok" for r in in_threads(12, lambda i: gw.get()))
    assert len(u.connections) == 1 and u.connections[0].most_open <= 2


def test_more_connections_when_all_are_full(gateway, h2_upstream):
    all_there = threading.Barrier(6)

    def answer(stream):
        all_there.wait(30)
        stream.respond(body="ok")

    u = h2_upstream(answer)
    gw = gateway(h2_to(u, pool={"max_connections": 10, "max_streams": 2}))
    assert all(r.text == "ok" for r in in_threads(6, lambda i: gw.get()))
    assert len(u.connections) == 3 and all(c.most_open == 2 for c in u.connections)


def test_a_connection_ends_after_its_last_request(gateway, h2_upstream):
    u = h2_upstream()
    with gateway(h2_to(u, pool={"max_requests": 2})).client() as client:
        assert all(client.get().text == "ok" for _ in range(5))
    assert [len(c.streams) for c in u.connections] == [2, 2, 1]


def test_a_connection_that_has_had_its_requests_makes_room(gateway, h2_upstream):
    """One endless stream keeps it, and must not keep out its successor."""
    def answer(stream):
        if stream.path != "/watch":
            return stream.respond(body="ok")
        stream.send_head(200)
        stream.wait(lambda: stream.gone, "the end")

    u = h2_upstream(answer)
    gw = gateway(h2_to(u, pool={"max_requests": 2, "max_wait": "30s"}))
    with gw.client() as watcher:
        watcher.send_request("GET", "/watch")
        assert watcher.read_head().status == 200
        assert [gw.get().text for _ in range(4)] == ["ok"] * 4
    assert [len(c.streams) for c in u.connections] == [2, 2, 1]


def test_an_upstream_that_takes_no_streams_makes_room(gateway, h2_upstream):
    """Its first SETTINGS allow none: whoever counts on room to come there would wait for nothing."""
    head_sent = threading.Event()

    def first(sock):
        if head_sent.is_set():
            return serve(sock)
        head_sent.set()
        sock.recv(65536)
        sock.sendall(frame("settings", payload=b"\0\3" + bytes(4)))
        while sock.recv(65536):
            pass

    u = h2_upstream(raw=first)

    def serve(sock):
        u.raw = None
        u.serve(sock)

    gw = gateway(h2_to(u, timeouts={"response": "30s"}, pool={"max_wait": "30s"}))
    with gw.client() as waits:
        waits.send_request()
        assert head_sent.wait(TIMEOUT)
        assert [r.text for r in in_threads(3, lambda i: gw.get())] == ["ok"] * 3


def test_goaway_loses_nothing(gateway, h2_upstream):
    """The first connection answers stream 1, and says that it never looked at what came behind it."""
    behind = threading.Event()

    def answer(stream):
        if stream.connection is not u.connections[0]:
            stream.read_body()
            return stream.respond(body="second")
        if stream.id != 1:
            behind.set()
            return
        stream.send_head(200)
        stream.send_data(b"fir")
        assert behind.wait(30)
        stream.connection.send_goaway(1)
        u.wait_for(lambda u: len(u.connections) == 2)
        stream.send_data(b"st", end=True)

    u = h2_upstream(answer)
    gw = gateway(h2_to(u))  # of one connection: what only finishes does not count
    with gw.client() as one, gw.client() as two:
        one.send_request()
        assert one.read_head().status == 200
        response = two.request("POST", "/", body="not idempotent, but never processed")
        assert (response.status, response.text) == (200, "second")
        assert one.reader.exactly(len(b"3\r\nfir\r\n2\r\nst\r\n0\r\n\r\n")).endswith(b"2\r\nst\r\n0\r\n\r\n")
    assert len(u.connections) == 2


def test_a_request_that_comes_after_goaway_goes_elsewhere(gateway, upstream, h2_upstream):
    """A plugin waits with a stream of the connection in its hands; when it goes on, the upstream takes no more streams there."""
    held, go_on = threading.Event(), threading.Event()

    def gate(exchange):
        held.set()
        exchange.wait(go_on)
        return ok()

    u = h2_upstream()
    config = h2_to(u, ["policy"])
    config["plugin_path"] = [str(BUILD / "plugins"), "<dir>"]
    config["upstreams"]["gate"] = {"targets": [str(upstream(gate))]}
    gw = gateway(config, files={"policy/policy.lua": """
      return {name = "policy", version = "1.0.0", on_upstream_request = function(exchange)
        if exchange.request.method == "POST" then postern.http("gate", {}) end
      end}"""})
    assert gw.get().text == "ok"
    with gw.client() as client:
        client.send_request("POST", "/", body="never sent before")
        assert held.wait(TIMEOUT)
        u.connections[0].send_goaway(1)
        while len(u.connections) == 1:  # until the gateway has read it
            assert gw.get().text == "ok"
        go_on.set()
        assert client.read_response().text == "ok"
    assert [s.pseudo("method") for s in u.streams].count("POST") == 1


def test_heads_up_to_the_limit_pass(gateway, h2_upstream):
    """What the gateway adds makes a head larger than nghttp2 sends by itself."""
    u = h2_upstream(settings={"max_header_list_size": MIB})
    gw = gateway(h2_to(u))
    assert gw.get().text == "ok"
    large = {f"X-{i}": "x" * 675 for i in range(95)}
    assert gw.get(headers=large).text == "ok"
    assert len(u.streams[1].headers["x-94"]) == 675
    assert len(u.connections) == 1


def test_a_refused_stream_is_repeated(gateway, h2_upstream):
    def refuse(stream):
        stream.read_body()
        stream.reset(ErrorCodes.REFUSED_STREAM)

    def answer(stream):
        stream.respond(body=stream.read_body())

    u = h2_upstream([refuse, refuse, answer])
    response = gateway(h2_to(u)).request("POST", "/", body="again")
    assert (response.status, response.text) == (200, "again")
    assert len(u.streams) == 3 and len(u.connections) == 1


def test_refused_without_end_is_502(gateway, h2_upstream):
    u = h2_upstream(lambda stream: stream.reset(ErrorCodes.REFUSED_STREAM))
    gw = gateway(h2_to(u))
    assert gw.get().status == 502
    assert len(u.streams) == 4


def test_a_reset_is_502_and_the_connection_goes_on(gateway, h2_upstream):
    def answer(stream):
        stream.read_body()
        stream.reset() if stream.path == "/reset" else stream.respond(body="ok")

    u = h2_upstream(answer)
    gw = gateway(h2_to(u))
    response = gw.request("POST", "/reset", body="x")
    assert (response.status, response.error_code) == (502, "PROXY_ERROR")
    assert gw.get().text == "ok"
    assert len(u.connections) == 1 and len(u.streams) == 2


@pytest.mark.parametrize("code", [ErrorCodes.INTERNAL_ERROR, ErrorCodes.CANCEL, ErrorCodes.ENHANCE_YOUR_CALM])
def test_a_request_that_was_reset_is_not_repeated(gateway, h2_upstream, code):
    """The connection was used before and is not stale: the upstream says what it thinks of this request."""
    u = h2_upstream([None, lambda stream: stream.reset(code)])
    gw = gateway(h2_to(u))
    assert gw.get().text == "ok"
    assert gw.request("PUT", "/", body="once").status == 502
    assert [s.pseudo("method") for s in u.streams] == ["GET", "PUT"]


def test_a_reset_behind_the_head_cuts_the_client_off(gateway, h2_upstream):
    def answer(stream):
        stream.send_head(200, [("content-length", "10")])
        stream.send_data(b"hello")
        stream.reset()

    u = h2_upstream(answer)
    with gateway(h2_to(u)).client() as client, pytest.raises(Truncated):
        client.get()


def test_no_error_behind_the_whole_response_is_none(gateway, h2_upstream):
    """RFC 9113 section 8.1: whoever has answered may ask that the rest of the request is not sent."""
    def answer(stream):
        stream.respond(413, [("content-length", "3")], b"big")
        stream.reset(ErrorCodes.NO_ERROR)

    u = h2_upstream(answer)
    with gateway(h2_to(u)).client() as client:
        client.send_request("POST", "/", headers={"Content-Length": "100"})
        response = client.read_response()
    assert (response.status, response.text) == (413, "big")


def test_a_client_that_leaves_resets_its_stream_alone(gateway, h2_upstream):
    other = threading.Event()

    def answer(stream):
        if stream.path == "/leave":
            stream.send_head(200)  # no more: the client may be gone before anything else could be sent
            stream.wait(lambda: stream.reset_code is not None, "RST_STREAM")
            other.set()
            return
        assert other.wait(30)
        stream.respond(body="stays")

    u = h2_upstream(answer)
    gw = gateway(h2_to(u))
    with gw.client() as stays:
        stays.send_request("GET", "/stay")
        with gw.client() as leaves:
            leaves.send_request("GET", "/leave")
            leaves.read_head()
            leaves.reset()
        assert stays.read_response().text == "stays"
    assert u.streams[0].reset_code in (None, ErrorCodes.CANCEL) and u.streams[1].reset_code in (None, ErrorCodes.CANCEL)
    assert len(u.connections) == 1


def test_a_mebibyte_in_both_directions(gateway, h2_upstream):
    data = bytes(range(256)) * (MIB // 256)

    def answer(stream):
        stream.respond(body=stream.read_body())

    u = h2_upstream(answer)
    gw = gateway(h2_to(u))
    assert all(in_threads(4, lambda i: gw.request("POST", "/", body=data).body == data))
    assert len(u.connections) == 1


def test_a_body_waits_for_the_window(gateway, h2_upstream):
    """An upstream that gives no window back gets no more than that, and the client waits; then all of it comes."""
    go_on = threading.Event()

    def answer(stream):
        assert go_on.wait(30)
        given = 0
        while not stream.ended:
            stream.wait(lambda: len(stream.body) > given or stream.ended, "more of the body")
            if not stream.ended:
                size = len(stream.body) - given
                given += size
                stream.acknowledge(size)
        stream.respond(body=str(len(stream.body)))

    u = h2_upstream(answer, acknowledge=False)
    with gateway(h2_to(u)).client() as client:
        sender = threading.Thread(target=client.send_request, args=("POST", "/"), kwargs={"body": b"x" * MIB})
        sender.start()
        u.wait_for(lambda u: u.streams and len(u.streams[0].body) == 65535)
        go_on.set()
        sender.join()
        assert client.read_response().text == str(MIB)


def test_a_slow_client_does_not_stall_the_others(gateway, h2_upstream):
    """One response is not read at all: it fills its window and waits, while others pass on the same connection."""
    def answer(stream):
        if stream.path == "/slow":
            return stream.respond(body=b"s" * (32 * MIB))
        stream.respond(body=b"f" * MIB)

    u = h2_upstream(answer)
    gw = gateway(h2_to(u))
    with gw.client(receive_buffer=4096) as slow:
        slow.send_request("GET", "/slow")
        assert slow.read_head().status == 200
        for _ in range(5):
            assert len(gw.get("/fast").body) == MIB
    assert len(u.connections) == 1


def test_timeouts_end_one_stream(gateway, h2_upstream):
    def answer(stream):
        if stream.path == "/mute":
            return stream.wait(lambda: stream.reset_code is not None, "RST_STREAM")
        if stream.path == "/stall":
            stream.send_head(200)
            stream.send_data(b"x")
            return stream.wait(lambda: stream.reset_code is not None, "RST_STREAM")
        stream.respond(body="ok")

    u = h2_upstream(answer)
    config = h2_to(u, timeouts={"body": "100ms"})
    # Long enough for the SETTINGS of a busy upstream: a connection of which nothing was heard takes no more requests.
    config["routes"].append({"id": "mute", "match": {"path": "/mute"}, "upstream": "backend", "timeout": "1s"})
    gw = gateway(config)
    response = gw.get("/mute")
    assert (response.status, response.error_code) == (504, "TIMEOUT")
    with pytest.raises(Truncated):
        gw.get("/stall")
    assert gw.get("/ok").text == "ok"
    assert len(u.connections) == 1


def test_a_connection_on_which_nothing_was_heard_gets_no_more_requests(gateway, h2_upstream):
    """The way to it may be gone. What is open there may go on, what is new goes elsewhere."""
    over = threading.Event()

    def answer(stream):
        if stream.path == "/watch":
            stream.send_head(200)
            return stream.wait(lambda: stream.gone, "the end")
        if stream.path == "/lost":
            with stream.connection.lock:  # nothing is read or answered any more, PING neither
                assert over.wait(TIMEOUT)
            return
        stream.respond(body="ok")

    u = h2_upstream(answer)
    config = h2_to(u, timeouts={"body": 0})
    config["routes"].append({"id": "lost", "match": {"path": "/lost"}, "upstream": "backend", "timeout": "300ms"})
    gw = gateway(config)
    with gw.client() as watcher:
        watcher.send_request("GET", "/watch")
        assert watcher.read_head().status == 200
        assert gw.get("/lost").status == 504
        assert [gw.get().text for _ in range(3)] == ["ok"] * 3
        over.set()
    assert [len(c.streams) for c in u.connections] == [2, 3]


def test_a_body_may_stand_still_when_no_timeout_is_wanted(gateway, h2_upstream):
    u = h2_upstream(lambda stream: (stream.send_head(200), stream.send_data(b"a"), stream.send_data(b"b", end=True)))
    assert gateway(h2_to(u, timeouts={"response": 0, "body": 0})).get().text == "ab"


def test_a_connection_that_went_while_idle_is_replaced(gateway, h2_upstream):
    u = h2_upstream()
    gw = gateway(h2_to(u))
    assert gw.get().text == "ok"
    u.connections[0].close()
    assert gw.get().text == "ok"
    assert len(u.connections) == 2


def test_an_idle_connection_is_closed(gateway, h2_upstream):
    u = h2_upstream()
    gw = gateway(h2_to(u, timeouts={"idle": "50ms"}))
    assert gw.get().text == "ok"
    u.wait_for(lambda u: u.connections[0].closed)


def test_a_response_that_has_come_survives_its_connection(gateway, h2_upstream):
    """The upstream sends all it has to say and ends the connection, long before the client has read it."""
    sent = threading.Event()

    def answer(stream):
        stream.respond(headers=[("content-length", str(200_000))], body=b"x" * 200_000)
        stream.connection.end()
        sent.set()

    u = h2_upstream(answer)
    with gateway(h2_to(u)).client(receive_buffer=4096) as client:
        client.send_request()
        assert sent.wait(30)
        assert len(client.read_response().body) == 200_000


OK = [(":status", "200")]


def lies():
    """name: what the upstream sends instead of an answer to stream 1, as HPACK-encoded fields or raw frames."""
    yield "no-status", lambda c, s: fields(c, s, [("x", "y")], end=True)
    yield "a-status-of-two-digits", lambda c, s: fields(c, s, [(":status", "20")], end=True)
    yield "a-status-that-is-no-number", lambda c, s: fields(c, s, [(":status", "abc")], end=True)
    yield "status-101", lambda c, s: fields(c, s, [(":status", "101")], end=True)
    yield "two-statuses", lambda c, s: fields(c, s, OK + OK, end=True)
    yield "an-interim-response-that-ends", lambda c, s: fields(c, s, [(":status", "103")], end=True)
    yield "a-request-pseudo-field", lambda c, s: fields(c, s, OK + [(":path", "/")], end=True)
    yield "an-upper-case-name", lambda c, s: fields(c, s, OK + [("X-Y", "z")], end=True)
    yield "a-line-break-in-a-value", lambda c, s: fields(c, s, OK + [("x", "a\r\nb: c")], end=True)
    yield "a-zero-byte", lambda c, s: fields(c, s, OK + [("x", "a\0b")], end=True)
    yield "transfer-encoding", lambda c, s: fields(c, s, OK + [("transfer-encoding", "chunked")], end=True)
    yield "connection", lambda c, s: fields(c, s, OK + [("connection", "close")], end=True)
    yield "a-length-that-is-no-number", lambda c, s: fields(c, s, OK + [("content-length", "five")], end=True)
    yield "two-lengths", lambda c, s: fields(c, s, OK + [("content-length", "5"), ("content-length", "6")], end=True)
    yield "a-length-without-a-body", lambda c, s: fields(c, s, OK + [("content-length", "5")], end=True)
    yield "too-many-fields", lambda c, s: fields(c, s, OK + [("x", "y")] * 2000, end=True)
    yield "too-large-a-head", lambda c, s: fields(c, s, OK + [(f"x{i}", "y" * 4000) for i in range(18)], end=True)
    yield "data-before-the-head", lambda c, s: c.send_raw(frame("data", 1, s.id, b"hello"))
    yield "bad-hpack", lambda c, s: c.send_raw(frame("headers", 5, s.id, b"\xff\xff\xff\xff\xff"))
    yield "half-an-hpack-integer", lambda c, s: c.send_raw(frame("headers", 5, s.id, b"\x1f"))
    yield "a-frame-on-stream-0", lambda c, s: c.send_raw(frame("headers", 5, 0, b"\x88"))
    yield "an-even-stream", lambda c, s: c.send_raw(frame("headers", 5, 2, b"\x88"))
    yield "a-stream-that-was-never-opened", lambda c, s: c.send_raw(frame("headers", 5, 77, b"\x88"))
    yield "a-push", lambda c, s: c.send_raw(frame("push_promise", 4, s.id, b"\0\0\0\2\x88"))
    yield "a-frame-too-large", lambda c, s: c.send_raw(frame("data", 0, s.id, b"x" * 20_000))
    yield "padding-longer-than-the-frame", lambda c, s: c.send_raw(frame("data", 8, s.id, b"\xffabc"))
    yield "settings-of-five-bytes", lambda c, s: c.send_raw(frame("settings", 0, 0, b"12345"))
    yield "a-window-beyond-its-limit", lambda c, s: c.send_raw(frame("window_update", 0, 0, b"\x7f\xff\xff\xff"))
    yield "a-window-update-of-nothing", lambda c, s: c.send_raw(frame("window_update", 0, s.id, b"\0\0\0\0"))
    yield "continuation-without-headers", lambda c, s: c.send_raw(frame("continuation", 4, s.id, b"\x88"))
    yield "something-between-headers-and-continuation", lambda c, s: c.send_raw(
        frame("headers", 0, s.id, b"\x88") + frame("ping", 0, 0, b"12345678"))
    yield "continuations-without-end", lambda c, s: c.send_raw(
        frame("headers", 0, s.id, b"\x88") + frame("continuation", 0, s.id, b"") * 5_000)
    yield "interim-responses-without-end", lambda c, s: [fields(c, s, [(":status", "103")]) for _ in range(100)]
    yield "HTTP/1", lambda c, s: c.send_raw(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")


def fields(connection, stream, fields_, end=False):
    """A header block that no library would write, in frames of the allowed size."""
    with connection.lock:
        block = connection.h2.encoder.encode(fields_)
        pieces = [block[i:i + 16_000] for i in range(0, len(block), 16_000)]
        data = b""
        for i, piece in enumerate(pieces):
            flags = (1 if end and i == 0 else 0) | (4 if i == len(pieces) - 1 else 0)
            data += frame("continuation" if i else "headers", flags, stream.id, piece)
        connection.send_raw(data)


@pytest.mark.parametrize("lie", [pytest.param(lie, id=name) for name, lie in lies()])
def test_a_lie_is_502_and_never_reaches_the_client(gateway, h2_upstream, lie):
    def answer(stream):
        stream.read_body()
        lie(stream.connection, stream)

    u = h2_upstream([answer, lambda stream: stream.respond(body="good")])
    gw = gateway(h2_to(u, timeouts={"response": "10s"}))
    with gw.client() as client:
        response = client.request("POST", "/", body="x")
        assert (response.status, response.error_code) == (502, "PROXY_ERROR")
        assert client.get().text == "good"
    assert len(u.streams) == 2


def late_lies():
    yield "more-than-its-length", lambda c, s: s_data(c, s, b"hello, too long", 1)
    yield "less-than-its-length", lambda c, s: s_data(c, s, b"hell", 1)
    yield "headers-again", lambda c, s: fields(c, s, OK + [("x", "y")])
    yield "trailers-with-a-status", lambda c, s: (s_data(c, s, b"hello"), fields(c, s, OK, end=True))
    yield "trailers-without-an-end", lambda c, s: (s_data(c, s, b"hello"), fields(c, s, [("x", "y")]))
    yield "bad-trailers", lambda c, s: (s_data(c, s, b"hello"), fields(c, s, [("x", "a\nb")], end=True))
    yield "trailers-that-frame", lambda c, s: (s_data(c, s, b"hello"), fields(c, s, [("content-length", "9")], end=True))


def s_data(connection, stream, data, flags=0):
    connection.send_raw(frame("data", flags, stream.id, data))


@pytest.mark.parametrize("name, lie", [pytest.param(name, lie, id=name) for name, lie in late_lies()])
def test_a_lie_behind_the_head_cuts_the_client_off(gateway, h2_upstream, name, lie):
    def answer(stream):
        length = [("content-length", "5")] if "length" in name else []
        fields(stream.connection, stream, OK + length)
        lie(stream.connection, stream)

    u = h2_upstream([answer, lambda stream: stream.respond(body="good")])
    gw = gateway(h2_to(u))
    with gw.client() as client:
        client.send_request("POST", "/", body="x")
        try:
            response = client.read_response()
        except Truncated:
            pass
        else:  # a gateway that had not sent the head yet may still say so
            assert response.status == 502
    assert gw.get().text == "good"


def test_an_upstream_that_heeds_no_window_is_cut_off(gateway, h2_upstream):
    def answer(stream):
        stream.send_head(200)
        while not stream.gone:
            s_data(stream.connection, stream, b"x" * 16_384)

    u = h2_upstream(answer)
    with gateway(h2_to(u)).client(receive_buffer=4096) as client:
        client.send_request()
        u.wait_for(lambda u: u.streams and u.streams[0].gone)
    assert u.streams[0].reset_code in (None, ErrorCodes.FLOW_CONTROL_ERROR)


def test_what_follows_the_end_spoils_nothing(gateway, h2_upstream):
    """A second response on a stream that has ended is never anybody's answer."""
    def answer(stream):
        stream.respond(body="first")
        fields(stream.connection, stream, OK + [("x", "evil")], end=True)

    u = h2_upstream([answer, lambda stream: stream.respond(body="second")])
    gw = gateway(h2_to(u))
    assert gw.get().text == "first"
    assert gw.get().text == "second"


def test_an_upstream_that_only_speaks_http1_is_502(gateway, upstream):
    u = upstream(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    assert gateway(h2_to(u)).get().status == 502


def test_an_upstream_that_says_nothing_is_given_up(gateway, h2_upstream):
    u = h2_upstream(raw=lambda sock: sock.recv(1 << 20) and sock.recv(1))
    gw = gateway(h2_to(u, timeouts={"connect": "100ms"}))
    assert gw.get().status == 502


@pytest.fixture
def nghttpd(tmp_path):
    """A stock server: nghttpd of nghttp2, with the files of `tmp_path`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [NGHTTPD, "--no-tls", "--address=127.0.0.1", "-d", str(tmp_path), "--echo-upload", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            assert process.poll() is None, "nghttpd ended"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(NGHTTPD is None, reason="needs nghttpd")
def test_a_stock_server(gateway, nghttpd, tmp_path):
    (tmp_path / "file").write_bytes(b"stock" * 50_000)
    gw = gateway(h2_to(nghttpd))
    with gw.client() as client:
        response = client.get("/file")
        assert response.body == b"stock" * 50_000
        assert client.get("/nothing").status == 404
        assert client.request("HEAD", "/file").headers["Content-Length"] == "250000"
        assert client.request("POST", "/echo", body=b"e" * MIB).body == b"e" * MIB
    assert all(len(r.body) == 250_000 for r in in_threads(8, lambda i: gw.get("/file")))


# ---- Is it still there? ------------------------------------------------------------------------------------------------

PINGS = {"ping_interval": "100ms", "ping_timeout": "1s"}


def goes_dumb(stream):
    """The connection stays open, and nothing is read from it or said any more, until the gateway gives it up."""
    with stream.connection.lock:
        give_up.wait(TIMEOUT)


@pytest.fixture(autouse=True)
def end_of_dumbness():
    give_up.clear()
    yield
    give_up.set()


give_up = threading.Event()


def test_requests_on_a_dead_connection_are_sent_again_on_another(gateway, h2_upstream):
    u = h2_upstream([goes_dumb, None])
    gw = gateway(h2_to(u, http2=PINGS))
    with gw.client() as client:
        assert client.get().text == "ok"
        give_up.set()
        assert client.get().text == "ok"
    assert len(u.connections) == 2 and len(u.streams) == 3


def test_what_cannot_be_sent_again_fails_with_its_dead_connection(gateway, h2_upstream):
    u = h2_upstream([goes_dumb, None])
    gw = gateway(h2_to(u, http2=PINGS))
    assert gw.request("POST", body="once").status == 502
    gw.wait_log("answers no PING")
    give_up.set()
    assert gw.get().text == "ok"
    assert [s.pseudo("method") for s in u.streams] == ["POST", "GET"]


def test_an_upstream_that_answers_pings_may_take_its_time(gateway, h2_upstream):
    def answer(stream):
        stream.wait(lambda: stream.connection.pings >= 2, "pings")  # the second comes after a timeout that the first has met
        stream.respond(body="at last")

    u = h2_upstream(answer)
    assert gateway(h2_to(u, http2=PINGS)).get().text == "at last"
    assert len(u.connections) == 1


def test_nobody_is_pinged_unasked(gateway, h2_upstream):
    """Not without the key, and not while something is heard, nor without requests."""
    def trickle(stream):
        stream.send_head()
        for _ in range(20):
            stream.send_data(b"x")
            go_on.wait(0.02)
        stream.send_data(b"", end=True)

    go_on = threading.Event()
    for settings in ({}, {"http2": {**PINGS, "ping_interval": "30s"}}):
        u = h2_upstream(trickle)
        assert len(gateway(h2_to(u, **settings)).get().body) == 20
        assert u.connections[0].pings == 0


# ---- The scheme is the connection's, the client's stands in X-Forwarded-Proto --------------------------------------------

def test_the_scheme_is_that_of_the_connection(gateway, h2_upstream, tmp_path):
    authority = Authority(tmp_path)
    localhost = authority.issue("localhost", names=["DNS:localhost", "IP:127.0.0.1"])
    context = server_context(localhost)
    context.set_alpn_protocols(["h2"])
    secure, plain = h2_upstream(tls=context), h2_upstream()
    gw = gateway({
        "listeners": [{"name": "public", "address": "127.0.0.1:0"},
                      tls_listener(localhost, name="tls")],
        "upstreams": {"secure": over_h2(secure, tls={"ca": str(authority.pem)}),
                      "plain": over_h2(plain)},
        "routes": [{"id": name, "match": {"path": f"/{name}"}, "upstream": name} for name in ("secure", "plain")]})
    with gw.client() as client:
        assert client.get("/secure").text == "ok"
    with gw.http1("tls", tls=authority.trusted()) as client:
        assert client.get("/plain").text == "ok"
    assert (secure.streams[0].pseudo("scheme"), secure.streams[0].headers["x-forwarded-proto"]) == ("https", "http")
    assert (plain.streams[0].pseudo("scheme"), plain.streams[0].headers["x-forwarded-proto"]) == ("http", "https")


# ---- Memory ------------------------------------------------------------------------------------------------------------

def test_answers_that_wait_for_slow_clients_count_as_buffered(gateway, h2_upstream):
    script = """return {name = 'reader', version = '1.0.0', request_body = {policy = 'buffer', limit = '1m'},
      on_request_body = function(exchange) end}"""

    def answer(stream):
        if stream.pseudo("method") == "POST":
            return stream.respond(body=stream.read_body())
        stream.send_head()
        while True:
            stream.send_data(b"x" * 65536)

    u = h2_upstream(answer)
    config = h2_to(u, ["reader"])
    gw = gateway({**config, "plugin_path": [str(BUILD / "plugins"), "<dir>"], "limits": {"body_buffer_total": "256k"}},
                 files={"reader/reader.lua": script})
    body = "b" * 100_000
    assert gw.post(body=body).status == 200

    def until(status):
        for _ in range(500):
            if gw.post(body=body).status == status:
                return
        pytest.fail(f"no answer was {status}")

    with gw.client() as slow, gw.client() as too:
        for client in (slow, too):
            client.send_request("GET")
        until(503)
    until(200)


def test_calls_of_plugins_share_connections_too(gateway, h2_upstream):
    """A refused call is repeated, whatever its method; the call and the exchange go over one connection."""
    def answer(stream):
        body = stream.read_body()
        if stream.index == 0:
            return stream.reset(ErrorCodes.REFUSED_STREAM)
        stream.respond(body=body.upper() if stream.path == "/call" else b"seen: " + stream.headers["x-answer"].encode())

    u = h2_upstream(answer)
    config = h2_to(u, ["policy"])
    config["plugin_path"] = [str(BUILD / "plugins"), "<dir>"]
    gw = gateway(config, files={"policy/policy.lua": """
      return {name = "policy", version = "1.0.0", on_request = function(exchange)
        local answer = assert(postern.http("backend", {method = "POST", path = "/call", body = "hello"}))
        exchange.request.headers["x-answer"] = answer.body
      end}"""})
    assert gw.get().text == "seen: HELLO"
    assert len(u.connections) == 1 and len(u.streams) == 3


def test_many_clients_that_hang_up_and_come_back(gateway, h2_upstream):
    """Streams come and go in every state; in the end the connection still answers and nothing is left open."""
    def answer(stream):
        stream.send_head(200)
        stream.send_data(b"x" * 50_000)
        stream.read_body()
        stream.send_data(b"y" * 50_000, end=True)

    u = h2_upstream(answer)
    gw = gateway(h2_to(u))

    def run(index):
        for turn in range(10):
            with gw.client() as client:
                client.send_request("POST", "/", headers={"Content-Length": "4"})
                if (index + turn) % 3 == 0:
                    client.reset()
                    continue
                client.send("ab")
                client.read_head()
                if (index + turn) % 3 == 1:
                    client.reset()
                    continue
                client.send("cd")

    in_threads(8, run)
    assert len(gw.request("POST", "/", body="last").body) == 100_000
    u.wait_for(lambda u: all(s.ended or s.gone for s in u.streams))

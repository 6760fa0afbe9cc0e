"""HTTP/2 with clients: many exchanges on one connection, their bodies, their ends, and the end of the connection."""
import shutil
import subprocess
import threading

import pytest
from h2.settings import SettingCodes
from support.client import Client
from support.gateway import proxy_to
from support.upstream import Raw, early, ok

MEGABYTE = bytes(range(256)) * 4096


def test_a_request_is_answered_over_http2(gateway, upstream):
    up = upstream(ok("hello", headers={"X-From": "upstream"}))
    with gateway(proxy_to(up)).h2() as client:
        response = client.get("/a?b=c", headers={"X-To": "upstream", "Cookie": "a=1"})
    assert (response.status, response.text) == (200, "hello")
    assert response.headers["x-from"] == "upstream"
    assert response.headers["content-length"] == "5"
    assert not {"connection", "transfer-encoding", "keep-alive"} & {name for name, _ in response.headers}
    assert up.last.start_line == "GET /a?b=c HTTP/1.1"
    assert up.last.headers["Host"] == "test"
    assert up.last.headers["X-To"] == "upstream"


@pytest.mark.parametrize("first", [1, 3, 14, 23])
def test_the_preface_is_recognised_however_it_is_cut(gateway, upstream, first):
    gw = gateway(proxy_to(upstream(ok("hello"))))
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"
    with Client(gw.address()) as client:
        client.send(preface[:first])
        assert gw.h2().get("/").status == 200  # the first piece has been read by now
        client.send(preface[first:])
        assert client.read_exactly(9)[3] == 4  # SETTINGS


def test_what_only_begins_like_the_preface_is_http1(gateway, upstream):
    gw = gateway(proxy_to(upstream(ok("hello"))))
    with Client(gw.address()) as client:
        client.send("PRI")
        assert gw.h2().get("/").status == 200
        client.send("NT / HTTP/1.1\r\nHost: test\r\n\r\n")
        assert client.read_response().status == 200
    with Client(gw.address()) as client:
        client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n")
        assert client.read_response().status == 200


@pytest.mark.parametrize("protocols, speaks", [(["h2"], "h2"), (["http/1.1"], "http1")])
def test_a_listener_speaks_what_it_is_told_to(gateway, upstream, protocols, speaks):
    listeners = [{"name": "public", "address": "127.0.0.1:0", "protocols": protocols}]
    gw = gateway(proxy_to(upstream(ok("hello")), listeners=listeners))
    if speaks == "h2":
        with gw.h2() as client:
            assert client.get("/").status == 200
        with Client(gw.address()) as client:
            client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n")
            assert b"HTTP/1" not in client.reader.to_end()
    else:
        with Client(gw.address()) as client:
            client.send("PRI * HTTP/2.0\r\n\r\n")
            assert client.read_response().status in (400, 505)


def test_unknown_protocols_are_refused_with_their_place(postern):
    result = postern("check", config="""
        listeners:
          - {name: public, address: "127.0.0.1:0", protocols: [http/1.1, spdy]}
        routes: [{id: all, match: {path: "/*"}, upstream: {targets: ["127.0.0.1:9"]}}]
        """)
    assert result.returncode == 1
    assert "2:" in result.stderr and "spdy" in result.stderr, result.stderr


def test_exchanges_of_one_connection_do_not_wait_for_each_other(gateway, upstream):
    release = threading.Event()

    def answer(exchange):
        if exchange.request.target == "/slow":
            exchange.wait(release)
        return ok(exchange.request.target)

    with gateway(proxy_to(upstream(answer))).h2() as client:
        slow = client.send_request(target="/slow").latest
        quick = [client.send_request(target=f"/{i}").latest for i in range(50)]
        assert [client.response(stream).text for stream in quick] == [f"/{i}" for i in range(50)]
        assert not client.streams[slow].ended
        release.set()
        assert client.response(slow).text == "/slow"


def test_exchanges_of_one_connection_are_balanced_each_for_itself(gateway, upstream):
    ups = [upstream(ok(str(i))) for i in range(3)]
    config = """
        upstreams: {all: {targets: ["<a>", "<b>", "<c>"]}}
        routes: [{id: all, match: {path: "/*"}, upstream: all}]
        """
    with gateway(config, a=ups[0], b=ups[1], c=ups[2]).h2() as client:
        streams = [client.send_request().latest for _ in range(30)]
        assert all(client.response(stream).status == 200 for stream in streams)
    assert [len(up.requests) for up in ups] == [10, 10, 10]


def test_large_bodies_pass_in_both_directions(gateway, upstream):
    up = upstream(lambda exchange: ok(exchange.request.body))
    with gateway(proxy_to(up)).h2() as client:
        for how in ({"body": MEGABYTE}, {"chunks": [MEGABYTE[:300_000], MEGABYTE[300_000:]]}):
            response = client.request("POST", "/", **how)
            assert response.body == MEGABYTE
    assert [r.body == MEGABYTE for r in up.requests] == [True, True]
    assert up.requests[0].headers["Content-Length"] == str(len(MEGABYTE))
    assert up.requests[1].headers["Transfer-Encoding"] == "chunked"


def test_many_large_bodies_pass_at_the_same_time(gateway, upstream):
    body = MEGABYTE[:200_000]
    up = upstream(lambda exchange: ok(exchange.request.body))
    with gateway(proxy_to(up)).h2() as client:
        streams = []
        for _ in range(20):
            streams.append(client.send_request("POST", "/", body=body).latest)
        assert all(client.response(stream).body == body for stream in streams)


def test_trailers_pass_in_both_directions(gateway, upstream):
    answer = (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: grpc-status\r\n\r\n"
              b"5\r\nhello\r\n0\r\ngrpc-status: 7\r\nContent-Type: x\r\n\r\n")
    up = upstream(answer)
    with gateway(proxy_to(up)).h2() as client:
        response = client.request("POST", "/", chunks=[b"abc"], trailers=[("X-Sum", "42"), ("Authorization", "x")])
        assert response.text == "hello"
        assert list(response.trailers) == [("grpc-status", "7")]
    assert up.last.body == b"abc"
    assert list(up.last.trailers) == [("x-sum", "42")]


@pytest.mark.parametrize("method, answer", [
    ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
    ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
    ("GET", b"HTTP/1.1 304 Not Modified\r\nETag: x\r\n\r\n"),
])
def test_answers_without_a_body_end_with_their_head(gateway, upstream, method, answer):
    with gateway(proxy_to(upstream(answer))).h2() as client:
        response = client.request(method, "/")
        assert response.body == b""
        assert response.headers.get("content-length") == ("5" if method == "HEAD" else None)


def test_informational_responses_pass(gateway, upstream):
    answer = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + ok("hello")
    with gateway(proxy_to(upstream(answer))).h2() as client:
        response = client.get("/")
        assert [one.status for one in response.interim] == [103]
        assert response.interim[0].headers["link"] == "</a>"
        assert response.text == "hello"


def test_100_continue_comes_when_the_body_is_wanted(gateway, upstream):
    up = upstream(lambda exchange: ok(exchange.request.body))
    with gateway(proxy_to(up)).h2() as client:
        stream = client.open([(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "test"),
                              ("expect", "100-continue")], end=False)
        client.wait_for(lambda: client.streams[stream].interim, "100 Continue")
        client.send_data(stream, b"hello")
        client.end(stream)
        assert client.response(stream).text == "hello"


def test_cookie_crumbs_reach_the_upstream_as_one_field(gateway, upstream):
    up = upstream(ok("hello"))
    with gateway(proxy_to(up)).h2() as client:
        assert client.get("/", headers=[("cookie", "a=1"), ("x", "y"), ("cookie", "b=2")]).status == 200
    assert up.last.headers.get_all("cookie") == ["a=1; b=2"]


def test_a_client_that_gives_no_room_holds_up_the_upstream_and_nobody_else(gateway, upstream):
    written = []

    def endless(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        try:
            for _ in range(1000):
                exchange.send(bytes(100_000))
                written.append(1)
        except OSError:
            pass

    def answer(exchange):
        return endless(exchange) if exchange.request.target == "/endless" else ok("hello")

    gw = gateway(proxy_to(upstream(answer)))
    with gw.h2(reads=False) as client:
        held = client.send_request(target="/endless").latest
        client.wait_for(lambda: client.streams[held].response and len(client.streams[held].response.body) >= 65535,
                        "the first window")
        client.give_room(held, 0x10000)  # the stream's and the connection's
        client.wait_for(lambda: len(client.streams[held].response.body) >= 65535 + 0x10000, "the second window")
        client.h2.increment_flow_control_window(1_000_000)  # of the connection alone
        assert client.get("/other").text == "hello"
        client.ping()
        assert len(client.streams[held].response.body) == 65535 + 0x10000
        assert len(written) < 900
        client.reset_stream(held)
        assert client.get("/other").text == "hello"


def test_a_body_that_nobody_takes_stays_with_the_client(gateway, upstream):
    release = threading.Event()

    @early
    def late_reader(exchange):
        exchange.wait(release)
        exchange.read_body()
        return ok(str(len(exchange.request.body)))

    with gateway(proxy_to(upstream([late_reader, ok("hello"), ok("hello")]),
                          limits={"body": "100m"})).h2() as client:
        stream = client.open([(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "test")], end=False)
        sent = 0
        while True:  # until the windows of all queues on the way are full
            room = client.h2.local_flow_control_window(stream)
            if room == 0:
                client.ping()
                if client.h2.local_flow_control_window(stream) == 0:
                    break
                continue
            client.send_data(stream, bytes(min(room, 16384)))
            sent += min(room, 16384)
        assert client.get("/other").text == "hello"
        release.set()
        client.end(stream)
        assert client.response(stream).text == str(sent)


def test_a_stream_that_its_client_breaks_off_ends_the_exchange(gateway, upstream):
    gone = threading.Event()

    def answer(exchange):
        if exchange.request.target != "/slow":
            return ok("hello")
        assert exchange.connection.socket.recv(1) == b""
        gone.set()
        return Raw(b"")

    up = upstream(answer)
    with gateway(proxy_to(up)).h2() as client:
        slow = client.send_request(target="/slow").latest
        up.wait_for(lambda _: up.requests, "the request")
        client.reset_stream(slow)
        assert gone.wait(30)
        assert client.get("/").text == "hello"


def test_an_upstream_that_breaks_off_resets_the_stream_and_not_the_connection(gateway, upstream):
    up = upstream([Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), ok("whole")])
    with gateway(proxy_to(up)).h2() as client:
        stream = client.send_request().latest
        assert client.expect_reset(stream) == 2  # INTERNAL_ERROR
        assert client.get("/").text == "whole"


def test_an_early_answer_ends_the_request_without_ending_the_connection(gateway, upstream):
    with gateway(proxy_to(upstream(ok("hello")), limits={"body": "1k"})).h2() as client:
        stream = client.open([(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "test"),
                              ("content-length", "100000")], end=False)
        assert client.response(stream).status == 413
        client.wait_for(lambda: hasattr(client.streams[stream], "late_reset"), "RST_STREAM after the answer")
        assert client.streams[stream].late_reset == 0
        assert client.get("/").text == "hello"


def test_a_body_that_does_not_come_is_answered_408(gateway, upstream):
    with gateway(proxy_to(upstream(ok("hello")), timeouts={"body_read": "100ms"})).h2() as client:
        stream = client.open([(":method", "POST"), (":scheme", "http"), (":path", "/"), (":authority", "test"),
                              ("content-length", "5")], end=False)
        assert client.response(stream).status == 408


def test_a_drain_says_which_stream_was_the_last_and_waits_for_it(gateway, upstream):
    release = threading.Event()

    def answer(exchange):
        exchange.wait(release)
        return ok("hello")

    up = upstream(answer)
    gw = gateway(proxy_to(up))
    with gw.h2() as client:
        stream = client.send_request().latest
        up.wait_for(lambda _: up.started, "the request")
        gw.terminate()
        client.wait_for(lambda: client.last_stream == stream, "the last GOAWAY")
        assert client.goaway == 0
        release.set()
        assert client.response(stream).text == "hello"
        client.expect_closed()
    assert gw.wait_exit() == 0


def test_a_drain_ends_an_idle_connection(gateway, upstream):
    gw = gateway(proxy_to(upstream(ok("hello"))))
    with gw.h2() as client:
        client.get("/")
        gw.terminate()
        assert client.expect_goaway() == 0
    assert gw.wait_exit() == 0


def test_a_listener_that_a_reload_removes_drains(gateway, upstream):
    config = """
        listeners:
          - {name: public, address: "127.0.0.1:0"}
          - {name: other, address: "127.0.0.1:0"}
        upstreams: {all: {targets: ["<up>"]}}
        routes: [{id: all, match: {path: "/*"}, upstream: all}]
        """
    up = upstream(ok("hello"))
    gw = gateway(config, up=up)
    with gw.h2(listener="other") as client:
        assert client.get("/").status == 200
        gw.reload(config.replace('          - {name: other, address: "127.0.0.1:0"}\n', ""), up=up)
        assert client.expect_goaway() == 0


def test_an_idle_connection_is_closed_with_goaway(gateway, upstream):
    with gateway(proxy_to(upstream(ok("hello")), timeouts={"idle": "1s"})).h2() as client:
        client.get("/")
        assert client.expect_goaway() == 0


def test_a_connection_that_says_nothing_after_a_part_of_a_head_ends(gateway, upstream):
    with gateway(proxy_to(upstream(never=True), timeouts={"header_read": "50ms"})).h2() as client:
        client.raw(b"\0\0\1\1\0\0\0\0\1\x82")  # HEADERS without END_HEADERS
        client.expect_closed()


@pytest.mark.parametrize("name", ["request.protocol"])
def test_plugins_see_the_protocol(gateway, upstream, name):
    config = """
        upstreams: {all: {targets: ["<up>"]}}
        routes:
          - id: all
            match: {path: "/*"}
            upstream: all
            plugins: [{headers: {request: {set: {x-protocol: "${%s}"}}}}]
        """ % name
    up = upstream(ok("hello"))
    with gateway(config, up=up).h2() as client:
        assert client.get("/").status == 200
    assert up.last.headers["x-protocol"] == "HTTP/2"


def test_settings_name_the_limits(gateway, upstream):
    limits = {"head": "10k", "http2": {"concurrent_streams": 7, "stream_window": "100k"}}
    with gateway(proxy_to(upstream(ok("hello")), limits=limits)).h2() as client:
        client.get("/")
        assert client.peer_settings[SettingCodes.MAX_CONCURRENT_STREAMS] == 7
        assert client.peer_settings[SettingCodes.INITIAL_WINDOW_SIZE] == 100 * 1024
        assert client.peer_settings[SettingCodes.MAX_HEADER_LIST_SIZE] == 10 * 1024
        assert client.peer_settings[SettingCodes.ENABLE_CONNECT_PROTOCOL] == 1


def test_a_stream_whose_answer_gets_no_room_is_reset_after_the_write_timeout(gateway, upstream):
    gw = gateway(proxy_to(upstream([ok(bytes(100_000)), ok("hello")]), timeouts={"write": "100ms"}))
    with gw.h2(reads=False) as client:
        stream = client.send_request().latest
        assert client.expect_reset(stream) == 8  # CANCEL
        client.h2.increment_flow_control_window(1_000_000)
        assert client.get("/").text == "hello"
    assert gw.wait_log("left no room")


@pytest.mark.skipif(not shutil.which("nghttp"), reason="nghttp is not installed")
@pytest.mark.parametrize("command", [
    ["curl", "-sS", "--http2-prior-knowledge", "--data-binary", "@{file}", "http://{address}/"],
    ["nghttp", "-d", "{file}", "http://{address}/"],
])
def test_clients_of_others_are_served(gateway, upstream, tmp_path, command):
    body = tmp_path / "body"
    body.write_bytes(MEGABYTE[:500_000])
    gw = gateway(proxy_to(upstream(lambda exchange: ok(exchange.request.body))))
    words = [word.format(file=body, address=gw.address()) for word in command]
    done = subprocess.run(words, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout == MEGABYTE[:500_000]


@pytest.mark.skipif(not shutil.which("h2load"), reason="h2load is not installed")
def test_h2load_gets_all_its_answers(gateway, upstream):
    gw = gateway(proxy_to(upstream(ok("hello"))))
    done = subprocess.run(["h2load", "-n", "500", "-c", "5", "-m", "20", f"http://{gw.address()}/"],
                          capture_output=True, text=True, timeout=120)
    assert "500 succeeded, 0 failed" in done.stdout, done.stdout


def test_a_connection_ends_when_its_client_goes(gateway, upstream):
    gone = threading.Event()

    def answer(exchange):
        assert exchange.connection.socket.recv(1) == b""
        gone.set()
        return Raw(b"")

    up = upstream(answer)
    client = gateway(proxy_to(up)).h2()
    client.send_request()
    up.wait_for(lambda _: up.started, "the request")
    client.close()
    assert gone.wait(30)

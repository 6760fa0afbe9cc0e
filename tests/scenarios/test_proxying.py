"""HTTP/1.1 through the gateway: what the client sends reaches the upstream, what the upstream answers reaches the client."""
import threading
import time
from email.utils import parsedate_to_datetime

import pytest

from support.gateway import proxy_to
from support.upstream import Raw, early, ok


def test_a_request_reaches_the_upstream_whole_and_its_answer_comes_back(gateway, upstream):
    u = upstream(ok("hello", headers={"X-From": "upstream", "Content-Type": "text/plain"}, status=201, reason="Created"))
    response = gateway(proxy_to(u)).post("/a/b?c=d&e=%20f", headers={"X-One": "1", "Content-Type": "x/y"}, body="payload")
    assert (response.status, response.text, response.headers["X-From"]) == (201, "hello", "upstream")
    assert (u.last.method, u.last.target, u.last.version) == ("POST", "/a/b?c=d&e=%20f", "HTTP/1.1")
    assert (u.last.body, u.last.headers["X-One"], u.last.headers["Host"]) == (b"payload", "1", "test")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"])
def test_every_method_passes(gateway, upstream, method):
    u = upstream()
    assert gateway(proxy_to(u)).request(method, "/x").status == 200
    assert u.last.method == method


def test_one_client_connection_carries_many_requests_and_so_does_the_upstream_connection(gateway, upstream):
    u = upstream()
    with gateway(proxy_to(u)).client() as client:
        for i in range(5):
            assert client.get(f"/{i}").status == 200
    assert [r.target for r in u.requests] == ["/0", "/1", "/2", "/3", "/4"]
    assert len(u.connections) == 1


def test_pipelined_requests_are_answered_in_order(gateway, upstream):
    u = upstream(lambda exchange: ok(exchange.request.target))
    with gateway(proxy_to(u)).client() as client:
        client.send("".join(f"POST /{i} HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nab" for i in range(20)))
        assert [client.read_response().text for _ in range(20)] == [f"/{i}" for i in range(20)]


def test_chunked_bodies_and_trailers_pass_in_both_directions(gateway, upstream):
    u = upstream(ok(chunks=[b"one", b"two"], headers={"Trailer": "X-Sum"}, trailers={"X-Sum": "6"}))
    response = gateway(proxy_to(u)).post("/", chunks=[b"abc", b"defg"], headers={"Trailer": "X-Up"}, trailers={"X-Up": "7"})
    assert (response.body, response.trailers["X-Sum"]) == (b"onetwo", "6")
    assert (u.last.body, u.last.trailers["X-Up"]) == (b"abcdefg", "7")


def test_a_chunk_is_delivered_before_the_body_is_complete(gateway, upstream):
    go = threading.Event()

    def events(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        exchange.wait(go)
        exchange.send("6\r\nsecond\r\n0\r\n\r\n")

    with gateway(proxy_to(upstream(events))).client() as client:
        client.send_request()
        assert client.read_head().status == 200
        assert client.reader.chunk() == b"first"
        go.set()
        assert client.reader.chunk() == b"second"


def test_a_piece_of_a_request_body_is_delivered_before_the_rest_is_sent(gateway, upstream):
    arrived = threading.Event()

    @early
    def handler(exchange):
        data = b""
        while b"first" not in data:
            data += exchange.read_some()
        arrived.set()
        while not data.endswith(b"0\r\n\r\n"):
            data += exchange.read_some()
        exchange.body_read = True
        return ok("done")

    with gateway(proxy_to(upstream(handler))).client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        assert arrived.wait(30)
        client.send("4\r\nlast\r\n0\r\n\r\n")
        assert client.read_response().text == "done"


def test_expect_100_continue_is_answered_before_the_body_is_asked_for(gateway, upstream):
    u = upstream()
    with gateway(proxy_to(u)).client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n")
        assert client.read_head().status == 100
        client.send("body")
        response = client.read_response()
    assert response.status == 200 and response.interim == []
    assert u.last.body == b"body"


def test_a_refused_expectation_gets_the_final_answer_and_no_100(gateway, upstream):
    gw = gateway(proxy_to(upstream(never=True), limits={"body": "10b"}))
    with gw.client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 11\r\n\r\n")
        response = client.read_response()
        assert response.status == 413 and response.interim == []
        client.expect_closed()


def test_an_unknown_expectation_is_refused(gateway, upstream):
    with gateway(proxy_to(upstream(never=True))).client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 200-maybe\r\nContent-Length: 1\r\n\r\nx")
        assert client.read_response().status == 417


def test_early_hints_reach_the_client_before_the_response(gateway, upstream):
    u = upstream(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n" + ok("done"))
    response = gateway(proxy_to(u)).get()
    assert response.text == "done"
    assert [(i.status, i.headers["Link"]) for i in response.interim] == [(103, "</a.css>")]


def test_a_100_that_the_client_did_not_ask_for_stays_behind(gateway, upstream):
    u = upstream(b"HTTP/1.1 100 Continue\r\n\r\n" + ok("done"))
    response = gateway(proxy_to(u)).post(body="x")
    assert response.text == "done" and response.interim == []


def test_head_keeps_the_length_and_sends_no_body(gateway, upstream):
    u = upstream([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", ok("after")])
    with gateway(proxy_to(u)).client() as client:
        response = client.request("HEAD")
        assert (response.headers["Content-Length"], response.body) == ("5", b"")
        assert client.get().text == "after"
    assert len(u.connections) == 1


@pytest.mark.parametrize("head", ["204 No Content\r\n\r\n", "304 Not Modified\r\nETag: \"a\"\r\n\r\n",
                                  "304 Not Modified\r\nContent-Length: 5\r\n\r\n"])
def test_responses_without_a_body_end_with_their_head(gateway, upstream, head):
    u = upstream([b"HTTP/1.1 " + head.encode(), ok("after")])
    with gateway(proxy_to(u)).client() as client:
        assert client.get().status == int(head[:3])
        assert client.get().text == "after"
    assert len(u.connections) == 1


def test_hop_by_hop_fields_stop_at_the_gateway(gateway, upstream):
    u = upstream(ok("x", headers=[("Connection", "X-Up-Hop, keep-alive"), ("X-Up-Hop", "1"), ("Keep-Alive", "timeout=5"),
                                  ("Proxy-Authenticate", "Basic"), ("X-End", "1")]))
    response = gateway(proxy_to(u)).get(headers=[
        ("Connection", "X-Hop, keep-alive"), ("X-Hop", "1"), ("Keep-Alive", "timeout=5"), ("Proxy-Connection", "keep-alive"),
        ("X-End", "1")])
    for name in ("X-Hop", "Keep-Alive", "Proxy-Connection"):
        assert name not in u.last.headers
    assert u.last.headers["X-End"] == response.headers["X-End"] == "1"
    assert "X-Up-Hop" not in response.headers and "Keep-Alive" not in response.headers


def test_credentials_for_a_proxy_stop_at_the_gateway(gateway, upstream):
    u = upstream(ok("x", headers=[("Proxy-Authenticate", "Basic"), ("proxy-authentication-info", "a=b"), ("WWW-Authenticate", "Basic")]))
    response = gateway(proxy_to(u)).get(headers={"proxy-authorization": "Basic eDp5", "Authorization": "Basic YTpi"})
    assert "Proxy-Authorization" not in u.last.headers and u.last.headers["Authorization"] == "Basic YTpi"
    assert "Proxy-Authenticate" not in response.headers and "Proxy-Authentication-Info" not in response.headers
    assert response.headers["WWW-Authenticate"] == "Basic"


def test_a_response_without_a_date_gets_one(gateway, upstream):
    now = "Sun, 06 Nov 1994 08:49:37 GMT"
    gw = gateway(proxy_to(upstream([ok("x"), ok("x", headers=[("date", now)])])))
    (added,) = gw.get().headers.get_all("Date")
    assert abs(parsedate_to_datetime(added).timestamp() - time.time()) < 3600 and added.endswith(" GMT")
    assert gw.get().headers.get_all("Date") == [now]


def test_fields_that_the_client_names_in_connection_cannot_remove_what_the_gateway_adds(gateway, upstream):
    u = upstream()
    gateway(proxy_to(u)).get(headers={"Connection": "close, X-Forwarded-For, Host"})
    assert u.last.headers["X-Forwarded-For"] == "127.0.0.1" and u.last.headers["Host"] == "test"


def test_repeated_fields_keep_their_number_and_order(gateway, upstream):
    u = upstream(ok("x", headers=[("Set-Cookie", "a=1"), ("X", "y"), ("Set-Cookie", "b=2")]))
    response = gateway(proxy_to(u)).get(headers=[("X-N", "1"), ("X-N", "2"), ("x-n", "3")])
    assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert u.last.headers.get_all("X-N") == ["1", "2", "3"]


def test_an_absolute_target_is_sent_on_in_origin_form(gateway, upstream):
    u = upstream()
    with gateway(proxy_to(u)).client() as client:
        client.send("GET http://Example.com/x?y HTTP/1.1\r\nHost: example.com\r\n\r\n")
        assert client.read_response().status == 200
    assert u.last.target == "/x?y"


def test_a_body_that_ends_with_the_connection_arrives_whole(gateway, upstream):
    u = upstream([Raw(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 100_000), ok("after")])
    with gateway(proxy_to(u)).client() as client:
        assert client.get().body == b"x" * 100_000
        assert client.get().text == "after"
    assert len(u.connections) == 2


def test_an_http_1_0_client_gets_no_chunks_and_a_closed_connection(gateway, upstream):
    with gateway(proxy_to(upstream(ok(chunks=[b"one", b"two"])))).client() as client:
        client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n")
        response = client.read_response()
        assert response.body == b"onetwo" and "Transfer-Encoding" not in response.headers
        client.expect_closed()


def test_connection_close_from_the_client_is_honoured(gateway, upstream):
    with gateway(proxy_to(upstream())).client() as client:
        response = client.get(headers={"Connection": "close"})
        assert response.headers["Connection"].lower() == "close"
        client.expect_closed()


def test_an_upstream_that_says_close_is_not_asked_again_on_that_connection(gateway, upstream):
    u = upstream(ok("x", headers={"Connection": "close"}))
    with gateway(proxy_to(u)).client() as client:
        assert [client.get().text for _ in range(3)] == ["x"] * 3
    assert len(u.connections) == 3


def test_when_the_client_goes_away_the_upstream_connection_is_closed(gateway, upstream):
    gone = threading.Event()

    @early
    def hang(exchange):
        assert exchange.read_some() == b""  # the gateway closed
        gone.set()
        exchange.close()

    u = upstream(hang)
    client = gateway(proxy_to(u)).client()
    client.send_request()
    u.wait_for(lambda u: u.started == 1)
    client.reset()
    assert gone.wait(30)


def test_empty_lines_before_a_request_are_skipped(gateway, upstream):
    with gateway(proxy_to(upstream())).client() as client:
        client.send("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert client.read_response().status == 200


def test_a_request_may_arrive_byte_by_byte(gateway, upstream):
    u = upstream(ok("whole"))
    with gateway(proxy_to(u)).client() as client:
        for byte in b"POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n":
            client.send(bytes([byte]))
        assert client.read_response().text == "whole"
    assert u.last.body == b"abc"

"""Clients that close their sending side: what has come whole is answered; who is gone is noticed."""
import threading

import pytest

from support.gateway import proxy_to
from support.upstream import early, ok

PATIENT = {"timeouts": {"half_closed": "1h"}}
GET = "GET /{} HTTP/1.1\r\nHost: a\r\n\r\n"


def answers_after(event, answer):
    def handler(exchange):
        assert event.wait(30)
        return answer
    return handler


def test_a_client_that_sends_no_more_gets_its_answer(gateway, upstream):
    noticed = threading.Event()
    u = upstream([answers_after(noticed, ok("late")), ok("other")])
    gw = gateway(proxy_to(u, **PATIENT))
    with gw.client() as client:
        client.send(GET.format("")).half_close()
        u.wait_for(lambda u: u.started == 1)
        assert gw.get().text == "other"  # by now the only worker has seen the end
        noticed.set()
        response = client.read_response()
        assert response.text == "late" and response.headers["Connection"] == "close"
        client.expect_closed()


def test_without_patience_it_counts_as_gone_at_once(gateway, upstream):
    gone = threading.Event()
    u = upstream(waits_for_its_end(gone))
    with gateway(proxy_to(u, timeouts={"half_closed": 0})).client() as client:
        client.send(GET.format(""))
        u.wait_for(lambda u: u.started == 1)
        client.half_close()
        assert gone.wait(30)
        client.expect_closed()


@pytest.mark.parametrize("body", ["Content-Length: 5\r\n\r\n12345", "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n0\r\n\r\n"])
def test_a_request_with_a_body_is_answered(gateway, upstream, body):
    u = upstream(ok("thanks"))
    with gateway(proxy_to(u, **PATIENT)).client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\n" + body).half_close()
        assert client.read_response().text == "thanks"
        client.expect_closed()
    assert u.last.body == b"12345"


def test_a_body_larger_than_any_buffer_arrives_whole(gateway, upstream):
    u = upstream(ok("thanks"))
    with gateway(proxy_to(u, **PATIENT)).client() as client:
        client.send_request("POST", body=b"x" * 3_000_000).half_close()
        assert client.read_response().text == "thanks"
    assert len(u.last.body) == 3_000_000


def test_pipelined_requests_are_all_answered(gateway, upstream):
    u = upstream(lambda exchange: ok(exchange.request.target))
    with gateway(proxy_to(u, **PATIENT)).client() as client:
        client.send(GET.format("a") + GET.format("b") + GET.format("c")).half_close()
        assert [client.read_response().text for _ in range(3)] == ["/a", "/b", "/c"]
        client.expect_closed()


def test_answers_of_the_gateway_itself_are_heard_too(gateway, upstream):
    gw = gateway(proxy_to(upstream(never=True), route={"match": {"path": "/a"}}, **PATIENT))
    with gw.client() as client:
        client.send(GET.format("nowhere") + GET.format("either")).half_close()
        assert [client.read_response().status for _ in range(2)] == [404, 404]
        client.expect_closed()


def test_a_large_answer_reaches_a_slow_reader_whole(gateway, upstream):
    u = upstream(ok("x" * 3_000_000))
    with gateway(proxy_to(u, **PATIENT)).client(receive_buffer=4096) as client:
        client.send(GET.format("")).half_close()
        assert len(client.read_response().body) == 3_000_000
        client.expect_closed()


@pytest.mark.parametrize("piece", ["GET / HT", "GET / HTTP/1.1\r\nHost: a\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n123",
                                   "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n"])
def test_a_request_that_is_not_whole_gets_no_answer(gateway, upstream, piece):
    u = upstream()
    with gateway(proxy_to(u, **PATIENT)).client() as client:
        client.send(piece).half_close()
        client.expect_closed()
    assert len(u.requests) == 0


def waits_for_its_end(gone):
    @early
    def handler(exchange):
        assert exchange.read_some() == b""  # the gateway closed
        gone.set()
        exchange.close()
    return handler


def test_a_client_that_hangs_up_on_a_silent_upstream_frees_it(gateway, upstream):
    gone = threading.Event()
    u = upstream(waits_for_its_end(gone))
    client = gateway(proxy_to(u, timeouts={"half_closed": "50ms"})).client()
    client.send(GET.format(""))
    u.wait_for(lambda u: u.started == 1)
    client.close()
    assert gone.wait(30)


def test_a_client_that_hangs_up_on_a_stream_is_noticed_with_the_next_piece(gateway, upstream):
    closed, gone = threading.Event(), threading.Event()

    @early
    def streams(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        assert closed.wait(30)
        exchange.send("1\r\nb\r\n")
        assert exchange.read_some() == b""
        gone.set()
        exchange.close()

    client = gateway(proxy_to(upstream(streams), **PATIENT)).client()
    client.send(GET.format(""))
    client.read_head()
    assert client.read_exactly(6) == b"1\r\na\r\n"
    client.close()
    closed.set()
    assert gone.wait(30)

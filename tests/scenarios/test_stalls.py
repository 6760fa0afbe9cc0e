"""Peers that stop half-way: whoever does not read is waited for, within bounds, and nothing is lost meanwhile."""
import threading

import pytest

from support.gateway import proxy_to
from support.upstream import early, ok


def test_small_chunks_behind_a_reader_that_stalls_all_arrive(gateway, upstream):
    stalled = threading.Event()

    def drip(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        sock, chunks = exchange.connection.socket, b"3e8\r\n" + b"x" * 1000 + b"\r\n"
        sock.settimeout(1)
        for _ in range(20_000):
            piece = memoryview(chunks)
            while piece:
                try:
                    piece = piece[sock.send(piece):]
                except TimeoutError:
                    stalled.set()
        sock.settimeout(60)
        exchange.send("0\r\n\r\n")

    gw = gateway(proxy_to(upstream(drip)))
    with gw.client(receive_buffer=4096) as client:
        client.send_request()
        assert stalled.wait(60)
        assert client.read_response().body == b"x" * 20_000_000


def test_small_chunks_to_an_upstream_that_stalls_all_arrive(gateway, upstream):
    stalled = threading.Event()

    @early
    def upload(exchange):
        exchange.wait(stalled)
        return ok(str(len(exchange.read_body())))

    gw = gateway(proxy_to(upstream(upload), limits={"body": 0}))
    with gw.client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        client.socket.settimeout(1)
        for _ in range(20_000):
            piece = memoryview(b"3e8\r\n" + b"x" * 1000 + b"\r\n")
            while piece:
                try:
                    piece = piece[client.socket.send(piece):]
                except TimeoutError:
                    stalled.set()
        stalled.set()
        client.socket.settimeout(60)
        client.send("0\r\n\r\n")
        assert client.read_response().text == "20000000"


def test_a_client_that_sends_requests_and_reads_no_answers_is_cut(gateway, upstream):
    gw = gateway({"routes": [{"id": "one", "match": {"path": "/one"}, "upstream": "backend"}],
                  "upstreams": {"backend": {"targets": [str(upstream(never=True))]}}, "timeouts": {"write": "1s"}})
    with gw.client(receive_buffer=4096) as client, pytest.raises(ConnectionError):
        for _ in range(40_000):
            client.socket.sendall(b"HEAD /nope HTTP/1.1\r\nHost: a\r\n\r\n" * 100)


# A unix socket holds some 200 KiB for a reader that does not read; the gateway keeps up to 256 KiB beyond that.
UNIX = [{"name": "public", "address": "unix:<dir>/public"}]


def test_requests_wait_for_a_client_that_reads_no_answers(gateway, upstream):
    u = upstream(lambda exchange: ok("quick") if exchange.request.target == "/quick" else ok(b"x" * 64_000))
    gw = gateway(proxy_to(u, listeners=UNIX))
    with gw.client() as lazy, gw.client() as other:
        lazy.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 200)
        for _ in range(100):
            assert other.get("/quick").text == "quick"
        assert u.started < 150, "requests were begun though nobody reads their answers"
        assert all(len(lazy.read_response().body) == 64_000 for _ in range(200))


@pytest.mark.parametrize("what", ["SIGTERM", "the idle timeout"])
def test_an_answer_that_is_still_on_its_way_outlives(gateway, upstream, what):
    u = upstream(lambda exchange: ok("quick") if exchange.request.target == "/quick" else ok(b"x" * 350_000))
    gw = gateway(proxy_to(u, listeners=UNIX, timeouts={"idle": "1s"}))
    with gw.client().send_request() as client:
        u.wait_for(lambda upstream: len(upstream.requests) == 1)
        with gw.client() as other:
            assert other.get("/quick").text == "quick"  # by now the first answer is with the gateway
            if what == "SIGTERM":
                gw.terminate()
            other.expect_closed()  # it has been idle for no longer than the first, whose answer is not read yet
        assert len(client.read_response().body) == 350_000
    if what == "SIGTERM":
        assert gw.wait_exit() == 0


def test_a_slow_client_is_not_the_upstreams_fault(gateway, upstream):
    upstreams = {"targets": [str(upstream(early(lambda exchange: ok(exchange.read_body()))))], "timeouts": {"response": "100ms"}}
    gw = gateway(proxy_to(upstreams, timeouts={"body_read": "1s"}))
    with gw.client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        assert client.read_response().status == 408

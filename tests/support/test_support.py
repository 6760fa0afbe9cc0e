"""The test support tests itself: upstream and client against each other, without a gateway."""
import threading

import pytest

from support.client import Client
from support.gateway import config_text, proxy_to
from support.metrics import Metrics
from support.upstream import Raw, early, ok
from support.wire import Truncated


def test_requests_are_recorded_byte_for_byte(upstream):
    u = upstream(ok("hello"))
    with Client(u.address) as client:
        assert client.request("POST", "/a?b", chunks=[b"ab", b"c"], trailers={"X-T": "1"}).text == "hello"
        assert client.get("/again").status == 200
    assert u.requests[0].body == b"abc" and u.requests[0].trailers["x-t"] == "1" and u.requests[0].chunks == [2, 1]
    assert u.requests[0].raw.startswith(b"POST /a?b HTTP/1.1\r\nHost: test\r\n")
    assert [r.target for r in u.requests] == ["/a?b", "/again"] and len(u.connections) == 1


def test_answers_in_turn_chunked_truncated_and_closed(upstream):
    u = upstream([ok(chunks=[b"x" * 5], trailers={"A": "b"}), Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort")])
    with Client(u.address) as client:
        assert client.get().trailers["a"] == "b"
        client.send_request()
        with pytest.raises(Truncated) as cut:
            client.read_response()
        assert cut.value.partial == b"short"
        client.expect_closed()


def test_a_slow_answer_is_driven_by_events(upstream):
    go = threading.Event()

    @early
    def drip(exchange):
        exchange.send("HTTP/1.1 100 Continue\r\n\r\n")
        exchange.read_body()
        exchange.wait(go)
        return ok("late")

    with Client(upstream(drip).address) as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n")
        assert client.read_head().status == 100
        client.send("hi")
        client.expect_open()
        go.set()
        assert client.read_response().text == "late"


def test_unix_sockets_and_an_upstream_that_must_not_be_reached(upstream):
    with Client(upstream(unix=True).address) as client:
        assert client.get().text == "ok"
    never = upstream(never=True)
    with Client(never.address) as client:
        client.send_request()
        client.expect_closed()
    assert "must never be reached" in never.failures.pop()


def test_configurations_are_completed_at_their_end():
    text = config_text("""
        routes:
          - match: {path: <path>}
        """, {"path": "/x"})
    assert text.startswith("routes:\n  - match: {path: /x}\nversion: 1\nworkers: 1\nlisteners: [")
    assert config_text(proxy_to("127.0.0.1:1", workers=2), {}).count("workers") == 1


def test_metrics_are_summed_by_label():
    metrics = Metrics('# HELP a b\na{x="1",y="q\\"}"} 2\na{x="2"} 3\nb 1.5e3\n')
    assert (metrics.value("a"), metrics.value("a", x=1), metrics.value("b"), metrics.value("c")) == (5, 2, 1500, 0)

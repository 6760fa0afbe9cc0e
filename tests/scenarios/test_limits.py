"""Limits that are on by default: too long, too many, too big, too slow. Each answers with its status and ends the connection."""
import pytest

from support.gateway import proxy_to
from support.upstream import ok

HEAD = "POST / HTTP/1.1\r\nHost: a\r\n"


def refused(gw, data, status, code):
    with gw.client() as client:
        client.send(data)
        response = client.read_response()
        assert (response.status, response.error_code) == (status, code)
        assert response.headers["Connection"].lower() == "close"
        client.expect_closed()


def test_a_target_over_the_limit_is_414(gateway, upstream):
    gw = gateway(proxy_to(upstream(never=True)))
    refused(gw, "GET /" + "x" * 9000 + " HTTP/1.1\r\nHost: a\r\n\r\n", 414, "URI_TOO_LONG")


def test_a_target_that_never_ends_is_414_before_it_ends(gateway, upstream):
    refused(gateway(proxy_to(upstream(never=True))), "GET /" + "x" * 9000, 414, "URI_TOO_LONG")


@pytest.mark.parametrize("fields", ["X: " + "y" * 66_000 + "\r\n", "".join(f"X-{i}: {'y' * 900}\r\n" for i in range(80)),
                                    "".join(f"X-{i}: y\r\n" for i in range(101)), "X" * 66_000])
def test_a_head_over_its_limits_is_431(gateway, upstream, fields):
    refused(gateway(proxy_to(upstream(never=True))), "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n", 431, "HEADERS_TOO_LARGE")


def test_a_head_within_its_limits_passes(gateway, upstream):
    u = upstream()
    fields = [(f"X-{i}", "y" * 500) for i in range(98)]
    assert gateway(proxy_to(u)).get("/" + "x" * 8000, headers=fields).status == 200
    assert u.last.headers["X-97"] == "y" * 500


def test_an_announced_body_over_the_limit_is_413_before_any_of_it_is_read(gateway, upstream):
    gw = gateway(proxy_to(upstream(never=True), limits={"body": "1k"}))
    refused(gw, HEAD + "Content-Length: 1025\r\n\r\n", 413, "PAYLOAD_TOO_LARGE")


def test_a_chunked_body_is_counted_while_it_comes(gateway, upstream):
    u = upstream()
    gw = gateway(proxy_to(u, limits={"body": "1k"}))
    refused(gw, HEAD + "Transfer-Encoding: chunked\r\n\r\n" + ("80\r\n" + "x" * 128 + "\r\n") * 9, 413, "PAYLOAD_TOO_LARGE")
    assert u.requests == []  # at most a part of one, and never its end


def test_a_body_at_the_limit_passes_and_a_route_may_set_its_own(gateway, upstream):
    u = upstream()
    gw = gateway("""
        limits: {body: 10b}
        upstreams: {u: {targets: ["<u>"]}}
        routes:
          - {id: big, match: {path: /big}, body_limit: 20b, upstream: u}
          - {id: any, match: {path: /any}, body_limit: 0, upstream: u}
          - {id: all, match: {path: "/*"}, upstream: u}
        """, u=u)
    for path, size, status in [("/x", 10, 200), ("/x", 11, 413), ("/big", 20, 200), ("/big", 21, 413), ("/any", 100_000, 200)]:
        assert gw.post(path, body="x" * size).status == status, (path, size)
    assert [len(r.body) for r in u.requests] == [10, 20, 100_000]


def test_a_head_that_comes_too_slowly_is_408(gateway, upstream):
    gw = gateway(proxy_to(upstream(never=True), timeouts={"header_read": "300ms"}))
    refused(gw, "GET / HTTP/1.1\r\nHost:", 408, "TIMEOUT")


def test_a_body_that_stops_coming_is_408(gateway, upstream):
    u = upstream()
    gw = gateway(proxy_to(u, timeouts={"body_read": "300ms"}))
    refused(gw, HEAD + "Content-Length: 10\r\n\r\nabc", 408, "TIMEOUT")
    assert u.requests == []


def test_an_idle_connection_is_closed_without_a_word(gateway, upstream):
    gw = gateway(proxy_to(upstream(), timeouts={"idle": "1s"}))
    with gw.client() as client:
        assert client.get().status == 200
        client.expect_closed()


def test_a_connection_that_says_nothing_is_closed(gateway, upstream):
    gw = gateway(proxy_to(upstream(never=True), timeouts={"idle": "300ms", "header_read": "300ms"}))
    with gw.client() as client:
        client.expect_closed()


def test_a_client_that_stops_reading_is_cut_off(gateway, upstream):
    u = upstream(ok(b"x" * (32 << 20)))
    gw = gateway(proxy_to(u, timeouts={"write": "500ms"}))
    with gw.client(receive_buffer=4096) as client:
        client.send_request()
        client.read_head()
        u.wait_for(lambda u: not u.open_connections, "the gateway to give the download up")

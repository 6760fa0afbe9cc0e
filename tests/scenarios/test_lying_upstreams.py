"""Upstreams that break the rules: 502 while the client has seen nothing, a cut connection afterwards, and never a second
request on such a connection."""
import pytest

from support.gateway import proxy_to
from support.upstream import Raw, ok
from support.wire import Truncated

OK = "HTTP/1.1 200 OK\r\n"

BAD_HEADS = {
    "no HTTP at all": "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "HTTP/0.9": "<html>hello</html>",
    "HTTP/2": "HTTP/2 200\r\nContent-Length: 0\r\n\r\n",
    "a status that is no number": "HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n",
    "a status of two digits": "HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    "a status of four digits": "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
    "both lengths": OK + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths that differ": OK + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "a negative length": OK + "Content-Length: -5\r\n\r\nhello",
    "a length that is no number": OK + "Content-Length: five\r\n\r\nhello",
    "an unknown coding": OK + "Transfer-Encoding: zip\r\n\r\nhello",
    "identity after chunked": OK + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "a space before the colon": OK + "Content-Length : 5\r\n\r\nhello",
    "a folded field": OK + "X: a\r\n b\r\nContent-Length: 0\r\n\r\n",
    "a bare carriage return": OK + "X: a\rb\r\nContent-Length: 0\r\n\r\n",
    "a zero byte": OK + "X: a\0b\r\nContent-Length: 0\r\n\r\n",
    "a field without a colon": OK + "Nonsense\r\nContent-Length: 0\r\n\r\n",
    "a head without an end": OK + "X: " + "y" * 70_000,
    "too many fields": OK + "".join(f"X-{i}: y\r\n" for i in range(2000)) + "\r\n",
    "an upgrade that nobody asked for": "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "interim responses without an end": "HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
    "nothing": "",
    "half a status line": "HTTP/1.1 2",
    "half a head": OK + "Content-Length: 5\r\n",
}

CUT_BODIES = {
    "half of its length": OK + "Content-Length: 10\r\n\r\nhello",
    "none of its length": OK + "Content-Length: 10\r\n\r\n",
    "a chunk without its end": OK + "Transfer-Encoding: chunked\r\n\r\nA\r\nhello",
    "no last chunk": OK + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
    "a last chunk without trailers' end": OK + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n",
    "a bad chunk after a good one": OK + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n",
    "a chunk longer than it says": OK + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n",
}


def table(cases):
    return [pytest.param(data.encode("latin-1"), id=name.replace(" ", "-")) for name, data in cases.items()]


@pytest.mark.parametrize("answer", table(BAD_HEADS))
def test_a_bad_head_is_502_and_the_client_may_go_on(gateway, upstream, answer):
    u = upstream([Raw(answer), ok("good")])
    with gateway(proxy_to(u)).client() as client:
        response = client.request("POST", "/", body="x")  # a POST is not tried again
        assert (response.status, response.error_code) == (502, "PROXY_ERROR")
        assert client.get().text == "good"
    assert len(u.requests) == 2 and len(u.connections) == 2


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("answer", table(CUT_BODIES))
def test_a_body_that_breaks_off_breaks_off_for_the_client_too(gateway, upstream, answer, reset):
    u = upstream([Raw(answer, reset=reset), ok("good")])
    gw = gateway(proxy_to(u))
    with gw.client() as client:
        client.send_request("POST", "/", body="x")
        try:
            response = client.read_response()
        except Truncated:
            pass
        else:  # a gateway that had not sent the head yet may still say so
            assert response.status == 502
    assert gw.get().text == "good"
    assert len(u.connections) == 2


@pytest.mark.parametrize("extra", [b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"])
def test_bytes_after_a_response_are_never_taken_for_the_next_one(gateway, upstream, extra):
    u = upstream([ok("first") + extra, ok("second")])
    with gateway(proxy_to(u)).client() as client:
        assert client.get().text == "first"
        assert client.get().text == "second"
    assert len(u.connections) == 2


def test_a_body_in_answer_to_head_is_never_taken_for_the_next_response(gateway, upstream):
    u = upstream([ok("surprise"), ok("good")])
    with gateway(proxy_to(u)).client() as client:
        assert client.request("HEAD").body == b""
        assert client.get().text == "good"
    assert len(u.connections) == 2


def test_an_answer_before_the_request_body_is_complete_reaches_the_client(gateway, upstream):
    from support.upstream import early

    @early
    def refuse(exchange):
        exchange.send(ok("too much", status=413, reason="Too Big", headers={"Connection": "close"}))
        exchange.close()

    with gateway(proxy_to(upstream(refuse), limits={"body": 0})).client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + "x" * 1000)
        response = client.read_response()
        assert (response.status, response.text) == (413, "too much")
        client.expect_closed()

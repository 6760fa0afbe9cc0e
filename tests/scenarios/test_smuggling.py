"""Messages that two servers could read differently are refused: 400, the connection closed, nothing for the upstream."""
import pytest

from support.gateway import proxy_to, running
from support.upstream import Upstream

SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
POST = "POST /x HTTP/1.1\r\nHost: a\r\n"
GET = "GET /x HTTP/1.1\r\nHost: a\r\n"

FRAMING = {
    "both lengths": POST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "both lengths, the other order": POST + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths that differ": POST + "Content-Length: 0\r\nContent-Length: 5\r\n\r\n",
    "two lengths that agree": POST + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "a list of lengths": POST + "Content-Length: 5, 5\r\n\r\nhello",
    "a length with a sign": POST + "Content-Length: +5\r\n\r\nhello",
    "a negative length": POST + "Content-Length: -1\r\n\r\n",
    "a hexadecimal length": POST + "Content-Length: 0x5\r\n\r\nhello",
    "an empty length": POST + "Content-Length: \r\n\r\n",
    "a length with a space inside": POST + "Content-Length: 1 2\r\n\r\n",
    "a length over 64 bits": POST + "Content-Length: 18446744073709551617\r\n\r\nx",
    "identity after chunked": POST + "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "chunked in two fields": POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked behind a vertical tab": POST + "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "chunked with a parameter": POST + "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
    "a coding with a tab behind it": POST + "Transfer-Encoding: chunked\t\r\n\r\n0\r\n\r\n",
    "an empty coding": POST + "Transfer-Encoding: \r\n\r\n0\r\n\r\n",
    "chunked in HTTP/1.0": "POST /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a space before the colon": POST + "Content-Length : 5\r\n\r\nhello",
    "a tab before the colon": POST + "Transfer-Encoding\t: chunked\r\n\r\n0\r\n\r\n",
    "a folded field": POST + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a folded value": POST + "X: a\r\n b\r\n\r\n",
    "a first field that begins with a space": "GET /x HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n",
    "bare line feeds": "GET /x HTTP/1.1\nHost: a\n\n",
    "one bare line feed": "GET /x HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
    "a bare line feed at the end of the head": GET + "X: y\r\n\n",
    "a bare carriage return in a value": GET + "X: a\rb\r\n\r\n",
    "a bare carriage return as a line end": "GET /x HTTP/1.1\r\nHost: a\rX: y\r\n\r\n",
    "a bare carriage return behind a value": GET + "X: a\r\r\n\r\n",
    "a carriage return and another byte as the end of the head": GET + "X: a\r\n\rX\r\n\r\n",
    "a zero byte in a value": GET + "X: a\0b\r\n\r\n",
    "a control byte in a value": GET + "X: a\x01b\r\n\r\n",
    "a field without a colon": GET + "Nonsense\r\n\r\n",
    "a field without a name": GET + ": x\r\n\r\n",
    "a name with a forbidden byte": GET + "X(y): z\r\n\r\n",
    "a name with a high byte": GET + "X\xe9: z\r\n\r\n",
}

REQUEST_LINE = {
    "two spaces after the method": "GET  /x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a tab after the method": "GET\t/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a space in the target": "GET /x y HTTP/1.1\r\nHost: a\r\n\r\n",
    "a method with a forbidden byte": "G(T /x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a version in lower case": "GET /x http/1.1\r\nHost: a\r\n\r\n",
    "a version with a leading zero": "GET /x HTTP/01.1\r\nHost: a\r\n\r\n",
    "no version": "GET /x\r\nHost: a\r\n\r\n",
    "a space after the version": "GET /x HTTP/1.1 \r\nHost: a\r\n\r\n",
    "a target without a slash": "GET x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target that climbs above the root": "GET /../x HTTP/1.1\r\nHost: a\r\n\r\n",
    "the same, escaped": "GET /%2e%2e/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a fragment": "GET /x#y HTTP/1.1\r\nHost: a\r\n\r\n",
    "a backslash": "GET /a\\b HTTP/1.1\r\nHost: a\r\n\r\n",
    "an escaped backslash": "GET /a%5cb HTTP/1.1\r\nHost: a\r\n\r\n",
    "an escaped zero": "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n",
    "half an escape": "GET /a%2 HTTP/1.1\r\nHost: a\r\n\r\n",
    "an escape that is none": "GET /a%zz HTTP/1.1\r\nHost: a\r\n\r\n",
    "a control byte in the target": "GET /a\x7fb HTTP/1.1\r\nHost: a\r\n\r\n",
    "a TLS handshake": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 not HTTP at all\r\n\r\n",
    "an asterisk that is not OPTIONS": "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "an authority that is not CONNECT": "GET a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
}

HOST = {
    "no host": "GET /x HTTP/1.1\r\n\r\n",
    "two hosts": "GET /x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "a host with a space": "GET /x HTTP/1.1\r\nHost: a b\r\n\r\n",
    "a host with a path": "GET /x HTTP/1.1\r\nHost: a/b\r\n\r\n",
    "a host with a user": "GET /x HTTP/1.1\r\nHost: me@a\r\n\r\n",
    "a host with a port that is none": "GET /x HTTP/1.1\r\nHost: a:b\r\n\r\n",
    "a host list": "GET /x HTTP/1.1\r\nHost: a, b\r\n\r\n",
    "a target that disagrees with the host": "GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target with a user": "GET http://me@a/x HTTP/1.1\r\nHost: a\r\n\r\n",
}

CHUNKED = POST + "Transfer-Encoding: chunked\r\n\r\n"
CHUNKS = {  # the head is good: the upstream may have seen it, but never a whole request
    "a size with a prefix": CHUNKED + "0x5\r\nhello\r\n0\r\n\r\n",
    "a size with a sign": CHUNKED + "+5\r\nhello\r\n0\r\n\r\n",
    "a size with a space before it": CHUNKED + " 5\r\nhello\r\n0\r\n\r\n",
    "a size with a space after it": CHUNKED + "5 \r\nhello\r\n0\r\n\r\n",
    "a size that is no number": CHUNKED + "G\r\nhello\r\n0\r\n\r\n",
    "an empty size": CHUNKED + "\r\nhello\r\n0\r\n\r\n",
    "a size over 64 bits": CHUNKED + "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "a size of seventeen digits": CHUNKED + "00000000000000005\r\nhello\r\n0\r\n\r\n",
    "a size line that ends with a line feed": CHUNKED + "5\nhello\r\n0\r\n\r\n",
    "data longer than its chunk": CHUNKED + "5\r\nhello!\r\n0\r\n\r\n",
    "data that ends with a line feed": CHUNKED + "5\r\nhello\n0\r\n\r\n",
    "an extension without a name": CHUNKED + "5;\r\nhello\r\n0\r\n\r\n",
    "an extension with a malformed name": CHUNKED + "5;bad[=x\r\nhello\r\n0\r\n\r\n",
    "a digit behind a quoted extension": CHUNKED + "5;a=\"b\"0\r\nhello\r\n0\r\n\r\n",
    "an extension with a line feed in it": CHUNKED + "5;a\nb\r\nhello\r\n0\r\n\r\n",
    "an extension with a carriage return in it": CHUNKED + "5;a\rb\r\nhello\r\n0\r\n\r\n",
    "a last chunk that ends with a line feed": CHUNKED + "5\r\nhello\r\n0\n\r\n",
    "a trailer that sets the length": CHUNKED + "5\r\nhello\r\n0\r\nContent-Length : 5\r\n\r\n",
    "a folded trailer": CHUNKED + "5\r\nhello\r\n0\r\nX: a\r\n b\r\n\r\n",
}


def table(cases):
    return [pytest.param(data, id=name.replace(" ", "-")) for name, data in cases.items()]


def assert_refused(gw, data, status=400):
    with gw.client() as client:
        client.send(data + SMUGGLED)
        response = client.read_response()
        assert response.status == status, response
        assert response.headers["Connection"].lower() == "close"
        assert response.error_code
        client.expect_closed()


@pytest.fixture(scope="module")
def shared():
    """One gateway for the whole table: whatever is refused must not disturb the next case either."""
    upstream = Upstream()
    with running(proxy_to(upstream)) as gw:
        yield gw, upstream
    upstream.stop()


@pytest.mark.parametrize("data", table(FRAMING) + table(REQUEST_LINE) + table(HOST))
def test_refused_with_400(shared, data):
    gw, upstream = shared
    before = len(upstream.connections)
    assert_refused(gw, data)
    assert upstream.started == 0 and len(upstream.connections) == before


@pytest.mark.parametrize("data", table(CHUNKS))
def test_a_bad_chunk_ends_the_request(shared, data):
    gw, upstream = shared
    assert_refused(gw, data)
    assert upstream.requests == []


@pytest.mark.parametrize("data, status", [
    pytest.param(GET.replace("1.1", "2.0") + "\r\n", 505, id="HTTP/2.0"),
    pytest.param(GET.replace("1.1", "3.7") + "\r\n", 505, id="HTTP/3.7"),
    pytest.param(POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501, id="gzip"),
    pytest.param(POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501, id="xchunked"),
    pytest.param("CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", 501, id="CONNECT"),
])
def test_what_the_gateway_does_not_speak_is_refused(shared, data, status):
    gw, upstream = shared
    with gw.client() as client:
        client.send(data + SMUGGLED)
        response = client.read_response()
        assert response.status in (status, 400, 405), response
        client.expect_closed()
    assert not any("/smuggled" in request.target for request in upstream.requests)


def test_the_gateway_still_serves_after_all_this(gateway, upstream):
    gw = gateway(proxy_to(upstream()))
    for data in [*FRAMING.values(), *REQUEST_LINE.values(), *HOST.values(), *CHUNKS.values()]:
        assert_refused(gw, data)
    assert gw.get().status == 200


def test_a_request_cut_short_is_not_completed(gateway, upstream):
    u = upstream()
    with gateway(proxy_to(u)).client() as client:
        client.send(POST + "Content-Length: 10\r\n\r\nhalf").half_close()
        client.reader.to_end()
    u.wait_for(lambda u: not u.open_connections)
    assert u.requests == []

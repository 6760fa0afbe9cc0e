"""Browsers call gRPC upstreams: gRPC-Web in binary and in text, with stock gRPC servers and with scripted ones."""
import base64
import subprocess
import threading

import grpc
import pytest

from support.gateway import over_h2, proxy_to
from support.grpc_calls import channel_to, frame, frames, serving
from support.upstream import Upstream, ok
from support.wire import TIMEOUT, Truncated

BINARY, TEXT = "application/grpc-web+proto", "application/grpc-web-text+proto"
METHOD = "/test.Echo/Unary"
CORS = {"cors": {"allowed_origins": ["https://app.example.com"], "allowed_methods": ["POST"], "allowed_headers": ["Content-Type", "X-Grpc-Web"],
                 "exposed_headers": ["grpc-status", "grpc-message"]}}
# For clients that begin without TLS, whatever the other tests' clients speak.
PLAIN = {"listeners": [{"name": "public", "address": "127.0.0.1:0"}]}
KEYS = {"key-auth": {"keys": [{"id": "shop", "sha256": "0" * 64}]}}


class Service(grpc.GenericRpcHandler):
    """Every method takes and gives bytes, so that no generated code is needed."""

    def __init__(self):
        self.next = threading.Semaphore(0)

    def service(self, details):
        return {
            "/test.Echo/Unary": grpc.unary_unary_rpc_method_handler(lambda request, context: request),
            "/test.Echo/Stream": grpc.unary_stream_rpc_method_handler(self.stream),
            "/test.Echo/Fails": grpc.unary_unary_rpc_method_handler(self.fails),
            "/test.Echo/FailsLate": grpc.unary_stream_rpc_method_handler(self.fails_late),
        }.get(details.method)

    def stream(self, request, context):
        for i in range(int(request)):
            yield b"%d" % i
            self.next.acquire(timeout=TIMEOUT)

    def fails(self, request, context):
        context.abort(grpc.StatusCode.NOT_FOUND, "nothing by that n\u00e4me")

    def fails_late(self, request, context):
        yield b"one"
        context.set_trailing_metadata((("x-why", "because"),))
        context.abort(grpc.StatusCode.DATA_LOSS, "lost")


@pytest.fixture
def service():
    with serving(Service()) as one:
        yield one


def call(gw, message=b"hi", method=METHOD, kind=BINARY, headers=(), **how):
    body = frame(message)
    how = how or {"body": base64.b64encode(body) if "text" in kind else body}
    return gw.request("POST", method, headers={"Content-Type": kind, "X-Grpc-Web": "1", **dict(headers)}, **how)


def unpadded(text):
    """Base64 with padding wherever a piece ended."""
    assert len(text) % 4 == 0
    return b"".join(base64.b64decode(text[i:i + 4], validate=True) for i in range(0, len(text), 4))


def answer(response):
    """The messages and the trailers of a response that is gRPC-Web's."""
    assert response.status == 200 and list(response.trailers) == []
    kind = response.headers["Content-Type"]
    assert kind.startswith("application/grpc-web")
    found = frames(unpadded(response.body) if "text" in kind else response.body)
    assert [flags for flags, _ in found[:-1]] == [0] * (len(found) - 1) and found[-1][0] == 0x80
    lines = found[-1][1].decode()
    assert lines.endswith("\r\n")
    return [payload for _, payload in found[:-1]], dict(line.split(": ", 1) for line in lines.split("\r\n")[:-1])


def refusal(response, kind=BINARY):
    """The status of a response that is only a head."""
    assert (response.status, response.headers["Content-Type"], response.body) == (200, kind, b"")
    return int(response.headers["grpc-status"]), response.headers["grpc-message"]


@pytest.mark.protocol
@pytest.mark.parametrize("kind", [BINARY, TEXT])
def test_a_call_to_a_stock_server(gateway, service, kind):
    response = call(gateway(proxy_to(over_h2(service.address), ["grpc-web"])), b"hello", kind=kind)
    messages, trailers = answer(response)
    assert (messages, trailers["grpc-status"]) == ([b"hello"], "0")
    assert response.headers["Content-Type"] == kind


@pytest.mark.protocol
@pytest.mark.parametrize("kind", [BINARY, TEXT])
def test_each_message_of_a_stream_comes_as_it_is_sent(gateway, service, kind):
    gw = gateway(proxy_to(over_h2(service.address), ["grpc-web"]))
    plain = unpadded if kind == TEXT else bytes
    size = 8 if kind == TEXT else 6
    with gw.http1() as client:
        body = frame(b"3")
        client.send_request("POST", "/test.Echo/Stream", headers={"Content-Type": kind},
                            body=base64.b64encode(body) if kind == TEXT else body)
        assert client.read_head().status == 200
        for i in range(3):  # the server sends the next one when this has come
            got = b""
            while len(got) < size:
                got += client.reader.chunk()
            assert plain(got) == frame(b"%d" % i)
            service.next.release()
        rest = b""
        while chunk := client.reader.chunk():
            rest += chunk
        (flags, trailers), = frames(plain(rest))
        assert flags == 0x80 and b"grpc-status: 0\r\n" in trailers


def test_each_message_comes_as_it_is_sent_over_http2_too(gateway, service):
    gw = gateway(proxy_to(over_h2(service.address), ["grpc-web"], **PLAIN))
    with gw.h2() as client:
        client.send_request("POST", "/test.Echo/Stream", headers={"content-type": BINARY}, body=frame(b"3"))
        stream = client.streams[client.latest]
        for i in range(3):
            expected = b"".join(frame(b"%d" % n) for n in range(i + 1))
            client.wait_for(lambda: stream.response and len(stream.response.body) >= len(expected), f"message {i}")
            assert stream.response.body == expected
            service.next.release()
        messages, trailers = answer(client.response(client.latest))
        assert (messages, trailers["grpc-status"]) == ([b"0", b"1", b"2"], "0")


def test_text_may_be_cut_anywhere_and_padded_inside(gateway, service):
    gw = gateway(proxy_to(over_h2(service.address), ["grpc-web"]))
    whole = frame(b"hello world")
    text = base64.b64encode(whole)
    for chunks in ([text[i:i + 1] for i in range(len(text))], [text[:5], text[5:]],
                   [base64.b64encode(whole[i:i + 1]) for i in range(len(whole))],
                   [base64.b64encode(whole[:5]) + base64.b64encode(whole[5:7]), base64.b64encode(whole[7:])]):
        assert answer(call(gw, kind=TEXT, chunks=chunks))[0] == [b"hello world"]


def test_what_is_no_base64_is_refused(gateway, service):
    gw = gateway(proxy_to(over_h2(service.address), ["grpc-web"]))
    for body in (b"AAAA*AAA", b"AAAAA", b"=", b"A===", b"AA=A"):
        assert refusal(call(gw, kind=TEXT, body=body), TEXT) == (13, "Bad Request")


def test_errors_of_the_upstream_pass(gateway, service):
    gw = gateway(proxy_to(over_h2(service.address), ["grpc-web"]))
    response = call(gw, method="/test.Echo/Fails")  # trailers only, or not: as the server likes
    told = dict(response.headers) if not response.body else answer(response)[1]
    assert (told["grpc-status"], told["grpc-message"]) == ("5", "nothing by that n%C3%A4me")
    messages, trailers = answer(call(gw, method="/test.Echo/FailsLate", kind=TEXT))
    assert (messages, trailers["grpc-status"], trailers["x-why"]) == ([b"one"], "15", "because")


def test_what_the_upstream_sees(gateway, h2_upstream):
    def respond(stream):
        stream.read_body()
        stream.respond(headers=[("content-type", "application/grpc")], body=frame(b"x"), trailers=[("grpc-status", "0"), ("x-a", "1"), ("x-a", "2")])

    u = h2_upstream(respond)
    gw = gateway(proxy_to(over_h2(u), ["grpc-web"]))
    response = call(gw, b"hi", kind=TEXT, headers={"Accept": "application/grpc-web", "grpc-timeout": "10S"})
    seen = u.streams[0]
    assert (seen.headers["content-type"], seen.headers["te"], seen.body) == ("application/grpc+proto", "trailers", frame(b"hi"))
    assert seen.headers["grpc-timeout"] == "10S" and "accept" not in seen.headers
    assert response.headers["Content-Type"] == BINARY  # as it accepts
    assert frames(response.body) == [(0, b"x"), (0x80, b"grpc-status: 0\r\nx-a: 1\r\nx-a: 2\r\n")]


@pytest.mark.protocol
def test_a_response_of_trailers_only_stays_a_head(gateway, h2_upstream):
    def respond(stream):
        stream.read_body()
        stream.send_head(200, [("content-type", "application/grpc"), ("grpc-status", "5"), ("grpc-message", "gone")], end=True)

    gw = gateway(proxy_to(over_h2(h2_upstream(respond)), ["grpc-web"]))
    assert refusal(call(gw)) == (5, "gone")


def test_an_upstream_that_ends_in_its_head_without_a_status_has_one(gateway, h2_upstream):
    def respond(stream):
        stream.read_body()
        stream.send_head(200, [("content-type", "application/grpc")], end=True)

    gw = gateway(proxy_to(over_h2(h2_upstream(respond)), ["grpc-web"]))
    assert refusal(call(gw)) == (2, "the upstream ended the response without a status")


@pytest.mark.protocol
def test_an_upstream_that_breaks_off_breaks_the_response(gateway, h2_upstream):
    def respond(stream):
        stream.read_body()
        stream.send_head(200, [("content-type", "application/grpc")])
        stream.send_data(frame(b"x"))
        stream.reset()

    gw = gateway(proxy_to(over_h2(h2_upstream(respond)), ["grpc-web"]))
    with gw.http1() as client:
        client.send_request("POST", METHOD, headers={"Content-Type": BINARY}, body=frame(b""))
        head = client.read_head()
        with pytest.raises(Truncated):
            client.reader.body_into(head)


def test_an_error_page_becomes_a_status(gateway, upstream):
    page = ok("<h1>come back later</h1>" * 1000, status=503, headers=[("Content-Type", "text/html"), ("Retry-After", "9")])
    response = call(gateway(proxy_to(upstream(page), ["grpc-web"])))
    assert refusal(response) == (14, "Service Unavailable") and response.headers["Retry-After"] == "9"


@pytest.mark.protocol
def test_what_the_gateway_refuses_has_a_status(gateway, upstream):
    nobody = Upstream(listen=False)
    config = proxy_to(over_h2(nobody), route={"match": {"path": "/test.Echo/*"}})
    config["plugins"] = ["grpc-web"]
    config["routes"].append({"id": "keys", "match": {"path": "/test.Keys/*"}, "upstream": "backend", "plugins": [KEYS]})
    config["routes"].append({"id": "small", "match": {"path": "/test.Small/*"}, "upstream": "backend", "body_limit": "3b"})
    gw = gateway(config)
    assert refusal(call(gw)) == (14, "Bad Gateway")
    assert refusal(call(gw, kind=TEXT), TEXT) == (14, "Bad Gateway")
    assert refusal(call(gw, method="/nothing/There")) == (12, "Not Found")
    assert refusal(call(gw, method="/test.Keys/Unary")) == (16, "Unauthorized")
    assert refusal(call(gw, method="/test.Small/Unary")) == (2, "Content Too Large")
    assert gw.request("POST", METHOD, body="x").status == 502  # for nobody else
    nobody.stop()


def test_the_gateways_timeout_is_a_deadline(gateway, h2_upstream):
    u = h2_upstream(lambda stream: stream.wait(lambda: stream.reset_code is not None, "RST_STREAM"))
    gw = gateway(proxy_to(over_h2(u, timeouts={"response": "50ms"}), ["grpc-web"]))
    assert refusal(call(gw)) == (4, "Gateway Timeout")


def test_with_cors_above_it_a_page_can_call_and_read_every_refusal(gateway, service):
    gw = gateway(proxy_to(over_h2(service.address), [CORS, "grpc-web", KEYS]))
    origin = {"Origin": "https://app.example.com"}
    preflight = gw.request("OPTIONS", METHOD, headers={**origin, "Access-Control-Request-Method": "POST",
                                                       "Access-Control-Request-Headers": "content-type,x-grpc-web"})
    assert preflight.status == 204 and "X-Grpc-Web" in preflight.headers["Access-Control-Allow-Headers"]
    response = call(gw, headers=origin)
    assert refusal(response)[0] == 16
    assert response.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert response.headers["Access-Control-Expose-Headers"] == "grpc-status, grpc-message"


def test_ordinary_grpc_shares_the_route(gateway, service):
    gw = gateway(proxy_to(over_h2(service.address), ["grpc-web"], **PLAIN))
    with channel_to(gw) as channel:
        assert channel.unary_unary(METHOD)(b"hello", timeout=TIMEOUT) == b"hello"
        with pytest.raises(grpc.RpcError) as failed:
            channel.unary_unary("/test.Echo/Fails")(b"", timeout=TIMEOUT)
        assert failed.value.code() == grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("version", ["--http2-prior-knowledge", "--http1.1"])
def test_curl_calls_over_both_versions(gateway, service, version):
    gw = gateway(proxy_to(over_h2(service.address), ["grpc-web"], **PLAIN))
    got = subprocess.run(["curl", "-sS", version, "--noproxy", "*", "-H", "Content-Type: application/grpc-web", "--data-binary", "@-",
                          f"http://{gw.address()}{METHOD}"], input=frame(b"hello"), capture_output=True, timeout=60, check=True).stdout
    assert frames(got)[0] == (0, b"hello")
    assert frames(got)[1][0] == 0x80 and b"grpc-status: 0\r\n" in frames(got)[1][1]


def test_it_takes_no_configuration(postern):
    result = postern("check", config=proxy_to("127.0.0.1:9", [{"grpc-web": {"text": True}}]))
    assert result.returncode == 1 and "text" in result.stderr

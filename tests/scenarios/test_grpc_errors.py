"""What the gateway itself says to gRPC calls: a status that their clients understand, never an HTTP error."""
import threading

from support.gateway import over_h2, proxy_to
from support.upstream import Upstream

CALL = {"Content-Type": "application/grpc+proto", "TE": "trailers"}


def call(gw, target="/pkg.Service/Method", headers=(), body=b"\0\0\0\0\0"):
    return gw.request("POST", target, headers={**CALL, **dict(headers)}, body=body)


def status_of(response):
    assert response.status == 200 and response.headers["Content-Type"] == "application/grpc"
    assert response.body == b""
    return int(response.headers["grpc-status"]), response.headers["grpc-message"]


def test_no_route_is_unimplemented(gateway, upstream):
    gw = gateway({**proxy_to(upstream(never=True)), "routes": [
        {"id": "one", "match": {"path": "/one"}, "upstream": "backend"}]})
    assert status_of(call(gw)) == (12, "no route takes this request")


def test_an_upstream_that_is_not_there_is_unavailable(gateway):
    nobody = Upstream(listen=False)
    gw = gateway(proxy_to(over_h2(nobody)))
    assert status_of(call(gw)) == (14, "Bad Gateway")
    assert gw.request("POST", "/", body="x").status == 502  # nobody else sees gRPC
    assert gw.request("POST", "/", body="x", headers={"Content-Type": "application/grpc-web+proto"}).status == 502
    nobody.stop()


def test_the_calls_deadline_is_kept(gateway, h2_upstream):
    u = h2_upstream(lambda stream: stream.wait(lambda: stream.reset_code is not None, "RST_STREAM"))
    gw = gateway(proxy_to(over_h2(u)))
    assert status_of(call(gw, headers={"grpc-timeout": "1S"})) == (4, "Gateway Timeout")
    u.wait_for(lambda u: u.streams[0].reset_code == 8)
    assert u.streams[0].headers["grpc-timeout"] == "1S"


def test_the_gateways_own_timeout_is_a_deadline_too(gateway, h2_upstream):
    u = h2_upstream(lambda stream: stream.wait(lambda: stream.reset_code is not None, "RST_STREAM"))
    gw = gateway(proxy_to(over_h2(u, timeouts={"response": "50ms"})))
    assert status_of(call(gw))[0] == 4


def test_plugins_go_on_in_terms_of_http(gateway, upstream):
    plugins = [{"headers": {"response": {"set": {"X-Seen": "${response.status}"}}}}]
    gw = gateway({**proxy_to(upstream(never=True), route={"body_limit": "3b"}), "plugins": plugins})
    response = call(gw, body=b"\0\0\0\0\0")
    assert status_of(response)[0] == 2
    assert response.headers["X-Seen"] == "413"


def test_te_trailers_reaches_the_upstream_and_trailers_the_client(gateway, h2_upstream):
    def answer(stream):
        assert stream.read_body() == b"\0\0\0\0\0"
        stream.respond(headers=[("content-type", "application/grpc")], body=b"\0\0\0\0\0",
                       trailers=[("grpc-status", "0"), ("grpc-message", "fine")])

    u = h2_upstream(answer)
    response = call(gateway(proxy_to(over_h2(u))))
    assert (response.status, response.body) == (200, b"\0\0\0\0\0")
    assert list(response.trailers) == [("grpc-status", "0"), ("grpc-message", "fine")]
    assert u.streams[0].headers["te"] == "trailers"


def test_a_response_of_trailers_only_passes(gateway, h2_upstream):
    u = h2_upstream(lambda s: (s.read_body(), s.send_head(200, [("content-type", "application/grpc"), ("grpc-status", "5")], end=True)))
    response = call(gateway(proxy_to(over_h2(u))))
    assert (response.status, response.headers["grpc-status"], response.body) == (200, "5", b"")


def test_a_stream_may_pause_as_long_as_it_likes(gateway, h2_upstream):
    """No deadline bounds a stream whose timeouts are off, though others of the same gateway run out meanwhile."""
    others_done = threading.Event()

    def answer(stream):
        if stream.path == "/mute":
            return stream.wait(lambda: stream.reset_code is not None, "RST_STREAM")
        stream.send_head(200)
        assert others_done.wait(30)
        stream.respond_body = stream.read_body()
        stream.send_data(stream.respond_body, end=True)

    u = h2_upstream(answer)
    gw = gateway({
        "timeouts": {"body_read": "100ms"},
        "upstreams": {"stream": over_h2(u, timeouts={"body": 0}), "mute": over_h2(u, timeouts={"response": "300ms"})},
        "routes": [{"id": "stream", "match": {"path": "/stream"}, "upstream": "stream", "body_read_timeout": 0},
                   {"id": "mute", "match": {"path": "/mute"}, "upstream": "mute"}]})
    with gw.client() as client:
        client.send("POST /stream HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na")
        assert client.read_head().status == 200
        assert gw.get("/mute").status == 504
        others_done.set()
        client.send("b")
        assert client.reader.exactly(12) == b"2\r\nab\r\n0\r\n\r\n"

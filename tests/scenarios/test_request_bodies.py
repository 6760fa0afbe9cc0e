"""Request bodies between the client, the plugins that want all of them, and upstreams that fail."""
import threading

import pytest

from support.gateway import BUILD, proxy_to
from support.upstream import early, ok

PATH = [str(BUILD / "plugins"), "<dir>"]


def reads_bodies(policy):
    script = "return {name = 'reader', version = '1.0.0', request_body = %s, on_request_body = function(exchange) end}"
    return {"reader/reader.lua": script % policy}


def test_a_body_that_comes_between_two_attempts_is_not_lost(gateway, upstream):
    @early
    def fail_half_way(exchange):
        exchange.read_some()
        exchange.body_read = True
        exchange.reset()

    u = upstream([fail_half_way, lambda exchange: ok(str(len(exchange.request.body)))])
    again = """return {name = 'again', version = '1.0.0', on_upstream_result = function(exchange, config, result)
      if result.outcome ~= 'response' then postern.log.info('again') exchange:retry(0.3) end end}"""
    gw = gateway(proxy_to(u, ["again"], plugin_path=PATH), files={"again/again.lua": again})
    with gw.client() as client:
        client.send("PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + "a" * 40_000)
        gw.wait_log("again")
        client.send("b" * 160_000)
        assert client.read_response().text == "200000"
    assert u.last.body == b"a" * 40_000 + b"b" * 160_000


@pytest.mark.parametrize("policy", [None, "{policy = 'buffer', limit = '1k'}", "{policy = 'stream', modifies = true}"])
def test_an_empty_body_is_none(gateway, upstream, policy):
    u = upstream()
    gw = gateway(proxy_to(u, ["reader"] if policy else [], plugin_path=PATH), files=reads_bodies(policy))
    for _ in range(3):
        assert gw.request("POST", headers={"Content-Length": "0"}).text == "ok"
    assert len(u.connections) == 1
    assert u.last.headers["Content-Length"] == "0" and u.last.body == b""


def test_bodies_that_wait_for_an_upstream_count_as_buffered(gateway, upstream):
    begun, go_on = threading.Semaphore(0), threading.Event()

    @early
    def hang(exchange):
        begun.release()
        exchange.wait(go_on)
        return ok(str(len(exchange.read_body())))

    gw = gateway(proxy_to(upstream(hang), ["reader"], plugin_path=PATH, limits={"body_buffer_total": "2m"}),
                 files=reads_bodies("{policy = 'buffer', limit = '4m'}"))
    body = "x" * 900_000
    with gw.client() as first, gw.client() as second, gw.client() as third:
        for client in (first, second):
            client.send_request("POST", body=body)
            assert begun.acquire(timeout=60)
        third.send_request("POST", body=body)
        assert third.read_response().status == 503
        go_on.set()
        assert [client.read_response().text for client in (first, second)] == ["900000"] * 2
        assert gw.post(body=body).text == "900000"


def test_an_answer_that_is_too_long_even_to_say_so_ends_all_the_same(gateway, upstream):
    script = """return {name = 'reader', version = '1.0.0', response_body = {policy = 'buffer', limit = '3b'},
      on_response_body = function(exchange) end}"""
    gw = gateway(proxy_to(upstream(ok("much too long")), ["reader"], plugin_path=PATH), files={"reader/reader.lua": script})
    response = gw.get()
    assert response.status == 502 and response.json()["error"]["code"] == "PROXY_ERROR"

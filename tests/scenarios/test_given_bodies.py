"""A plugin gives a request a body, and chooses for one exchange how it sees a body."""
import threading

import pytest

from support.gateway import BUILD, proxy_to
from support.upstream import ok

PATH = [str(BUILD / "plugins"), "<dir>"]

GIVES = """return {name = 'gives', version = '1.0.0',
  request_body = {policy = 'buffer', limit = '1k', modifies = true},
  on_request = function(exchange)
    local done, why = exchange.request:give_body('given')
    exchange.request.headers['x-gave'] = done and 'yes' or why
    local again, why_not = exchange.request:give_body('twice')
    exchange.request.headers['x-again'] = again and 'yes' or why_not
    if done then exchange.request.method = 'POST' end
  end,
  on_request_body = function(exchange) exchange.request.body = 'mine' end}"""


def changes(name, policy, word):
    return """return {name = '%s', version = '1.0.0', request_body = %s,
      on_request_body = function(exchange)
        exchange.request.body = exchange.request.body .. (exchange.request.body_ended and '%s' or '')
      end}""" % (name, policy, word)


def chain(u, *plugins, first=None, **config):
    files = {"gives/gives.lua": GIVES,
             "before/before.lua": changes("before", "{policy = 'buffer', limit = '1k', modifies = true}", " before"),
             "holds/holds.lua": changes("holds", "{policy = 'buffer', limit = '1k', modifies = true}", " held"),
             "small/small.lua": changes("small", "{policy = 'buffer', limit = '3b', modifies = true}", " small"),
             "passes/passes.lua": changes("passes", "{policy = 'stream', modifies = true}", " passed"),
             "gives-much/gives-much.lua": """return {name = 'gives-much', version = '1.0.0', on_request = function(exchange)
               exchange.request:give_body(('x'):rep(100000)) end}""",
             "waits/waits.lua": """return {name = 'waits', version = '1.0.0', request_body = {policy = 'stream'},
               on_upstream_request = function(exchange) exchange.variables['waits.asked'] = true end,
               on_request_body = function(exchange)
                 while not exchange.variables['waits.asked'] do postern.sleep('1ms') end
               end}""",
             "again/again.lua": """return {name = 'again', version = '1.0.0', on_upstream_result = function(exchange, config, result)
               if result.outcome ~= 'response' then exchange:retry(0) end end}"""}
    return proxy_to(u, list(plugins), plugin_path=PATH, **config), files


@pytest.mark.parametrize("behind, body", [([], b"given"), (["holds"], b"given held"), (["passes"], b"given passed"),
                                          (["passes", "holds"], b"given passed held"), (["holds", "passes"], b"given held passed")])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_those_behind_see_the_body_and_the_upstream_gets_it_with_its_length(gateway, upstream, method, behind, body):
    u = upstream(ok("hello"))
    config, files = chain(u, "before", "gives", *behind)
    gw = gateway(config, files=files)
    for _ in range(2):
        response = gw.request(method)
        assert response.status == 200 and response.text == ("" if method == "HEAD" else "hello")
        assert u.last.method == "POST" and u.last.body == body
        assert u.last.headers["Content-Length"] == str(len(body)) and "Transfer-Encoding" not in u.last.headers
    assert len(u.connections) == 1


@pytest.mark.parametrize("behind, body", [([], b"given"), (["holds"], b"given held"), (["passes"], b"given passed")])
def test_an_upstream_that_speaks_http2_gets_it_too(gateway, h2_upstream, behind, body):
    def respond(stream):
        stream.read_body()
        stream.respond(body=b"hello")

    u = h2_upstream(respond)
    config, files = chain({"targets": [str(u)], "protocol": "h2"}, "gives", *behind)
    assert gateway(config, files=files).get().text == "hello"
    assert (u.streams[0].pseudo("method"), u.streams[0].body) == ("POST", body)


def test_an_attempt_that_follows_brings_it_again(gateway, upstream):
    u = upstream([lambda exchange: exchange.reset(), lambda exchange: exchange.reset(), ok("third")])
    config, files = chain(u, "gives", "holds", "again")
    assert gateway(config, files=files).get().text == "third"
    assert [request.body for request in u.requests] == [b"given held"] * 3


def test_however_long_it_is_and_however_late_it_passes_it_comes_again(gateway, upstream):
    u = upstream([lambda exchange: exchange.reset(), lambda exchange: exchange.reset(), ok("third")])
    config, files = chain(u, "gives-much", "waits", "again")
    assert gateway(config, files=files).get().text == "third"
    assert [request.body for request in u.requests] == [b"x" * 100_000] * 3


def test_a_request_that_has_a_body_keeps_it(gateway, upstream):
    u = upstream()
    config, files = chain(u, "gives")
    gw = gateway(config, files=files)
    gw.request("PUT", body="mine already")
    assert (u.last.method, u.last.headers["X-Gave"]) == ("PUT", "not allowed here")
    gw.request("POST", headers={"Content-Length": "0"})
    assert (u.last.body, u.last.headers["X-Gave"], u.last.headers["X-Again"]) == (b"given", "yes", "not allowed here")


def test_one_that_is_too_long_for_those_behind_is_refused(gateway, upstream):
    config, files = chain(upstream(never=True), "gives", "small")
    with gateway(config, files=files).http1() as client:
        assert [client.get("/").status for _ in range(2)] == [413, 413]  # the client has sent all of its own


def test_in_shadow_mode_nothing_is_given(gateway, upstream):
    u = upstream()
    config, files = chain(u, {"gives": {"_": {"mode": "shadow"}}})
    assert gateway(config, files=files).get().status == 200
    assert (u.last.method, u.last.body) == ("GET", b"")


CHOOSES = """return {name = 'chooses', version = '1.0.0',
  request_body = {policy = 'buffer', limit = '8b', modifies = true},
  response_body = {policy = 'buffer', limit = '1k', modifies = true},
  on_request = function(exchange)
    if exchange.request.query == 'stream' then exchange.request:stream_body() end
  end,
  on_request_body = function(exchange) exchange.request.body = exchange.request.body:upper() end,
  on_response = function(exchange)
    if exchange.request.query == 'stream' then exchange.response:stream_body() end
  end,
  on_response_body = function(exchange)
    local late, why = exchange.response:stream_body()
    assert(not late and why == 'not allowed here')
    exchange.response.body = exchange.response.body:upper()
  end}"""


def test_what_is_held_for_one_exchange_streams_for_another(gateway, upstream):
    u = upstream(lambda exchange: ok(exchange.request.body or "short"))
    config, files = proxy_to(u, ["chooses"], plugin_path=PATH), {"chooses/chooses.lua": CHOOSES}
    gw = gateway(config, files=files)
    assert gw.request("POST", "/", body="held").text == "HELD"
    assert gw.request("POST", "/", body="much too long").status == 413
    assert gw.request("POST", "/?stream", body="long but on its way").text == "LONG BUT ON ITS WAY"
    with gw.http1() as client:
        client.send_request("POST", "/", body="held")
        assert client.read_response().headers["Content-Length"] == "4"
        client.send_request("POST", "/?stream", body="passing")
        response = client.read_response()
        assert (response.headers["Transfer-Encoding"], response.text) == ("chunked", "PASSING")
    assert u.last.headers["Transfer-Encoding"] == "chunked"


def test_a_stream_passes_while_it_comes(gateway, upstream):
    def answer(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
        exchange.wait(read)
        exchange.send(b"3\r\ntwo\r\n0\r\n\r\n")

    read = threading.Event()
    gw = gateway(proxy_to(upstream(answer), ["chooses"], plugin_path=PATH), files={"chooses/chooses.lua": CHOOSES})
    with gw.http1() as client:
        client.send_request("GET", "/?stream")
        client.read_head()
        assert client.reader.chunk() == b"ONE"
        read.set()
        assert client.reader.chunk() == b"TWO" and client.reader.chunk() == b""

"""Response hooks that answer, fail or never go on: the response that they bring about passes the hooks of the others, not their own."""
import threading

import pytest

from support.gateway import BUILD, proxy_to
from support.upstream import early, ok

PATH = [str(BUILD / "plugins"), "<dir>"]

# Each instance writes down that it was asked, and does in its hooks what `head` and `body` of its configuration say.
ACTOR = """return {
  name = "actor", version = "1.0.0",
  schema = {head = {type = "string"}, body = {type = "string"}, limit = {type = "string", default = "64k"}},
  response_body = function(config) return {policy = "buffer", limit = config.limit} end,
  on_response = function(exchange, config) return act(exchange, config.head, "head") end,
  on_response_body = function(exchange, config) return act(exchange, config.body, "body") end,
  on_complete = function() postern.log.info("asked: complete") end,
}"""
ACT = """
local function act(exchange, what, hook)
  postern.log.info("asked: " .. hook .. " of " .. exchange.response.status)
  if what == "fail" then error("as the scenario wants") end
  if what == "wait, then fail" then postern.sleep("1ms") error("as the scenario wants") end
  if what == "hang" then postern.sleep("1h") end
  if what == "answer" then return exchange:respond(403, "mine") end
  if what == "answer errors" and exchange.response.status >= 500 then return exchange:respond(200, "stored") end
end
"""

WATCH = """return {
  name = "watch", version = "1.0.0", response_body = "stream",
  on_response_body = function(exchange)
    exchange.state.bytes = (exchange.state.bytes or 0) + #exchange.response.body
    if exchange.state.bytes == 65520 then postern.log.info("all but ten bytes are there") end
  end,
}"""


def actor(name, timeout="30s", **config):
    return {"actor": {**config, "_": {"name": name, "timeout": timeout}}}


@pytest.fixture
def chain(gateway, upstream):
    """chain(instances...): a gateway whose only route has these in front of an upstream that answers 200."""
    def start(*instances, answers=ok("from upstream"), **top):
        files = {"actor/actor.lua": ACT + ACTOR, "watch/watch.lua": WATCH}
        return gateway(proxy_to(upstream(answers), list(instances), plugin_path=PATH, **top), files=files)
    return start


def asked(gw):
    """What the instances were asked until the end, in order: (instance, "body of 200")."""
    gw.stop()
    return [(line["instance"], line["message"].removeprefix("asked: ")) for line in gw.log("asked: ")]


@pytest.mark.parametrize("protocol", ["http1", "h2"])
@pytest.mark.parametrize("body, status", [("fail", 500), ("wait, then fail", 500), ("answer", 403), ("hang", 504)])
def test_a_body_hook_is_not_asked_about_the_response_that_it_brought_about(chain, protocol, body, status):
    gw = chain(actor("it", body=body, timeout="50ms" if body == "hang" else "30s"))
    with getattr(gw, protocol)() as client:
        response = client.get()
    assert response.status == status
    assert response.text == "mine" or response.error_code in ("INTERNAL_ERROR", "TIMEOUT")
    assert asked(gw) == [("it", "head of 200"), ("it", "body of 200"), ("it", "complete")]


def test_the_others_are_asked_about_it(chain):
    gw = chain(actor("one"), actor("two", body="fail"), actor("three"))
    assert gw.get().status == 500
    about_the_error = [(who, what) for who, what in asked(gw) if what.endswith("500")]
    assert about_the_error == [("three", "head of 500"), ("one", "head of 500"), ("three", "body of 500"), ("one", "body of 500")]


def test_each_that_fails_over_the_error_of_another_is_asked_once(chain):
    gw = chain(actor("one", body="fail"), actor("two", body="fail"), actor("three", body="fail"))
    assert gw.get().status == 500
    assert [who for who, what in asked(gw) if what.startswith("body")] == ["three", "two", "one"]


def test_a_head_hook_that_failed_is_not_asked_for_the_body_of_its_error(chain):
    gw = chain(actor("it", head="fail"))
    assert gw.get().status == 500
    assert asked(gw) == [("it", "head of 200"), ("it", "complete")]


def test_what_another_answers_in_place_of_the_error_is_a_response_like_any_other(chain):
    """It comes from a store, perhaps, and the instance that failed is there to take something out of it."""
    gw = chain(actor("store", head="answer errors"), actor("filter", body="fail"))
    response = gw.get()
    assert response.status == 500 and "stored" not in response.text
    assert [what for who, what in asked(gw) if who == "filter"] == ["head of 200", "body of 200", "body of 200", "complete"]


def test_two_that_answer_in_each_others_place_come_to_an_end(chain):
    gw = chain(actor("one", body="answer"), actor("two", body="answer"))
    assert gw.get().status == 500
    assert [who for who, what in asked(gw) if what.startswith("body")] == ["two", "one", "two"]
    assert gw.log("answered a second time")


def test_an_error_that_is_too_long_for_all_passes_them_by(chain):
    gw = chain(actor("one", limit="8"), actor("two", limit="8"))
    assert gw.get().status == 502
    assert [what for _, what in asked(gw)] == ["head of 200", "head of 200", "head of 502", "complete", "complete"]


def test_an_error_passes_by_those_for_which_there_is_no_memory_left(chain):
    go_on = threading.Event()

    def pause_before_the_last_bytes(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 65530\r\n\r\n" + "x" * 65_520)
        exchange.wait(go_on)
        return b"x" * 10

    gw = chain(actor("it", limit="1m"), "watch", answers=[pause_before_the_last_bytes, ok("more than what is left")], limits={"body_buffer_total": "64k"})
    with gw.client() as first, gw.client() as second:
        first.send_request()
        gw.wait_log("all but ten bytes are there")
        assert second.get().status == 503
        go_on.set()
        assert len(first.read_response().body) == 65_530
    assert [what for _, what in asked(gw)] == ["head of 200", "head of 200", "complete", "body of 200", "complete"]


LATE = """
local said = postern.dict("said")
local function wait_for(what) while not said:get(what) do postern.sleep("1ms") end end
return {
  name = "late", version = "1.0.0", request_body = "stream", response_body = {policy = "buffer", limit = "64k"},
  on_request_body = function(exchange)
    if exchange.request.body == "refuse me" then said:set("refused", "yes") return exchange:respond(403, "refused") end
  end,
  on_response = function(exchange)
    if exchange.response.status == 403 then return end
    postern.log.info("the head is here")
    wait_for("refused")
    said:set("late", "yes") error("nobody waits for this any more")
  end,
  on_response_body = function() wait_for("late") end,
}"""


def test_a_hook_that_waits_over_a_response_that_has_been_replaced_is_not_heard(gateway, upstream):
    answer_early = early(lambda exchange: exchange.send(ok("early")) or exchange.read_some())
    gw = gateway(proxy_to(upstream(answer_early), ["late"], plugin_path=PATH), files={"late/late.lua": LATE})
    with gw.client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        gw.wait_log("the head is here")
        client.send("9\r\nrefuse me\r\n")
        response = client.read_response()
    assert (response.status, response.text) == (403, "refused")


# F15: the error page took the code away, and metrics and logs saw an answer like any other.
def test_an_error_page_is_still_the_error_that_it_tells_of(gateway, upstream):
    pages = """return {name = "pages", version = "1.0.0",
      on_response = function(exchange, config)
        if exchange.origin == "local" then return exchange:respond(config.status, "sorry") end
      end,
      on_complete = function(exchange, config, completion)
        local variables = exchange.variables
        postern.log.info("over", {told = completion.error_code or "", code = variables["error.code"] or "", attempts = variables["attempts"],
                                  message = variables["error.message"] or "", cause = variables["error.cause"] or ""})
      end, schema = {status = {type = "integer"}}}"""
    for status, code in ((502, "PROXY_ERROR"), (200, "")):
        config = proxy_to(upstream(listen=False), [{"pages": {"status": status}}],
                          plugin_path=[str(BUILD / "plugins"), "<dir>"])
        gw = gateway(config, files={"pages/pages.lua": pages})
        response = gw.get()
        assert (response.status, response.text) == (status, "sorry")
        over = gw.wait_log("over")
        assert (over["told"], over["code"], over["attempts"]) == (code, code, 1)
        assert "refused" in over["cause"] and (over["message"] != "") == (code != "")

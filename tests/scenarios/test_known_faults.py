"""Faults that the mechanisms of later issues end. Each scenario shows one as it is today: it is expected to fail, and when it
passes, it moves to where what ended the fault is tested."""
import threading

import pytest

from support.gateway import BUILD, proxy_to
from support.upstream import ok

PATH = [str(BUILD / "plugins"), str(BUILD / "test-plugins/v1"), "<dir>"]


class Fault(Exception):
    """What a scenario is expected to show. Whatever else goes wrong in it fails the run."""


def fault(name):
    return pytest.mark.xfail(reason=name, strict=True, raises=Fault)


def mended(held, seen):
    if not held:
        raise Fault(seen)


def script(name, fields):
    return {f"{name}/{name}.lua": f"return {{name = '{name}', version = '1.0.0', {fields}}}"}


# Two generations serve: a service whose configuration has changed goes on beside its successor while a stream pins the old one.
@fault("F7, ended by the phases of a generation (E2)")
def test_a_service_of_a_retired_generation_falls_silent(gateway, upstream):
    ticks = script("ticks", """schema = {tag = {type = "string"}},
        on_worker_start = function(config)
          local function tick()
            postern.log.info("tick of " .. config.tag)
            postern.timer("20ms", tick)
          end
          tick()
        end""")
    begun, go_on = threading.Event(), threading.Event()

    def stream(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na")
        begun.set()
        exchange.wait(go_on)
        return b"b"

    def config(tag):
        return proxy_to(u, services=[{"ticks": {"tag": tag}}], plugin_path=PATH, workers=1)

    u = upstream(stream)
    gw = gateway(config("old"), files=ticks)
    with gw.client() as client:
        client.send_request("GET", "/")
        assert begun.wait(10)
        gw.reload(config("new"))
        gw.wait_log("tick of new")
        since = len(gw.log_lines)
        gw.wait_log("tick of new", count=10, since=since)
        late = [line for line in gw.log_lines[since:] if "tick of old" in line]
        go_on.set()
        client.read_response()
    mended(late == [], late)


@fault("F11, ended by the course of an attempt (E4)")
def test_the_head_of_a_response_can_be_read_where_its_attempt_is_judged(gateway, upstream):
    judge = script("judge", """on_upstream_result = function(exchange)
        postern.log.info("judged", {after = exchange.response.headers["retry-after"] or "nothing"}) end""")
    gw = gateway(proxy_to(upstream(ok(status=503, headers=[("Retry-After", "7")])), ["judge"], plugin_path=PATH), files=judge)
    gw.get()
    after = gw.wait_log("judged")["after"]
    mended(after == "7", after)


@fault("F12, ended by the course of an attempt (E4)")
def test_an_attempt_that_its_client_has_left_has_a_result(gateway, upstream):
    count = script("counts", """on_upstream_select = function(exchange) exchange.state.open = 1 end,
        on_upstream_result = function(exchange) exchange.state.open = 0 end,
        on_complete = function(exchange) postern.log.info("over", {open = exchange.state.open}) end""")
    asked, never = threading.Event(), threading.Event()

    def silent(exchange):
        asked.set()
        exchange.wait(never)

    gw = gateway(proxy_to(upstream(silent), ["counts"], plugin_path=PATH), files=count)
    with gw.client() as client:
        client.send_request("GET", "/")
        assert asked.wait(10)
        client.reset()
        over = gw.wait_log("over")
    never.set()
    mended(over["open"] == 0, over)


@fault("F13, ended by the course of an attempt (E4)")
def test_a_fallback_hears_of_the_attempt_that_another_plugin_refused(gateway, upstream):
    files = {**script("fallback", """on_upstream_result = function(exchange, config, result)
                 postern.log.info("heard", {outcome = result.outcome}) end,
                 on_complete = function() postern.log.info("over") end"""),
             **script("breaker", """on_upstream_select = function(exchange)
                 return exchange:respond_error(503, "SERVICE_UNAVAILABLE", "the breaker is open") end""")}
    gw = gateway(proxy_to(upstream(), ["fallback", "breaker"], plugin_path=PATH), files=files)
    assert gw.get().status == 503
    gw.wait_log("over")
    mended(gw.log("heard") != [], "nothing was heard")


@fault("F14, ended by answers that stand in for an upstream's (cache)")
def test_an_answer_from_a_store_keeps_the_upstreams_connection(gateway, upstream):
    store = script("store", """on_response = function(exchange)
        if exchange.response.status == 304 then return exchange:respond(200, "stored") end end""")
    u = upstream(lambda exchange: b"HTTP/1.1 304 Not Modified\r\n\r\n")
    gw = gateway(proxy_to(u, ["store"], plugin_path=PATH, workers=1), files=store)
    for _ in range(10):
        assert gw.get().text == "stored"
    mended(len(u.connections) == 1, f"{len(u.connections)} connections")

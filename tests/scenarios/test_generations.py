"""Generations end: whatever a plugin goes on doing, its instances stop, its code goes, and the gateway can be stopped."""
import threading

import pytest

from support.gateway import BUILD, proxy_to
from support.upstream import ok

pytestmark = pytest.mark.concurrency

PATH = [str(BUILD / "test-plugins/broken"), str(BUILD / "test-plugins/v1")]


def serving(upstream, *services, **top):
    return proxy_to(upstream, services=list(services), plugin_path=PATH, log={"level": "debug"}, **top)


@pytest.mark.parametrize("how", ["work", "call"])
def test_an_instance_that_is_stopped_begins_nothing_new(gateway, upstream, how):
    u = upstream(ok("hello"))
    gw = gateway(serving(u, {"rearms": {"with": how}}))
    gw.wait_log("goes round")
    gw.reload(serving(u))
    gw.wait_log("generation freed")
    assert gw.get().text == "hello"


@pytest.mark.parametrize("how", ["work", "call"])
def test_an_instance_that_never_stops_by_itself_does_not_hold_up_the_end(gateway, upstream, how):
    gw = gateway(serving(upstream(ok()), {"rearms": {"with": how}}, workers=2))
    gw.wait_log("goes round")
    assert gw.terminate().wait_exit() == 0


def test_posts_while_an_instance_is_destroyed_are_refused(gateway, upstream):
    u = upstream(ok("hello"))
    config = serving(u, "posts-until-destroyed")
    gw = gateway(config)
    for _ in range(5):
        gw.reload(config)
    gw.reload(serving(u))
    gw.wait_log("generation freed", count=6)
    assert gw.get().text == "hello"


def test_posts_of_a_generation_that_is_refused_are_refused_too(gateway, upstream):
    u = upstream(ok("hello"))
    gw = gateway(serving(u))
    for _ in range(5):
        gw.reload_fails(serving(u, "posts-until-destroyed", "fails-configure"))
    assert gw.get().text == "hello"


def test_a_service_can_call_upstreams_as_soon_as_it_starts(gateway, upstream):
    gw = gateway(serving(upstream(ok("first")), "calls-at-start"))
    gw.wait_log("the call ended with 0: first")
    gw.reload(serving(upstream(ok("second")), "calls-at-start"))
    gw.wait_log("the call ended with 0: second")


def test_a_call_without_an_answer_does_not_hold_up_the_end(gateway, upstream):
    go = threading.Event()
    u = upstream(lambda exchange: exchange.wait(go) or ok())
    gw = gateway(serving(u, "calls-at-start"))
    u.wait_for(lambda u: u.started == 1)
    assert gw.terminate().wait_exit() == 0
    assert gw.log("the call ended with -12")
    go.set()


def test_an_instance_may_take_its_time_to_stop(gateway, upstream):
    u = upstream(ok("hello"))
    gw = gateway(serving(u, "says-goodbye"))
    gw.reload(serving(u))
    gw.wait_log("generation freed")
    assert gw.log("goodbye ended with 0") and "/goodbye" in [r.target for r in u.requests]


def test_an_instance_may_take_its_time_at_the_end_too(gateway, upstream):
    gw = gateway(serving(upstream(ok("hello")), "says-goodbye", workers=2))
    assert gw.terminate().wait_exit() == 0
    assert len(gw.log("goodbye ended with 0")) == 2


def test_an_instance_that_never_says_that_it_has_stopped_is_waited_for_3_seconds(gateway, upstream):
    u = upstream(ok("hello"))
    gw = gateway(serving(u, {"says-goodbye": {"forgets": True}}))
    gw.reload(serving(u))
    gw.wait_log("it was not over within 3 s")
    gw.wait_log("generation freed")


def test_sighup_while_starting_is_a_reload_after_the_start(gateway, upstream):
    gw = gateway(serving(upstream(ok("hello")), {"signals-at-start": {"signal": "hangup"}}))
    gw.wait_log("generation 2 serving")
    assert gw.get().text == "hello"


@pytest.mark.parametrize("pending", [False, True])
def test_sigterm_while_starting_is_a_clean_end(postern, pending):
    plugin = {"signals-at-start": {"signal": "terminate", "pending": pending}}
    result = postern("run", config=serving("127.0.0.1:1", plugin, workers=2))
    assert result.returncode == 0, result.stderr
    if pending:  # else the start may be through when the signal arrives
        assert "ready" not in result.stdout


def test_sigterm_while_a_reload_waits_for_an_instance_is_a_clean_end(gateway, upstream):
    u = upstream(ok("hello"))
    gw = gateway(serving(u))
    line = gw.reload_fails(serving(u, {"signals-at-start": {"signal": "terminate", "pending": True}}))
    assert "given up" in line
    assert gw.wait_exit() == 0


@pytest.mark.parametrize("plugin, words", {
    "work-without-end": "services/work-without-end holds 1 task",
    "never-stops": "a worker is busy in a plugin's code",
    "never-destroyed": "the control thread is busy in a plugin's code",
}.items())
def test_what_never_ends_is_named_and_the_process_goes(postern, plugin, words):
    result = postern("run", config=serving("127.0.0.1:1", plugin, {"signals-at-start": {"signal": "terminate"}}))
    assert result.returncode == 1
    assert words in result.stderr


def test_a_library_that_cannot_be_unloaded_is_named(gateway, upstream):
    u = upstream(ok("hello"))
    gw = gateway(serving(u, "stays-loaded"))
    gw.wait_log("thread_local variables with destructors")
    gw.reload(serving(u))
    gw.wait_log("stays-loaded.so could not be unloaded")

"""Plugins that misbehave hurt their own exchange at most: the gateway answers, says whose fault it was, and goes on."""
import json

import pytest

from support.gateway import BUILD, proxy_to
from support.upstream import ok

PATH = [str(BUILD / "test-plugins/broken"), str(BUILD / "test-plugins/v1")]


def through(upstream, *plugins, **top):
    return proxy_to(upstream, plugins, plugin_path=PATH, **top)


@pytest.mark.parametrize("plugin, words", {
    "wrong-abi": ["version 2 of the plugin ABI", "offers 1.1", "Rebuild"],
    "no-note": ["no POSTERN note", "postern_add_plugin"],
    "missing-symbol": ["postern_plugin_query"],
    "bad-schema": ["schema", "whole number"],
    "schema-not-json": ["schema", "JSON"],
    "name-mismatch": ["another-name", "name-mismatch"],
    "unique-symbol": ["-fno-gnu-unique"],
    "later-function": ["calls loop.idle", "version 1.2 of the plugin ABI", "offers 1.1", "Upgrade"],
    "later-hook": ["hooks that this gateway does not know", "Upgrade"],
    "hooks-disagree": ["on_request is missing"],
    "fails-configure": ["refused its configuration"],
    "body-without-policy": ["has on_response_body but says neither"],  # F28
}.items())
def test_what_cannot_be_loaded_is_refused_with_a_sentence(postern, plugin, words):
    result = postern("check", config=through("127.0.0.1:1", plugin))
    assert result.returncode == 1
    assert "gateway.yaml:" in result.stderr and all(word in result.stderr for word in words), result.stderr


@pytest.mark.parametrize("plugin", ["later-unused", "later-asks-first"])
def test_a_plugin_of_a_later_sdk_that_uses_nothing_later_works(gateway, upstream, plugin):
    assert gateway(through(upstream(ok("hello")), plugin)).get("/").headers.get("x-idle") == "unknown"


def test_an_instance_that_is_never_ready_stops_the_start(postern):
    result = postern("check", config=through("127.0.0.1:1", "pending-forever"))
    assert result.returncode == 1 and "not ready within" in result.stderr


@pytest.mark.parametrize("hook", ["on_request", "on_upstream_select", "on_upstream_request", "on_response"])
def test_an_exception_in_a_hook_is_a_500_and_no_more(gateway, upstream, hook):
    gw = gateway(through(upstream(ok("hello")), {"throws": {"hook": hook}}))
    for _ in range(3):
        response = gw.get()
        assert response.status == 500 and json.loads(response.text)["error"]["code"] == "INTERNAL_ERROR"
    assert "throws" in json.dumps(gw.wait_log(hook))


@pytest.mark.parametrize("hook", ["on_upstream_result", "on_complete", "on_worker_stop"])
def test_an_exception_where_nothing_can_be_refused_changes_nothing(gateway, upstream, hook):
    gw = gateway(through(upstream(ok("hello")), {"throws": {"hook": hook}}))
    assert [gw.get().text for _ in range(3)] == ["hello"] * 3


def test_an_exception_of_a_plugin_that_fails_open_lets_the_request_pass(gateway, upstream):
    plugin = {"throws": {"hook": "on_request", "_": {"on_error": "fail_open"}}}
    assert gateway(through(upstream(ok("hello")), plugin)).get().text == "hello"


def test_an_exception_at_the_start_of_a_worker_stops_the_start(postern):
    result = postern("run", config=through("127.0.0.1:1", {"throws": {"hook": "on_worker_start"}}))
    assert result.returncode == 1 and "on_worker_start" in result.stdout + result.stderr


@pytest.mark.parametrize("function", ["postern_plugin_query", "on_load", "script_open"])
def test_an_exception_while_a_plugin_is_loaded_refuses_it_and_the_old_generation_serves(gateway, upstream, function):
    u = upstream(ok("hello"))
    files = {"thrown/thrown.throws": ""}
    gw = gateway(through(u), env={"THROWS_IN": function})
    plugin = "thrown" if function == "script_open" else {"throws": {"hook": "none"}}
    line = gw.reload_fails({**through(u, plugin), "plugin_path": PATH + ["<dir>"]}, files=files)
    assert f"{function} threw: thrown in {function}" in line
    assert gw.get().text == "hello"


@pytest.mark.parametrize("function", ["on_unload", "script_close"])
def test_an_exception_while_a_plugin_is_unloaded_changes_nothing(gateway, upstream, function):
    u = upstream(ok("hello"))
    gw = gateway({**through(u, "thrown"), "plugin_path": PATH + ["<dir>"]}, files={"thrown/thrown.throws": ""},
                 env={"THROWS_IN": function})
    gw.reload(through(u))
    assert gw.wait_log(f"{function} threw: thrown in {function}")
    assert gw.get().text == "hello"


def test_a_forgotten_resume_is_a_504_with_the_plugins_name_in_the_log(gateway, upstream):
    gw = gateway(through(upstream(never=True), "never-resumes", timeouts={"hook": "200ms"}))
    assert gw.get().status == 504
    assert gw.wait_log("never-resumes")


@pytest.mark.parametrize("plugin", ["answers-nonsense", "suspends-without-ticket"])
def test_a_verdict_that_makes_no_sense_is_an_error(gateway, upstream, plugin):
    gw = gateway(through(upstream(never=True), plugin))
    assert [gw.get().status for _ in range(3)] == [500] * 3
    assert gw.wait_log(plugin)


@pytest.mark.parametrize("plugin", ["resumes-twice", "resumes-after-end", "resumes-other-thread"])
def test_resumes_that_come_twice_late_or_from_another_thread_are_harmless(gateway, upstream, plugin):
    gw = gateway(through(upstream(ok("hello")), plugin))
    assert [gw.get().text for _ in range(20)] == ["hello"] * 20


def test_an_older_plugins_shorter_table_works(gateway, upstream):
    u = upstream(ok("hello"))
    assert gateway(through(u, "table-too-short")).get().text == "hello"
    assert u.last.headers["x-short"] == "1"


def test_a_plugin_that_cannot_be_loaded_leaves_the_old_generation_serving(gateway, upstream):
    u = upstream(ok("hello"))
    gw = gateway(through(u, "table-too-short"))
    gw.reload_fails(through(u, "wrong-abi"))
    assert gw.get().text == "hello"

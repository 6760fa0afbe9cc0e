"""on_connection: what its verdicts, its waiting and its failures come to."""
import pytest

from support.gateway import BUILD, proxy_to

PATH = [str(BUILD / "plugins"), "<dir>"]
ABORT = "connection:abort()"
ABORT_LATER = "postern.sleep('1ms') connection:abort()"
FAIL = "error('broken')"
FAIL_LATER = "postern.sleep('1ms') error('broken')"
FORGET = "postern.sleep('1h')"


def guarded(gateway, upstream, code, **settings):
    script = f"return {{name = 'guard', version = '1.0.0', on_connection = function(connection) {code} end}}"
    config = proxy_to(upstream, plugins=[], plugin_path=PATH)
    config["plugins"] = [{"guard": {"_": {"timeout": "50ms", **settings}}}]
    return gateway(config, files={"guard/guard.lua": script})


@pytest.mark.parametrize("code", [ABORT, ABORT_LATER, FAIL, FAIL_LATER, FORGET])
def test_a_connection_that_is_not_admitted_is_closed_without_an_answer(gateway, upstream, code):
    gw = guarded(gateway, upstream(never=True), code)
    with gw.client() as client:
        client.expect_closed()


@pytest.mark.parametrize("code", [FAIL, FAIL_LATER, FORGET])
def test_a_guard_that_fails_open_admits_when_it_fails(gateway, upstream, code):
    assert guarded(gateway, upstream(), code, on_error="fail_open").get().text == "ok"


@pytest.mark.parametrize("code", [ABORT, ABORT_LATER, FAIL, FAIL_LATER, FORGET])
def test_a_guard_in_shadow_mode_refuses_nobody(gateway, upstream, code):
    assert guarded(gateway, upstream(), code, mode="shadow").get().text == "ok"


def test_a_guard_that_never_resumes_is_named_in_the_log(gateway, upstream):
    gw = guarded(gateway, upstream(never=True), FORGET)
    with gw.client() as client:
        client.expect_closed()
    line = gw.wait_log("did not resume")
    assert (line["module"], line["hook"]) == ("plugin.guard", "on_connection")

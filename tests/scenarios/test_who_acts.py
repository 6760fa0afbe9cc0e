"""The gateway knows whose code runs: what fails is that plugin's, what changes an exchange is its own, and a door that it shut stays shut."""
import pytest

from support.gateway import proxy_to
from support.upstream import ok


@pytest.fixture
def acts(gateway, upstream):
    """acts(request header, **settings of the instance): the response, and the gateway."""
    def start(what, trail=False, services=("calls-back",), **own):
        gw = gateway(proxy_to(upstream(ok("hello")), [{"acts": {"trail": trail, "_": own}}], services=list(services)))
        return gw.get(headers={"X-Do": what}), gw
    return start


# ---- Answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("on_error", ["fail_closed", "fail_open"])
@pytest.mark.parametrize("then", ["go on", "fail", "throw"])
def test_a_hook_that_has_answered_is_taken_at_its_word(acts, then, on_error):
    """F21: today's 403 stays one, whatever the hook returns, and whether or not it throws afterwards."""
    response, _ = acts(f"respond and {then}", on_error=on_error)
    assert (response.status, response.text) == (403, "refused")


@pytest.mark.parametrize("on_error", ["fail_closed", "fail_open"])
def test_an_answer_that_is_none_lets_nobody_in(acts, on_error):
    """F21: a refusal with a wrong status is still a refusal."""
    assert acts("respond with a wrong status", on_error=on_error)[0].status == 500


def test_in_shadow_mode_answers_change_nothing(acts):
    response, gw = acts("respond and go on", mode="shadow")
    assert response.text == "hello"
    assert gw.wait_log("over")["mode"] == "shadow", "F22: what it logs is marked"


# ---- Code that fails -------------------------------------------------------------------------------------------------


def test_what_throws_at_the_end_of_an_exchange_is_caught(acts):
    """F1: it ended the process."""
    response, gw = acts("throw at the end")
    assert response.text == "hello"
    assert gw.wait_log("at the end")["instance"] == "acts"
    assert gw.get().text == "hello"


@pytest.mark.parametrize("what", ["throw in a timer", "throw in a job", "throw when called back"])
def test_a_callback_that_throws_ends_what_it_was_begun_for_at_once(acts, what):
    """F32, F1: by on_error, and not by the hook's deadline, which is far away here."""
    assert acts(what, timeout="1h")[0].status == 500
    assert acts(what, timeout="1h", on_error="fail_open")[0].text == "hello"


# ---- Who acts --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["answer from a timer", "be called back"])
def test_a_callback_answers_for_its_own_instance(acts, what):
    """F5: called back from another plugin's timer, the answer was nobody's: 500 and not 503."""
    response, _ = acts(what)
    assert response.status == 503 and '"BUSY"' in response.text


def test_a_callback_of_an_instance_in_shadow_mode_changes_nothing(gateway, upstream):
    """F6: called back from another plugin's timer, it really changed the request."""
    u = upstream(ok("hello"))
    for mode, seen in (("enforce", "yes"), ("shadow", None)):
        gw = gateway(proxy_to(u, [{"acts": {"_": {"mode": mode}}}], services=["calls-back"]))
        assert gw.get(headers={"X-Do": "change when called back"}).text == "hello"
        assert u.requests[-1].headers.get("X-Changed") == seen


# ---- Who stands still ------------------------------------------------------------------------------------------------


def test_a_plugin_that_holds_up_its_worker_is_named(acts):
    """F29: nobody noticed."""
    _, gw = acts("stand still")
    line = gw.wait_log("a plugin held up its worker")
    assert (line["plugin"], line["instance"], line["hook"], line["route"]) == ("acts", "acts", "on_request", "all")
    assert line["at_least_ms"] >= 100


# ---- The trail -------------------------------------------------------------------------------------------------------


def steps(gw):
    return gw.wait_log("over")["steps"].split("; ")[:-1]


def test_a_trail_tells_what_happened_hook_by_hook_and_attempt_by_attempt(acts):
    """E11. Numbers are those of hooks: 2 is on_request. Then the verdict, what was wanted, and the status."""
    assert steps(acts("", trail=True)[1]) == ["acts/2=0/0/0", "backend/attempt=0/0/200"]


def test_a_trail_tells_what_a_plugin_wanted(acts):
    _, gw = acts("respond and go on", trail=True)
    assert steps(gw) == ["acts/2=2/0/403"]


def test_a_trail_tells_what_shadow_mode_did_not_do(acts):
    _, gw = acts("respond and go on", trail=True, mode="shadow")
    assert steps(gw) == ["acts/2=0/0/403", "backend/attempt=0/0/200"]


def test_a_trail_tells_who_waited(acts):
    _, gw = acts("answer from a timer", trail=True)
    assert steps(gw) == ["acts/2=2/2/503 waited"]


def test_without_a_reader_there_is_no_trail(acts):
    assert steps(acts("")[1]) == []

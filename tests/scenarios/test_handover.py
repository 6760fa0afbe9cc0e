"""A hook that resumes another one of its exchange: what that brings about happens inside it, and what it interrupted is over."""
import pytest

from support.gateway import proxy_to
from support.upstream import early, ok
from support.wire import Truncated

POST = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"


@pytest.fixture
def handover(gateway, upstream):
    """handover(hook, verdict): the client whose upload waits for that hook, and its gateway."""
    def start(hook, verdict, **config):
        gw = None

        def answer(exchange):
            gw.wait_log("the upload waits")
            exchange.send(ok("from upstream"))
            exchange.read_some()

        gw = gateway(proxy_to(upstream(early(answer)), [{"handover": {"in": hook, "with": verdict, **config}}]))
        client = gw.client()
        client.send(POST)
        return client, gw
    return start


@pytest.mark.parametrize("hook", ["on_upstream_result", "on_response", "on_response_body"])
@pytest.mark.parametrize("verdict, status, body", [("respond", 403, "mine"), ("error", 500, None)])
def test_the_answer_takes_the_place_of_the_upstreams(handover, hook, verdict, status, body):
    client, gw = handover(hook, verdict)
    with client:
        response = client.read_response()
    assert response.status == status
    assert body is None or response.text == body
    assert gw.get().status == 200


@pytest.mark.parametrize("response", ["buffer", "stream"])
@pytest.mark.parametrize("hook", ["on_upstream_result", "on_response", "on_response_body"])
def test_an_abort_ends_the_exchange(handover, hook, response):
    client, gw = handover(hook, "abort", response=response)
    with client, pytest.raises(Truncated):
        client.read_response()
    assert gw.get().status == 200


def test_a_refusal_before_another_attempt_is_not_passed_over(handover):
    client, _ = handover("on_upstream_select", "respond", retry=True)
    with client:
        response = client.read_response()
    assert (response.status, response.text) == (403, "mine")

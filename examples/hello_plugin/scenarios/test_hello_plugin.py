"""The plugin in a real gateway, between a client and an upstream."""
import pytest

from support.gateway import proxy_to


@pytest.mark.protocol
def test_it_greets_both_sides(gateway, upstream):
    u = upstream()
    gw = gateway(proxy_to(u, [{"hello": {"greeting": "good morning"}}]))
    assert gw.get("/orders").headers.get("x-hello") == "good morning"
    assert u.last.headers.get("x-hello") == "good morning"


def test_it_answers_its_own_path(gateway, upstream):
    gw = gateway(proxy_to(upstream(never=True), ["hello"]))
    assert gw.get("/hello").text == "hello\n"

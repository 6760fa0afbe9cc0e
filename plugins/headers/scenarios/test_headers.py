"""Headers are taken away, set and added, both ways, with variables; nothing can be injected through a value."""
import re

import pytest

from support.gateway import BUILD, proxy_to
from support.upstream import ok


@pytest.mark.protocol
def test_the_upstream_gets_one_and_not_the_other(gateway, upstream):
    u = upstream()
    changes = {"request": {"remove": ["X-Internal"], "set": {"X-Gateway": "postern", "X-Path": "${request.path}"},
                           "add": {"Accept": "text/html"}}}
    gateway(proxy_to(u, [{"headers": changes}])).get("/a", headers=[("X-Internal", "1"), ("x-internal", "2"), ("X-Gateway", "fake"),
                                                                      ("Accept", "text/plain")])
    assert u.last.headers.get("X-Internal") is None
    assert u.last.headers.get_all("X-Gateway") == ["postern"]
    assert u.last.headers.get_all("X-Path") == ["/a"]
    assert u.last.headers.get_all("Accept") == ["text/plain", "text/html"]


def test_the_client_is_told_how_long_it_took(gateway, upstream):
    u = upstream(ok("hi", headers=[("Server", "leaky/1.0"), ("Set-Cookie", "a=1")]))
    changes = {"response": {"remove": ["Server"], "set": {"X-Response-Time": "${latency}"}, "add": {"Set-Cookie": "b=2"}}}
    response = gateway(proxy_to(u, [{"headers": changes}])).get()
    assert re.fullmatch(r"\d+\.\dms", response.headers["X-Response-Time"])
    assert response.headers.get("Server") is None
    assert response.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert response.text == "hi"


@pytest.mark.protocol
@pytest.mark.parametrize("route, status", [({"match": {"path": "/other"}}, 404), ({}, 502), ({"plugins": ["respond"]}, 200)])
def test_responses_of_the_gateway_itself_have_them_too(gateway, upstream, route, status):
    changes = {"headers": {"response": {"set": {"X-Response-Time": "${latency}", "X-Origin": "${response.origin}"}}}}
    response = gateway(proxy_to(upstream(listen=False), route=route, plugins=[]) | {"plugins": [changes]}).get()
    assert response.status == status
    assert response.headers["X-Origin"] == "local" and response.headers["X-Response-Time"].endswith("ms")


def test_host_can_be_set(gateway, upstream):
    u = upstream()
    gateway(proxy_to(u, [{"headers": {"request": {"set": {"Host": "inner.example"}}}}])).get()
    assert u.last.headers.get_all("Host") == ["inner.example"]


def test_a_variable_with_line_feeds_injects_nothing(gateway, upstream):
    """Variables come from plugins and scripts: their texts can be anything."""
    script = """return {name = "who", version = "1.0.0", provides = {"who"}, on_request = function(exchange)
      exchange.variables.who = exchange.request.headers["x-raw"]:gsub("|", "\\r\\n")
    end}"""
    changes = {"headers": {"request": {"set": {"X-Who": "${who}"}}, "response": {"add": {"X-Who": "is ${who}"}}}}
    u = upstream()
    gw = gateway(proxy_to(u, ["who", changes], plugin_path=[str(BUILD / "plugins"), "<dir>"]), files={"who/who.lua": script})
    response = gw.get(headers={"X-Raw": "a|X-Admin: 1", "X-Who": "spoofed"})
    assert response.status == 200
    for headers in (u.last.headers, response.headers):
        assert headers.get("X-Admin") is None and headers.get("X-Who") is None
    assert gw.get(headers={"X-Raw": "ann", "X-Who": "spoofed"}).headers["X-Who"] == "is ann"
    assert u.last.headers.get_all("X-Who") == ["ann"]


def test_framing_is_refused_where_it_stands(postern):
    result = postern("check", config="""
        routes:
          - id: all
            match: {path: "/*"}
            plugins:
              - headers:
                  response:
                    remove: [Server, Content-Length]
              - respond
        """)
    assert result.returncode == 1
    assert re.search(r"gateway\.yaml:7:\d+.*\"Content-Length\" belongs to one connection", result.stderr), result.stderr


@pytest.mark.parametrize("changes", [{"set": {"X-Gateway": "postern"}}, {"remove": ["X-Gateway"]}])
def test_nothing_slips_in_when_the_memory_of_the_exchange_is_used_up(gateway, upstream, changes):
    u = upstream()
    config = proxy_to(u, [{"headers": {"request": changes}}], limits={"exchange_memory": "128k", "head": "1m"})
    padding = [(f"X-Padding-{i}", "x" * 4000) for i in range(60)]
    response = gateway(config).get(headers=[("X-Gateway", "evil"), *padding])
    if "set" in changes:
        assert response.status == 500 and not u.requests
    else:
        assert response.status == 200 and u.last.headers.get("X-Gateway") is None

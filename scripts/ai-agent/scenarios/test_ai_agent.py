"""A request that presents itself as an AI agent is known to later plugins, to the log and to the metrics."""
import pytest

from support.gateway import BUILD, ROOT, proxy_to

TELL = """
return {name = "tell", version = "1.0.0", consumes = {"agent.id"}, on_request = function(exchange)
  exchange.request.headers["x-agent"] = exchange.variables["agent.kind"] .. "/" .. exchange.variables["agent.id"]
end}
"""


def config(upstream, chain):
    return proxy_to(upstream, chain, plugin_path=[str(BUILD / "plugins"), str(ROOT / "scripts"), "<dir>"])


@pytest.mark.protocol
def test_an_agent_is_told_to_the_plugins_behind_it_and_logged(gateway, upstream):
    u = upstream()
    gw = gateway(config(u, ["ai-agent", "tell"]), files={"tell/tell.lua": TELL})
    assert gw.get("/orders", headers={"X-AI-Agent": "research-bot", "AI-Agent-ID": "agent-7"}).status == 200
    assert u.last.headers["X-Agent"] == "research-bot/agent-7"
    gw.wait_log("AI agent")


def test_requests_are_counted_by_agent(gateway, upstream):
    gw = gateway(config(upstream(), [{"ai-agent": {"max_agents": 2}}]) | {"plugins": [{"metrics": {"path": "/metrics"}}]})
    for agent in ("research-bot", "research-bot", None):
        gw.get(headers={"X-AI-Agent": agent} if agent else {})
    assert gw.metrics().value("postern_ai_agent_requests_total", agent="research-bot") == 2


def test_the_reader_of_the_variable_must_stand_behind_it(upstream, postern):
    refused = postern("check", config=config(upstream(), ["tell", "ai-agent"]), files={"tell/tell.lua": TELL})
    assert refused.returncode == 1
    assert "agent.id" in refused.stdout + refused.stderr

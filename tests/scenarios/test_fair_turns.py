"""A plugin that always has more to do takes turns with the rest: others are answered meanwhile, deadlines pass, SIGTERM is heeded."""
import pytest

from support.gateway import BUILD, proxy_to

PATH = [str(BUILD / "plugins"), str(BUILD / "test-plugins/v1"), "<dir>"]

# What the header x-do asks for.
EAGER = """
local function spin() postern.timer(0, spin) end
return {
  name = "eager", version = "1.0.0",
  on_request = function(exchange)
    local wanted = exchange.request.headers["x-do"]
    if wanted == "spin" then spin() end
    while wanted == "sleep 0" do postern.sleep(0) end
    while wanted == "sleep 0.0004" do postern.sleep(0.0004) end
  end,
}"""


@pytest.mark.parametrize("plugin", ["probe", "eager"])
def test_timers_that_start_themselves_again_without_delay_starve_nobody(gateway, upstream, plugin):
    gw = gateway(proxy_to(upstream(), [plugin], plugin_path=PATH), files={"eager/eager.lua": EAGER})
    for _ in range(2):
        assert gw.get(headers={"X-Do": "spin"}).status == 200
    with gw.client() as client:
        assert [client.get().text for _ in range(10)] == ["ok"] * 10


@pytest.mark.parametrize("wait", ["sleep 0", "sleep 0.0004"])
def test_a_hook_that_sleeps_again_and_again_for_no_time_meets_its_deadline(gateway, upstream, wait):
    chain = [{"eager": {"_": {"timeout": "300ms"}}}]
    gw = gateway(proxy_to(upstream(), chain, plugin_path=PATH), files={"eager/eager.lua": EAGER})
    with gw.client() as sleeper, gw.client() as other:
        sleeper.send_request(headers={"X-Do": wait})
        assert other.get().text == "ok"
        assert sleeper.read_response().status == 504

"""What a plugin costs is its own time: not that of others, and none of it is lost. Plugins that burn a known amount of time say how much."""
import pytest

from support.gateway import proxy_to
from support.upstream import ok

REQUESTS = 130


def burner(name, **burns):
    return {"burner": {**burns, "_": {"name": name}}}


def seconds(gw, plugin, hook):
    return gw.metrics().value("postern_plugin_time_seconds_total", plugin=plugin, route="all", hook=hook)


@pytest.fixture
def burn(gateway, upstream):
    def start(*plugins):
        gw = gateway({**proxy_to(upstream(ok("hello")), plugins), "plugins": [{"metrics": {"path": "/metrics"}}]})
        with gw.client() as client:
            for _ in range(REQUESTS):
                assert client.get("/").text == "hello"
        return gw
    return start


@pytest.mark.parametrize("others", [0, 1, 3, 7])
def test_every_hook_of_every_plugin_shows_its_time(burn, others):
    """F2: one counter for all picked the samples, and with 2, 4, 8 or 16 calls a request always the same hook's."""
    names = [f"p{i}" for i in range(others + 1)]
    gw = burn(*[burner(name, hook=1) for name in names])
    for name in names:
        for hook in ("on_request", "on_response"):
            assert seconds(gw, name, hook) > 0, (name, hook)


def test_the_time_of_one_is_not_anothers(burn):
    """F3, F4: in the hook, in the callback while the request waits, and none for who only stands beside it."""
    gw = burn(burner("idle"), burner("busy", hook=300, timer=500), burner("behind"))
    hook, callback = seconds(gw, "busy", "on_request"), seconds(gw, "busy", "callback")
    assert hook >= REQUESTS * 300e-6 and callback >= REQUESTS * 500e-6
    for idle in ("idle", "behind"):
        assert seconds(gw, idle, "on_request") + seconds(gw, idle, "on_response") < 0.1 * (hook + callback)


def test_the_longest_call_is_known(burn):
    gw = burn(burner("busy", hook=300))
    assert gw.metrics().value("postern_plugin_longest_seconds", plugin="busy", route="all", hook="on_request") >= 300e-6

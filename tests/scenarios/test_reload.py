"""SIGHUP builds a new generation aside and swaps it in: no request is lost, a bad configuration changes nothing."""
import os
import shutil
import threading

import pytest

from support.client import Client
from support.gateway import BUILD, proxy_to
from support.long_run import long_run
from support.upstream import ok
from support.wire import TIMEOUT

pytestmark = pytest.mark.concurrency


def mark(tag):
    return {"mark": {"tag": tag, "_": {"name": tag}}}


def test_a_new_configuration_serves_after_the_reload(gateway, upstream):
    old, new = upstream(ok("old")), upstream(ok("new"))
    gw = gateway(proxy_to(old))
    assert gw.get().text == "old"
    assert gw.reload(proxy_to(new)) == 2
    assert gw.get().text == "new"


def test_an_idle_connection_lives_through_a_reload_and_sees_the_new_configuration(gateway, upstream):
    gw = gateway(proxy_to(upstream(ok("old"))))
    with gw.client() as client:
        assert client.get().text == "old"
        gw.reload(proxy_to(upstream(ok("new"))))
        assert client.get().text == "new"


def test_a_request_in_flight_ends_on_the_generation_it_began_in(gateway, upstream):
    go = threading.Event()
    old = upstream(lambda exchange: exchange.wait(go) or ok("old"))
    gw = gateway(proxy_to(old, [mark("before")]))
    with gw.client() as client:
        client.send_request()
        old.wait_for(lambda u: u.started == 1)
        gw.reload(proxy_to(upstream(ok("new")), [mark("after")]))
        assert gw.get().headers.get_all("X-Mark") == ["after"]
        go.set()
        response = client.read_response()
        assert (response.text, response.headers.get_all("X-Mark")) == ("old", ["before"])


@pytest.mark.parametrize("bad, why", [
    ("routes: [", "gateway.yaml"),
    ({"routes": [{"id": "r", "match": {"path": "/*"}, "upstream": "nobody"}]}, "nobody"),
    (proxy_to("127.0.0.1:1", ["no-such-plugin"]), "no-such-plugin"),
    (proxy_to("127.0.0.1:1", [{"mark": {"respond": 1}}]), "respond"),
])
def test_a_bad_configuration_leaves_the_old_one_serving_and_says_why(gateway, upstream, bad, why):
    gw = gateway(proxy_to(upstream(ok("old"))))
    with gw.client() as client:
        assert client.get().text == "old"
        gw.reload_fails(bad)
        assert why in gw.said()
        assert client.get().text == "old"
    assert gw.reload(proxy_to(upstream(ok("new")))) >= 2
    assert gw.get().text == "new"


def test_listeners_come_and_go(gateway, upstream):
    u = upstream()
    one = {"name": "public", "address": "127.0.0.1:0"}
    two = {"name": "second", "address": "127.0.0.1:0"}
    gw = gateway(proxy_to(u, listeners=[one]))
    public = gw.address()
    gw.reload(proxy_to(u, listeners=[one, two]))
    gw.wait_for(lambda: "second" in gw.listeners, "the second listener")
    assert gw.get(listener="second").status == 200
    assert gw.address() == public and gw.get().status == 200


def test_a_new_listener_on_an_address_in_use_fails_the_reload(gateway, upstream):
    u = upstream()
    one = {"name": "public", "address": "127.0.0.1:0"}
    other = gateway(proxy_to(u))
    gw = gateway(proxy_to(u, listeners=[one]))
    line = gw.reload_fails(proxy_to(u, listeners=[one, {"name": "second", "address": other.address()}]))
    assert "listeners/second: listen on " in line and "address already in use" in line
    assert gw.get().status == 200 and other.get().status == 200


def test_a_listener_may_change_its_name(gateway, upstream):
    u = upstream()
    gw = gateway(proxy_to(u))
    address = gw.address()
    stays = {"name": "stays", "address": "127.0.0.1:0"}
    gw.reload(proxy_to(u, listeners=[stays, {"name": "fixed", "address": address}]))
    gw.reload(proxy_to(u, listeners=[stays, {"name": "renamed", "address": address}]))
    gw.wait_for(lambda: gw.listeners.get("renamed") == address, "the listener under its new name")
    assert gw.get(listener="stays").status == 200  # by now the only worker has closed the old one
    assert gw.get(listener="renamed").status == 200


class Load:
    """Clients that ask without a pause until stop(); every answer must be a whole 200."""

    def __init__(self, address, clients):
        self.address = address
        self.stopping = False
        self.failures, self.answers = [], []
        self.answered = threading.Condition()
        self.threads = [threading.Thread(target=self.ask, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def ask(self):
        try:
            while not self.stopping:
                with Client(self.address) as client:
                    for i in range(25):
                        response = client.request("POST", "/", body=b"x" * 100)
                        assert response.status == 200 and response.text == "answer", response
                        with self.answered:
                            self.answers.append(tuple(response.headers.get_all("X-Mark")) + (response.headers["X-Mark-Version"],))
                            self.answered.notify_all()
        except BaseException as failure:  # noqa: reported by stop()
            self.failures.append(repr(failure))

    def wait_for(self, answer):
        """Until somebody gets this answer."""
        with self.answered:
            since = len(self.answers)
            assert self.answered.wait_for(lambda: answer in self.answers[since:] or self.failures, TIMEOUT), f"nobody was answered {answer}"

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(60)
        assert not self.failures, self.failures[:3]
        return self.answers


def replace(version, directory):
    """Puts another version of the plugin in place, as a package manager does: a new file under the old name."""
    fresh = directory / "mark.so.new"
    shutil.copy(BUILD / f"test-plugins/v{version}/mark.so", fresh)
    os.rename(fresh, directory / "mark.so")


@pytest.mark.soak
def test_reloads_under_load_lose_no_request(gateway, upstream, tmp_path):
    u = upstream(ok("answer"))
    orders = [["one", "two"], ["two", "one"]]

    def version(i):
        return 1 + i // 2 % 2

    def config(i):
        return proxy_to(u, [mark(tag) for tag in orders[i % 2]], plugin_path=[str(tmp_path)], workers=2)

    def answer(i):
        return (*orders[i % 2][::-1], f"{version(i)}.0.0")
    replace(1, tmp_path)
    gw = gateway(config(0))
    load = Load(gw.address(), 4)
    for i in range(1, long_run(100) + 1):
        replace(version(i), tmp_path)
        assert gw.reload(config(i)) == i + 1
        load.wait_for(answer(i))
    assert set(load.stop()) == {answer(i) for i in range(4)}


def test_reloads_leave_nothing_behind(gateway, upstream, tmp_path):
    """Old generations are freed, their libraries unmapped: the number of mappings does not grow."""
    u = upstream(ok("answer"))
    replace(1, tmp_path)
    config = proxy_to(u, [mark("one")], plugin_path=[str(tmp_path)])
    gw = gateway(config)

    def libraries():
        maps = open(f"/proc/{gw.process.pid}/maps").read().splitlines()
        return len({line.split()[-1] for line in maps if "mark" in line.split()[-1]})
    assert gw.get().status == 200
    for _ in range(20):
        gw.reload(config)
        assert gw.get().status == 200
    assert libraries() <= 3  # the one that serves, and perhaps one or two on their way out

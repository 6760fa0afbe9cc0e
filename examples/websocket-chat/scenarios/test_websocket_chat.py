"""The example as its page tells it, in a real browser, with ports of the kernel's choice."""
import pytest

from support.example import configuration, free_port
from support.gateway import ROOT

EXAMPLE = ROOT / "examples/websocket-chat"


@pytest.fixture
def server(backend):
    return backend(EXAMPLE / "server.py", 0)


@pytest.fixture
def config(server):
    return configuration("websocket-chat", public=free_port(), _9001=server.address)


def enter(page, key):
    page.type("#key", key, submit=True)


def say(page, text):
    page.type("#text", text, submit=True)


def test_two_tabs_talk_and_come_back_after_a_reload_and_a_restart(gateway, browser, config, server):
    gw = gateway(config)
    page = browser().open(f"http://{gw.address()}/")
    alice = page.driver.current_window_handle
    enter(page, "alice-demo")
    page.wait_text("#state", "connected as alice")
    bob = page.new_tab(f"http://{gw.address()}/")
    enter(page, "bob-demo")
    page.wait_text("#state", "connected as bob")
    page.wait_text("#people", "alice, bob")

    say(page, "hello from bob")
    page.tab(alice).wait_text("#messages", "hello from bob")
    say(page, "hello, <b>bob</b>")
    page.tab(bob).wait_text("#messages", "hello, <b>bob</b>")

    gw.reload()
    page.wait_text("#messages", "closed with 1012: the gateway has a new configuration")
    page.wait_text("#state", "connected as bob")
    page.tab(alice).wait_text("#messages", "closed with 1012")
    page.wait_text("#state", "connected as alice")
    say(page, "still here")
    page.tab(bob).wait_text("#messages", "still here")
    server.wait_line("alice has left with 1012")

    assert gw.terminate().wait_exit() == 0
    page.wait_text("#messages", "closed with 1001: the gateway is going away")
    page.wait_text("#state", "connection lost")
    gateway(config)
    page.wait_text("#state", "connected as bob")
    page.tab(alice).wait_text("#state", "connected as alice")
    say(page, "and again")
    page.tab(bob).wait_text("#messages", "and again")
    for text in ("hello from bob", "still here", "and again"):
        assert page.text("#messages").count(text) == 1, "told twice"


def test_without_a_good_key_nobody_enters(gateway, browser, config):
    gw = gateway(config)
    page = browser().open(f"http://{gw.address()}/")
    enter(page, "carol-demo")
    page.wait(lambda p: p.text("#refusal") != "", "a refusal")
    assert not page.find("#room").is_displayed()
    assert page.run_async("""
        const socket = new WebSocket(`ws://${location.host}/room?key=carol-demo`), done = arguments[0];
        socket.onopen = () => done("open");
        socket.onclose = ({code}) => done(code);
        """) == 1006, "the handshake was answered with 401"
    enter(page, "alice-demo")
    page.wait_text("#state", "connected as alice")


def test_the_server_hears_who_asks_and_not_the_key(gateway, config):
    gw = gateway(config)
    with gw.client() as client:
        assert client.get("/me", headers={"X-API-Key": "alice-demo", "X-User": "bob"}).text == "alice"
        assert client.get("/me?key=bob-demo").text == "bob"
        assert client.get("/me?key=carol-demo").error_code == "AUTH_FAILED"
        assert client.get("/room", headers={"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13",
                                            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}).status == 401
    gw.terminate().wait_exit()
    assert not any("alice-demo" in line or "bob-demo" in line for line in gw.output + gw.log_lines)

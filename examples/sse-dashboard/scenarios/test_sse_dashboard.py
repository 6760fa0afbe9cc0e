"""The example as its page tells it, in a real browser, with ports of the kernel's choice."""
import re

import pytest

from support.example import configuration, free_port
from support.gateway import ROOT

EXAMPLE = ROOT / "examples/sse-dashboard"


@pytest.fixture
def server(backend):
    return backend(EXAMPLE / "server.py", 0, 0.05)


@pytest.fixture
def config(server):
    return configuration("sse-dashboard", public=free_port(), internal=0, _9001=server.address)


def number(browser, selector):
    return int(browser.text(selector))


def test_the_dashboard_shows_readings_and_loses_none_when_the_gateway_restarts(gateway, browser, config):
    gw = gateway(config)
    page = browser().open(f"http://{gw.address()}/")
    page.wait(lambda p: p.text("#state") == "live" and number(p, "#received") > 20, "readings")
    assert float(page.text("#latency")) > 0 and number(page, "#requests") > 0
    assert len(page.run("return document.querySelector('polyline').points")) > 10
    assert page.text("#resumed") == "–"

    assert gw.terminate().wait_exit() == 0
    page.wait_text("#state", "connection lost")
    before = number(page, "#last")
    gateway(config)

    page.wait(lambda p: p.text("#state") == "live" and number(p, "#last") > before + 5, "readings after the restart")
    assert number(page, "#resumed") == before
    assert number(page, "#missed") == 0
    assert number(page, "#reconnects") >= 1
    log = page.console()
    assert not re.search(r"SyntaxError|TypeError|Content Security Policy", log), log


def test_who_closes_the_page_frees_its_stream(gateway, browser, config, server):
    gw = gateway(config)
    page = browser().open(f"http://{gw.address()}/")
    page.wait_text("#state", "live")
    page.close_tab()
    server.wait_line("a reader has gone")


def test_a_stream_begins_where_its_reader_says(gateway, config):
    with gateway(config).client() as client:
        client.send_request(target="/events", headers={"Last-Event-ID": "1"})
        assert client.read_head().headers["X-Accel-Buffering"] == "no"
        said = b""
        while b"id: 3\n" not in said:
            said += client.reader.chunk()
    assert b'"resumed_after": 1' in said and b"id: 2\n" in said and b"id: 1\n" not in said

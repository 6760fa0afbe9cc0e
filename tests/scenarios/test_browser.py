"""What a real browser makes of the gateway: HTTP/2 over TLS, streams and WebSockets on one connection."""
import threading

import pytest

from support.certificates import shared
from support.gateway import proxy_to, tls_listener
from support.upstream import early, ok
from support.websocket import connect, echo, run
from support.wire import TIMEOUT

TRUSTING = "--ignore-certificate-errors"  # the test's authority is nobody's
PAGE = "<!doctype html><html lang=en><link rel=icon href=data:,><title>Page</title><p>hello</p>"


def secure(config, protocols=("h2", "http/1.1")):
    return {**config, "listeners": [tls_listener(protocols=list(protocols))]}


def page_and(**routes):
    """The page at /, and other routes by path: {"events": upstream}."""
    config = {"routes": [{"id": "page", "match": {"path": "/"}, "plugins": [{"respond": {"body": PAGE, "content_type": "text/html"}}]}],
              "upstreams": {name: {"targets": [str(u)], "protocol": "http/1.1"} for name, u in routes.items()}}
    for name in routes:
        config["routes"].append({"id": name, "match": {"path": f"/{name}"}, "upstream": name,
                                 "plugins": [{"headers": {"request": {"set": {"X-Protocol": "${request.protocol}"}}}}]})
    return config


def url(gw, path="/", scheme="https"):
    return f"{scheme}://localhost:{gw.address().rpartition(':')[2]}{path}"


@pytest.mark.parametrize("protocols, spoken", [(["h2", "http/1.1"], "h2"), (["http/1.1"], "http/1.1")])
def test_a_browser_chooses_the_protocol_by_alpn(gateway, browser, upstream, protocols, spoken):
    gw = gateway(secure(page_and(data=upstream(ok("fetched"))), protocols))
    page = browser(TRUSTING).open(url(gw))
    assert page.text("p") == "hello"
    assert page.run("return performance.getEntriesByType('navigation')[0].nextHopProtocol") == spoken
    assert page.run_async("fetch('/data').then(a => a.text()).then(arguments[0])") == "fetched"
    assert page.run("return performance.getEntriesByType('resource').at(-1).nextHopProtocol") == spoken


def test_a_page_has_more_streams_of_events_than_connections(gateway, browser, upstream):
    """Over HTTP/1.1 the seventh would wait for ever: browsers open six connections."""
    all_there = threading.Barrier(12)

    @early
    def events(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        all_there.wait(TIMEOUT)  # no one gets its event before all are open
        exchange.send(b"9\r\ndata: x\n\n\r\n")
        exchange.read_some()

    gw = gateway(secure(page_and(events=upstream(events))))
    page = browser(TRUSTING).open(url(gw))
    said = page.run_async("""
        const done = arguments[0];
        const one = () => new Promise(resolve => {
          const source = new EventSource('/events');
          source.onmessage = ({data}) => { source.close(); resolve(data); };
        });
        Promise.all(Array.from({length: 12}, one)).then(all => done(all.join('')));
        """)
    assert said == "x" * 12


@pytest.fixture
def room(websocket_server):
    return websocket_server(echo, subprotocols=["chat"], compression="deflate")


TALK = """
    const done = arguments[1], socket = new WebSocket(arguments[0], ['chat']);
    socket.binaryType = 'arraybuffer';
    const heard = [];
    socket.onopen = () => { socket.send('hello'); socket.send(new Uint8Array(100000)); };
    socket.onmessage = ({data}) => {
      heard.push(typeof data === 'string' ? data : data.byteLength);
      if (heard.length === 2) socket.close(4001, 'enough');
    };
    socket.onclose = ({code, wasClean}) => done([socket.protocol, ...heard, code, wasClean]);
"""


@pytest.mark.parametrize("protocols, spoken", [(["h2", "http/1.1"], "HTTP/2"), (["http/1.1"], "HTTP/1.1")])
def test_a_browser_speaks_websocket_over_tls(gateway, browser, room, protocols, spoken):
    """Where the page came over HTTP/2 its WebSocket is a stream of that connection (RFC 8441)."""
    gw = gateway(secure(page_and(room=room), protocols))
    page = browser(TRUSTING).open(url(gw))
    assert page.run_async(TALK, url(gw, "/room", "wss")) == ["chat", "hello", 100000, 4001, True]
    assert room.headers[0]["X-Protocol"] == spoken
    assert room.headers[0]["Origin"] == url(gw, "")
    assert room.wait_closed() == (4001, "enough")


def test_a_standard_client_speaks_websocket_over_tls(gateway, room):
    gw = gateway(secure(proxy_to(room)))

    async def talk():
        trusting = shared()[0].trusted()
        async with connect(gw, "/room", ssl=trusting, subprotocols=["chat"], compression="deflate") as ws:
            assert ws.subprotocol == "chat"
            for message in ("text", b"x" * 300_000):
                await ws.send(message)
                assert await ws.recv() == message
            await (await ws.ping())
            await ws.close(4002)
    run(talk())
    assert room.wait_closed() == (4002, "")

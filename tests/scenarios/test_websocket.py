"""WebSockets through the gateway, between a standard client and a standard server (python3-websockets)."""
import asyncio
import hashlib
import json
import os

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatusCode

from support.certificates import server_context, shared
from support.gateway import proxy_to, tls_listener
from support.upstream import early, ok
from support.websocket import connect, echo, run

pytestmark = pytest.mark.concurrency

TUNNELS = 24
KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
HANDSHAKE = (f"GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {KEY}\r\n"
             "Sec-WebSocket-Version: 13\r\n\r\n")
SWITCH = f"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {ACCEPT}\r\n\r\n"


@pytest.fixture
def server(websocket_server):
    return websocket_server


async def until_closed(ws):
    await ws.wait_closed()


def tunnel(target, plugins=(), upgrade=None, top=None, **settings):
    route = {"tunnel": settings}
    if upgrade is not None:
        route["upgrade"] = upgrade
    return proxy_to(target, plugins, route, **(top or {}))


# ---- What goes through -----------------------------------------------------------------------------------------------

@pytest.mark.parametrize("compression", [None, "deflate"])
def test_messages_of_every_kind_come_back(gateway, server, compression):
    s = server(echo, compression=compression)
    gw = gateway(proxy_to(s))
    large = os.urandom(3_000_000)

    async def talk():
        async with connect(gw, "/room?x=1", compression=compression) as ws:
            for message in ("text", "", b"binary", b"", large, "ü" * 40_000):
                await ws.send(message)
                assert await ws.recv() == message
            await ws.send(["in ", "several ", "fragments"])
            assert await ws.recv() == "in several fragments"
            pong = await ws.ping(b"are you there")
            await pong
    run(talk())
    assert s.paths == ["/room?x=1"]
    assert s.wait_closed() == (1000, "")


def test_large_messages_in_both_directions_at_once(gateway, server):
    async def chatty(ws):
        async def talk():
            for _ in range(20):
                await ws.send(b"d" * 500_000)
        talking = asyncio.ensure_future(talk())
        got = 0
        while got < 20 * 500_000:
            got += len(await ws.recv())
        await talking
        await ws.send("all")

    gw = gateway(proxy_to(server(chatty)))

    async def talk():
        async with connect(gw) as ws:
            async def send():
                for _ in range(20):
                    await ws.send(b"u" * 500_000)
            sending = asyncio.ensure_future(send())
            got = 0
            while (message := await ws.recv()) != "all":
                got += len(message)
            await sending
            assert got == 20 * 500_000
    run(talk())


def test_the_close_code_and_reason_of_the_client_arrive(gateway, server):
    s = server(until_closed)
    gw = gateway(proxy_to(s))

    async def talk():
        async with connect(gw) as ws:
            await ws.close(4321, "enough")
    run(talk())
    assert s.wait_closed() == (4321, "enough")


def test_the_close_code_and_reason_of_the_upstream_arrive(gateway, server):
    async def refuses(ws):
        await ws.close(4009, "not today")
    gw = gateway(proxy_to(server(refuses)))

    async def talk():
        async with connect(gw) as ws:
            with pytest.raises(ConnectionClosed) as closed:
                await ws.recv()
            assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4009, "not today")
    run(talk())


def test_subprotocols_and_headers_pass(gateway, server):
    s = server(echo, subprotocols=["chat.v2"], extra_headers={"X-From": "upstream"})
    gw = gateway(proxy_to(s))

    async def talk():
        async with connect(gw, subprotocols=["chat.v1", "chat.v2"], extra_headers={"X-To": "upstream"}) as ws:
            assert ws.subprotocol == "chat.v2"
            assert ws.response_headers["X-From"] == "upstream"
    run(talk())
    assert s.headers[0]["X-To"] == "upstream"
    assert "X-Forwarded-For" in s.headers[0]


# ---- The handshake ---------------------------------------------------------------------------------------------------

def test_authentication_works_as_on_a_request(gateway, server):
    keys = [{"id": "anna", "sha256": hashlib.sha256(b"secret").hexdigest()}]
    s = server(echo)
    gw = gateway(proxy_to(s, [{"key-auth": {"keys": keys}}]))

    async def talk():
        with pytest.raises(InvalidStatusCode) as refused:
            await connect(gw)
        assert refused.value.status_code == 401
        async with connect(gw, extra_headers={"X-API-Key": "secret"}) as ws:
            await ws.send("hello")
            assert await ws.recv() == "hello"
    run(talk())
    assert len(s.paths) == 1 and "X-API-Key" not in s.headers[0]


def test_bytes_that_come_with_the_handshake_are_not_lost(gateway, upstream):
    def switches(exchange):
        exchange.send(SWITCH + "first from upstream")
        while (got := exchange.read_some()) != b"":
            received.append(got)
            if b"".join(received) == b"first from client":
                exchange.send(" and last")
                exchange.close()
                return
    received = []
    gw = gateway(proxy_to(upstream(early(switches))))
    with gw.client() as client:
        client.send(HANDSHAKE + "first from client")
        text = client.reader.to_end()
    assert b" 101 " in text and text.endswith(b"first from upstream and last")


def test_an_answer_other_than_101_is_an_ordinary_one(gateway, upstream):
    u = upstream([ok("too old", 426, {"Sec-WebSocket-Version": "13"}), ok("next")])
    with gateway(proxy_to(u)).client() as client:
        client.send(HANDSHAKE)
        response = client.read_response()
        assert (response.status, response.text) == (426, "too old")
        assert client.get().text == "next"
    assert u.requests[0].headers["Upgrade"] == "websocket"
    assert u.requests[0].headers["Connection"].lower() == "upgrade"


@pytest.mark.parametrize("upgrade, asked", [([], "websocket"), (["websocket"], "h2c"), (["websocket"], "other"),
                                           (["spdy"], "websocket")])
def test_a_protocol_that_the_route_does_not_have_is_ignored(gateway, upstream, upgrade, asked):
    u = upstream(ok("plain"))
    with gateway(tunnel(u, upgrade=upgrade)).client() as client:
        client.send(HANDSHAKE.replace("Upgrade: websocket", "Upgrade: " + asked))
        assert client.read_response().text == "plain"
    assert "Upgrade" not in u.last.headers and "Connection" not in u.last.headers


def test_another_protocol_is_tunnelled_when_the_route_has_it(gateway, upstream):
    def switches(exchange):
        exchange.send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: Lines\r\nConnection: Upgrade\r\n\r\n")
        exchange.send(exchange.read_some().upper())
        exchange.close()
    gw = gateway(tunnel(upstream(early(switches)), upgrade=["lines"]))
    with gw.client() as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: other, lines\r\n\r\nhello")
        assert client.reader.to_end().endswith(b"\r\n\r\nHELLO")


BAD = {
    "no key": HANDSHAKE.replace(f"Sec-WebSocket-Key: {KEY}\r\n", ""),
    "two keys": HANDSHAKE.replace("Sec-WebSocket-Version", f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version"),
    "a short key": HANDSHAKE.replace(KEY, "dGhl"),
    "a key that is no base64": HANDSHAKE.replace(KEY, "dGhlIHNhbXBsZSBub2!jZQ=="),
    "no version": HANDSHAKE.replace("Sec-WebSocket-Version: 13\r\n", ""),
    "not GET": HANDSHAKE.replace("GET", "DELETE"),
}


@pytest.mark.parametrize("bad", list(BAD))
def test_a_bad_handshake_is_refused(gateway, upstream, bad):
    u = upstream(never=True)
    with gateway(proxy_to(u)).client() as client:
        client.send(BAD[bad])
        assert client.read_response().status == 400


def test_a_request_with_a_body_cannot_upgrade(gateway, upstream):
    u = upstream(ok("plain"))
    with gateway(proxy_to(u)).client() as client:
        client.send(HANDSHAKE.replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 2\r\n\r\nhi"))
        assert client.read_response().text == "plain"
    assert u.last.body == b"hi" and "Upgrade" not in u.last.headers


@pytest.mark.parametrize("answer", [SWITCH.replace("Upgrade: websocket", "Upgrade: other"),
                                    SWITCH.replace("Upgrade: websocket\r\n", "")])
def test_an_upstream_that_switches_to_something_else_is_refused(gateway, upstream, answer):
    u = upstream(answer.encode())
    with gateway(proxy_to(u)).client() as client:
        client.send(HANDSHAKE)
        assert client.read_response().status == 502


# ---- Ends ------------------------------------------------------------------------------------------------------------

def test_an_upstream_that_dies_ends_the_client(gateway, server):
    async def dies(ws):
        await ws.recv()
        ws.transport.abort()
    gw = gateway(proxy_to(server(dies)))

    async def talk():
        async with connect(gw) as ws:
            await ws.send("now")
            with pytest.raises(ConnectionClosed) as closed:
                await ws.recv()
            assert closed.value.rcvd is None
    run(talk())


def test_a_client_that_dies_ends_the_upstream(gateway, server):
    s = server(echo)
    gw = gateway(proxy_to(s))

    async def talk():
        ws = await connect(gw)
        await ws.send("x")
        await ws.recv()
        ws.transport.abort()
    run(talk())
    assert s.wait_closed()[0] == 1006


def test_a_client_that_sends_no_more_still_hears_the_upstream(gateway, upstream):
    def answers_at_the_end(exchange):
        exchange.send(SWITCH)
        got = b""
        while piece := exchange.read_some():
            got += piece
        exchange.send(got[::-1])
        exchange.close()
    gw = gateway(proxy_to(upstream(early(answers_at_the_end))))
    with gw.client() as client:
        client.send(HANDSHAKE + "abc").half_close()
        assert client.reader.to_end().endswith(b"\r\n\r\ncba")


def test_silence_ends_with_1001(gateway, server):
    s = server(until_closed)
    gw = gateway(tunnel(s, idle_timeout="300ms"))

    async def talk():
        async with connect(gw) as ws:
            with pytest.raises(ConnectionClosed) as closed:
                await ws.recv()
            assert closed.value.rcvd.code == 1001
    run(talk())
    assert s.wait_closed()[0] == 1001


def test_a_silent_client_is_pinged_and_lives(gateway, server):
    s = server(echo)
    gw = gateway(tunnel(s, idle_timeout="1500ms", ping_interval="500ms"))

    async def talk():
        async with connect(gw) as ws:
            pings = asyncio.Queue()
            seen = 0
            original = ws.pong

            async def pong(data=b""):
                pings.put_nowait(data)
                await original(data)
            ws.pong = pong
            while seen < 4:  # longer than the idle timeout
                await pings.get()
                seen += 1
            await ws.send("alive")
            assert await ws.recv() == "alive"
    run(talk())


def test_a_client_that_answers_no_ping_is_gone(gateway, server):
    s = server(until_closed)
    gw = gateway(tunnel(s, ping_interval="100ms"))
    with gw.client() as client:
        client.send(HANDSHAKE)
        data = client.reader.to_end()
    assert b"\x89\x00\x88\x02\x03\xe9" in data
    assert s.wait_closed()[0] == 1001


def test_a_route_has_no_more_tunnels_than_it_may(gateway, server):
    s = server(echo)
    gw = gateway({"workers": 2, **tunnel(s, max=2)})

    async def talk():
        async with connect(gw), connect(gw) as second:
            with pytest.raises(InvalidStatusCode) as refused:
                await connect(gw)
            assert refused.value.status_code == 503
            await second.close()
            s.wait_closed()
            for _ in range(200):  # the place is free a moment after the upstream has seen the end
                try:
                    third = await connect(gw)
                    break
                except InvalidStatusCode:
                    continue
            await third.close()
    run(talk())


@pytest.mark.parametrize("direction", ["to the client", "to the upstream"])
def test_who_does_not_read_slows_the_other_down(gateway, server, direction):
    sent = 0
    piece = b"x" * 100_000

    async def pours(ws):
        nonlocal sent
        while True:
            await ws.send(piece)
            sent += len(piece)

    async def reads_nothing(ws):
        await stop.wait()
        async for _ in ws:  # its end is behind what it has not read
            pass

    stop = asyncio.Event()
    s = server(pours if direction == "to the client" else reads_nothing, max_queue=1)
    config = proxy_to(s)
    config["routes"].append({"id": "alive", "match": {"path": "/alive"}, "plugins": [{"respond": {"body": "alive"}}]})
    gw = gateway({"workers": 1, **config})
    gw.get("/alive")
    before = gw.rss_kib()

    async def comes_to_rest():
        """Whoever sends gets no further, while the gateway answers others many times."""
        unchanged = 0
        while unchanged < 50:
            last = sent
            await asyncio.get_running_loop().run_in_executor(None, gw.get, "/alive")
            assert sent < 40_000_000
            unchanged = unchanged + 1 if sent == last > 0 else 0

    async def talk():
        ws = await connect(gw, max_queue=1)
        pouring = asyncio.ensure_future(pours(ws)) if direction == "to the upstream" else None
        await comes_to_rest()
        assert gw.rss_kib() - before < 30_000
        if pouring is not None:
            pouring.cancel()
        ws.transport.abort()
    run(talk())
    s.loop.call_soon_threadsafe(stop.set)


# ---- Over TLS ----------------------------------------------------------------------------------------------------------

def over_tls(gateway, s):
    """wss on both sides."""
    authority, _ = shared()
    backend = {"targets": [str(s)], "protocol": "http/1.1", "tls": {"ca": str(authority.pem)}}
    return authority, gateway(proxy_to(backend, listeners=[tls_listener()]))


def test_messages_pass_over_tls_on_both_sides(gateway, server):
    s = server(echo, ssl=server_context(shared()[1]))
    authority, gw = over_tls(gateway, s)
    large = os.urandom(3_000_000)

    async def talk():
        async with connect(gw, ssl=authority.trusted()) as ws:
            for message in ("text", b"", large, "again"):
                await ws.send(message)
                assert await ws.recv() == message
            await ws.close(4001, "done")
    run(talk())
    assert s.wait_closed() == (4001, "done")


def test_messages_pass_over_tls_and_http2(gateway, server):
    s = server(echo, ssl=server_context(shared()[1]))
    authority, gw = over_tls(gateway, s)
    with gw.h2(tls=authority.trusted(protocols=["h2"])) as client:
        fields = [(n, "https" if n == ":scheme" else v) for n, v in CONNECT]
        stream = client.open(fields, end=False)
        one = client.streams[stream]
        client.send_data(stream, framed(1, b"hello"))
        client.wait_for(lambda: one.response is not None and one.response.body == b"\x81\x05hello", "the echo")
        for i in range(50):
            client.send_data(stream, framed(2, b"%03d" % i + b"x" * 100))
        client.wait_for(lambda: len(one.response.body) == 7 + 50 * 105, "the echoes")
        assert one.response.body.endswith(b"\x82\x67049" + b"x" * 100)
        client.send_data(stream, framed(8, b"\x0f\xa1done"))
        client.wait_for(lambda: one.ended, "the end")
    assert s.wait_closed() == (4001, "done")


# ---- The gateway goes ------------------------------------------------------------------------------------------------

def test_a_drain_says_1001_to_both_sides(gateway, server):
    s = server(until_closed)
    gw = gateway(proxy_to(s, timeouts={"drain": "5s"}))

    async def talk():
        sockets = [await connect(gw) for _ in range(5)]
        gw.terminate()
        for ws in sockets:
            with pytest.raises(ConnectionClosed) as closed:
                await ws.recv()
            assert closed.value.rcvd.code == 1001
    run(talk())
    assert gw.wait_exit() == 0
    s.wait_closed(5)
    assert {code for code, _ in s.closed} == {1001}


def test_a_drain_under_load_cuts_no_message(gateway, server):
    """Both sides talk without a pause when the gateway is told to go: each tunnel hears 1001 after whole messages, in order."""
    def size(number):
        return number * 2377 % 20_000

    async def talks(ws):
        for number in range(8):  # always on their way
            await ws.send(f"{number} " + "x" * size(number))
        async for message in ws:
            assert message == b"y" * 300
            number += 1
            await ws.send(f"{number} " + "x" * size(number))

    s = server(talks)
    gw = gateway({"workers": 2, **proxy_to(s, timeouts={"drain": "5s"})})

    async def listens(ready):
        count = 0
        async with connect(gw) as ws:
            with pytest.raises(ConnectionClosed) as closed:
                while True:
                    number, _, rest = (await ws.recv()).partition(" ")
                    assert int(number) == count and len(rest) == size(count)
                    count += 1
                    if count == 20:
                        ready.release()
                    await ws.send(b"y" * 300)
        assert closed.value.rcvd is not None and closed.value.rcvd.code == 1001
        return count

    async def talk():
        ready = asyncio.Semaphore(0)
        listening = [asyncio.ensure_future(listens(ready)) for _ in range(TUNNELS)]
        for _ in range(TUNNELS):
            await ready.acquire()
        gw.terminate()
        assert min(await asyncio.gather(*listening)) > 20
    run(talk())
    assert gw.wait_exit() == 0
    s.wait_closed(TUNNELS)
    assert {code for code, _ in s.closed} == {1001}


def test_a_drain_does_not_wait_for_a_client_that_does_not_answer(gateway, server):
    s = server(until_closed)
    gw = gateway(proxy_to(s, timeouts={"drain": "400ms"}))
    with gw.client() as client:
        client.send(HANDSHAKE)
        client.reader.fill()
        gw.terminate()
        assert gw.wait_exit() == 0


def test_a_reload_says_1012_to_the_tunnels_of_before(gateway, server):
    s = server(echo)
    config = tunnel(s, reload_close="200ms")
    gw = gateway(config)

    async def talk():
        async with connect(gw) as old:
            await old.send("x")
            await old.recv()
            await asyncio.get_running_loop().run_in_executor(None, gw.reload, config)
            with pytest.raises(ConnectionClosed) as closed:
                await old.recv()
            assert closed.value.rcvd.code == 1012
        async with connect(gw) as new:
            await new.send("still")
            assert await new.recv() == "still"
    run(talk())
    assert s.wait_closed()[0] == 1012


def test_tunnels_outlive_a_reload_when_asked(gateway, server):
    s = server(echo)
    config = tunnel(s, reload_close=0)
    gw = gateway(config)

    async def talk():
        async with connect(gw) as old:
            await old.send("before")
            assert await old.recv() == "before"
            await asyncio.get_running_loop().run_in_executor(None, gw.reload, config)
            await old.send("after")
            assert await old.recv() == "after"
    run(talk())
    assert s.wait_closed()[0] == 1000


# ---- What is told of them --------------------------------------------------------------------------------------------

def test_tunnels_are_counted(gateway, server):
    s = server(echo)
    config = proxy_to(s)
    config["routes"].append({"id": "metrics", "match": {"path": "/metrics"}, "plugins": [{"metrics": {"path": "/metrics"}}]})
    gw = gateway(config)

    async def talk():
        async with connect(gw) as ws:
            await ws.send("x")
            await ws.recv()
            m = gw.metrics()
            assert m.value("postern_tunnels", route="all") == 1
            assert m.value("postern_tunnels_total", route="all", protocol="websocket") == 1
    run(talk())
    s.wait_closed()
    for _ in range(200):
        m = gw.metrics()
        if m.value("postern_tunnels_closed_total", route="all", reason="client") == 1:
            break
    assert m.value("postern_tunnels", route="all") == 0
    assert m.value("postern_tunnels_closed_total", route="all", reason="client") == 1


@pytest.fixture
def watched(gateway, server, upstream):
    """watched(*plugins, **top): a gateway of one worker before an echo; and ask(what), for what its probe sees from beside the tunnels."""
    def start(*plugins, **top):
        u = upstream()
        config = proxy_to(server(echo), plugins, **top)
        config["upstreams"]["plain"] = {"targets": [str(u)]}
        config["routes"].append({"id": "list", "match": {"path": "/list"}, "upstream": "plain", "plugins": ["probe"]})
        gw = gateway({"workers": 1, **config})

        def ask(what):
            with gw.http1() as client:
                client.get("/list", headers={"X-Do": what, "X-Forwarded-For": "192.0.2.9"})
            return u.last.headers.get_all("X-Did")
        return gw, ask
    return start


def test_a_plugin_can_list_what_is_open(watched):
    """Tunnels, requests and connections of a worker, with route, client, protocol and the bytes both ways."""
    gw, ask = watched(trusted_proxies=["127.0.0.1"])

    def listed(kind):
        return sorted(line for line in ask("list") if line.startswith(kind))

    async def talk():
        everybody = [await connect(gw, extra_headers={"X-Forwarded-For": f"192.0.2.{i}"}) for i in range(2)]
        await everybody[1].send("12345")
        await everybody[1].recv()
        with gw.h2() as client:
            stream = client.open(CONNECT, end=False)
            one = client.streams[stream]
            client.wait_for(lambda: one.response is not None, "the handshake")
            seen.append((listed("exchange"), listed("connection")))
        await everybody[0].close()
        await everybody[1].close()
    seen = []
    run(talk())
    assert seen == [(["exchange all websocket HTTP/1.1 192.0.2.0 in=0 out=0 since",
                      "exchange all websocket HTTP/1.1 192.0.2.1 in=11 out=7 since",
                      "exchange all websocket HTTP/2 127.0.0.1 in=0 out=0 since",
                      "exchange list - HTTP/1.1 192.0.2.9 in=0 out=0 since"],
                     ["connection HTTP/1.1 exchanges=1 at=127.0.0.1 port since"] * 3 +
                     ["connection HTTP/2 exchanges=1 at=127.0.0.1 port since"])]


def test_tunnels_can_be_watched_for_ever(watched):
    """Text that is made on demand takes no more of an exchange's memory however often it is read."""
    gw, ask = watched(limits={"exchange_memory": "128k"}, trusted_proxies=["127.0.0.1"])

    async def talk():
        async with connect(gw), connect(gw):
            assert ask("watch") == ["unread=0", "changed=0"]
    run(talk())


def test_a_plugin_keeps_what_it_has_with_a_tunnel(watched):
    """Variables, memory, expanded texts and callbacks for the end, each time that it looks at a tunnel that is silent otherwise."""
    gw, ask = watched("probe")

    async def talk():
        async with connect(gw, extra_headers=since_the_handshake) as first, connect(gw, extra_headers=many):
            looks.append(ask("remember"))
            looks.append(ask("remember"))
            await first.send("x")
            await first.recv()
            looks.append(ask("remember"))
    since_the_handshake = {"X-Do": "keep"}
    many = {f"X-{i}": "x" for i in range(80)} | since_the_handshake
    looks = []
    run(talk())
    assert looks == [["looks=2", "lost=0", "ended=0"], ["looks=4", "lost=0", "ended=0"], ["looks=6", "lost=0", "ended=0"]]
    for _ in range(200):
        last = ask("remember")
        if last == ["looks=0", "lost=0", "ended=6"]:
            break
    assert last == ["looks=0", "lost=0", "ended=6"]


@pytest.mark.parametrize("over", ["HTTP/1.1", "HTTP/2"])
def test_the_log_at_the_end_knows_all_of_the_handshake(gateway, server, tmp_path, over):
    """What the handshake said can still be asked for when its tunnel ends."""
    path = tmp_path / "access.log"
    variables = ["path.room", "request.header.user-agent", "response.header.x-from", "request.query.x", "upstream.target",
                 "probe.name", "client.ip", "route.id"]
    plugins = ["request-id", "probe", {"access-log": {"file": str(path), "headers": ["X-Note"], "variables": variables}}]
    s = server(echo, extra_headers={"X-From": "the upstream"})
    route = {"match": {"path": "/rooms/{room}"}}
    gw = gateway(proxy_to(s, plugins, route, trusted_proxies=["127.0.0.1"]))
    headers = {"X-Note": "n" * 300, "X-Do": "variables", "X-Request-ID": "r-1", "X-Forwarded-For": "192.0.2.7"}

    async def talk():
        async with connect(gw, "/rooms/blue?x=1", extra_headers=headers, user_agent_header="me") as ws:
            for _ in range(3):
                await ws.send("x" * 500)
                await ws.recv()
    if over == "HTTP/1.1":
        run(talk())
    else:
        with gw.h2() as client:
            fields = [(n, {":path": "/rooms/blue?x=1"}.get(n, v)) for n, v in CONNECT]
            fields += [(n.lower(), v) for n, v in {**headers, "User-Agent": "me"}.items()]
            stream = client.open(fields, end=False)
            client.send_data(stream, framed(1, b"x"))
            one = client.streams[stream]
            client.wait_for(lambda: one.response is not None and one.response.body == b"\x81\x01x", "the echo")
            client.send_data(stream, framed(8, b"\x03\xe8"))
            client.wait_for(lambda: one.ended, "the end")
    s.wait_closed()
    gw.stop()
    (line,) = [json.loads(text) for text in path.read_text().splitlines()]
    assert (line["method"], line["path"], line["query"], line["request_id"]) == ("GET", "/rooms/blue", "x=1", "r-1")
    assert line["header.X-Note"] == "n" * 300
    assert [line[name] for name in variables] == ["blue", "me", "the upstream", "1", str(s), "world", "192.0.2.7", "all"]
    assert line["status"] == 101 and line["bytes_in"] > 0 and line["bytes_out"] > 0


# ---- Over HTTP/2 (RFC 8441) --------------------------------------------------------------------------------------------

CONNECT = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/ws"), (":authority", "a"),
           ("sec-websocket-version", "13")]


def framed(opcode, payload):
    """A client's frame, whole, with the mask 0."""
    return bytes([0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0]) + payload


def test_http2_clients_get_websockets_of_http1_upstreams(gateway, server):
    s = server(echo, subprotocols=["chat"])
    gw = gateway(proxy_to(s))
    with gw.h2() as client:
        stream = client.open(CONNECT + [("sec-websocket-protocol", "chat")], end=False)
        client.send_data(stream, framed(1, b"early"))
        one = client.streams[stream]
        client.wait_for(lambda: one.response is not None and len(one.response.body) == 7, "the echo")
        assert one.response.status == 200 and one.response.body == b"\x81\x05early"
        assert one.response.headers["sec-websocket-protocol"] == "chat"
        assert "sec-websocket-accept" not in one.response.headers
        other = client.open(CONNECT, end=False)  # beside it
        client.send_data(other, framed(1, b"x"))
        two = client.streams[other]
        client.wait_for(lambda: two.response is not None and two.response.body == b"\x81\x01x", "the other echo")
        client.send_data(stream, framed(8, b"\x10\xe1bye"))
        client.wait_for(lambda: one.ended, "the end")
        assert one.response.body.endswith(b"\x88\x05\x10\xe1bye")
        assert s.wait_closed() == (4321, "bye")
        client.reset_stream(other)
        assert s.wait_closed(2)[0] == 1006


async def talkative(socket):
    await socket.send(b"x" * 100_000)
    await echo(socket)


def test_an_http2_client_that_has_no_room_is_slow_and_not_gone(gateway, server):
    """The connection's socket takes everything; what waits, waits for the stream."""
    gw = gateway(tunnel(server(talkative), ping_interval="500ms"))
    with gw.h2(reads=False) as client, gw.client() as silent:
        stream = client.open(CONNECT, end=False)
        one = client.streams[stream]
        client.wait_for(lambda: one.response is not None and len(one.response.body) == 65_535, "all that has room")
        silent.send(HANDSHAKE)
        assert silent.reader.to_end().endswith(b"\x88\x02\x03\xe9")  # it had a ping and time to answer, and is gone
        client.give_room(stream, 100_000)
        client.send_data(stream, framed(1, b"x"))
        client.wait_for(lambda: one.ended or b"\x81\x01x" in one.response.body, "the echo")
        assert not one.ended


def test_http2_clients_hear_of_a_drain(gateway, server):
    s = server(until_closed)
    gw = gateway(proxy_to(s, timeouts={"drain": "5s"}))
    with gw.h2() as client:
        stream = client.open(CONNECT, end=False)
        one = client.streams[stream]
        client.wait_for(lambda: one.response is not None, "the handshake")
        gw.terminate()
        client.wait_for(lambda: one.response.body == b"\x88\x02\x03\xe9", "Close")
        client.send_data(stream, framed(8, b"\x03\xe9"))
        client.wait_for(lambda: one.ended, "the end")
    assert gw.wait_exit() == 0
    assert s.wait_closed()[0] == 1001


@pytest.mark.parametrize("answer", [ok("plain"), SWITCH.encode()])
def test_an_upstream_that_does_not_answer_the_handshake_is_refused_over_http2(gateway, upstream, answer):
    u = upstream(answer)
    with gateway(proxy_to(u)).h2() as client:
        stream = client.open(CONNECT, end=False)
        assert client.response(stream).status == 502


def test_an_answer_of_a_plugin_opens_no_tunnel_over_http2(gateway, upstream):
    """A 2xx to an extended CONNECT is an accepted handshake, whoever gives it."""
    u = upstream(never=True)
    with gateway(proxy_to(u, [{"respond": {"status": 200, "body": "here"}}])).h2() as client:
        stream = client.open(CONNECT, end=False)
        response = client.response(stream)
        assert (response.status, response.error_code) == (501, "NOT_IMPLEMENTED")
        other = client.open([(n, "GET" if n == ":method" else v) for n, v in CONNECT if n != ":protocol"])
        assert client.response(other).text == "here"


def test_http2_clients_cannot_have_other_protocols(gateway, upstream):
    u = upstream(never=True)
    with gateway(proxy_to(u)).h2() as client:
        stream = client.open([(n, "other" if n == ":protocol" else v) for n, v in CONNECT], end=False)
        assert client.response(stream).status == 501


def test_an_http1_refusal_reaches_http2_clients(gateway, upstream):
    u = upstream(ok("no", 403))
    with gateway(proxy_to(u)).h2() as client:
        stream = client.open(CONNECT, end=False)
        response = client.response(stream)
        assert (response.status, response.text) == (403, "no")
    assert u.last.headers["Sec-WebSocket-Version"] == "13"

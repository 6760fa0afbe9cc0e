"""Both ends of WebSockets, of the library websockets: a server to stand behind the gateway, and a client before it."""
import asyncio
import threading
import traceback

import websockets
from websockets.exceptions import ConnectionClosed

from support.wire import TIMEOUT

PLAIN = {"max_size": None, "ping_interval": None, "compression": None, "close_timeout": TIMEOUT}  # unless a scenario says otherwise


async def echo(ws):
    async for message in ws:
        await ws.send(message)


def connect(gw, path="/ws", **how):
    """A client's connection, for `async with`. With `ssl`, a context, to localhost: certificates have that name."""
    port = gw.address().rpartition(":")[2]
    origin = f"wss://localhost:{port}" if "ssl" in how else f"ws://127.0.0.1:{port}"
    return websockets.connect(origin + path, **{**PLAIN, **how})


def run(coroutine):
    """What it returns; fails when it is stuck."""
    return asyncio.run(asyncio.wait_for(coroutine, TIMEOUT * 2))


class WebSocketServer:
    """handler(socket) is a coroutine; what it raises fails the test, other than that its connection has ended. `how` is for websockets.serve.
    Of its sockets it remembers `paths` and `headers` as they were asked for, and `closed`: (code, reason) of each as it ended."""

    def __init__(self, handler, **how):
        self.handler = handler
        self.paths, self.headers, self.closed = [], [], []
        self.failures = []
        self.changed = threading.Condition()
        self.loop = asyncio.new_event_loop()
        self.server = self.loop.run_until_complete(self.start(**{**PLAIN, **how}))
        self.address = "127.0.0.1:%d" % self.server.sockets[0].getsockname()[1]
        self.thread = threading.Thread(target=self.loop.run_forever)
        self.thread.start()

    def __str__(self):
        return self.address

    async def start(self, **how):
        return await websockets.serve(self.serve, "127.0.0.1", 0, **how)

    async def serve(self, ws):
        self.paths.append(ws.path)
        self.headers.append(ws.request_headers)
        try:
            await self.handler(ws)
        except ConnectionClosed:
            pass
        except Exception:  # noqa: what breaks here must fail the test
            self.failures.append(traceback.format_exc())
            raise
        await ws.wait_closed()
        with self.changed:
            self.closed.append((ws.close_code, ws.close_reason))
            self.changed.notify_all()

    def wait_closed(self, count=1):
        """How the last of so many sockets ended."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.closed) >= count, TIMEOUT), self.closed
        return self.closed[count - 1]

    def stop(self):
        asyncio.run_coroutine_threadsafe(self.close(), self.loop).result(TIMEOUT)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(TIMEOUT)
        self.loop.close()
        assert not self.failures, "the WebSocket server failed:\n" + "\n".join(self.failures)

    async def close(self):
        self.server.close()
        await self.server.wait_closed()

#!/usr/bin/python3
"""A chat room behind the gateway: one room, its last messages, and the page. Needs Debian's python3-websockets.
Usage: examples/websocket-chat/server.py [PORT]"""
import asyncio
import collections
import http
import itertools
import json
import pathlib
import signal
import sys

import websockets

PAGE = (pathlib.Path(__file__).parent / "index.html").read_bytes()

people = {}  # who is here: socket to name
said = collections.deque(maxlen=50)
numbers = itertools.count(1)


async def page(path, headers):
    """Answers what is no WebSocket."""
    if "Upgrade" in headers:
        return None
    if path != "/":
        return http.HTTPStatus.NOT_FOUND, {}, b""
    return http.HTTPStatus.OK, {"Content-Type": "text/html; charset=utf-8"}, PAGE


async def talk(socket, _path):
    """One person, from coming to going. The gateway says who it is: nobody else reaches this server."""
    people[socket] = socket.request_headers["X-User"]
    try:
        for message in said:
            await socket.send(json.dumps(message))
        tell_who_is_here()
        async for text in socket:
            message = {"number": next(numbers), "from": people[socket], "text": text}
            said.append(message)
            websockets.broadcast(people, json.dumps(message))
    except websockets.ConnectionClosed:
        pass  # whichever way they left
    finally:
        print(f"{people.pop(socket)} has left with {socket.close_code}", flush=True)
        tell_who_is_here()


def tell_who_is_here():
    websockets.broadcast(people, json.dumps({"people": sorted(set(people.values()))}))


async def main():
    stop = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set_result, None)
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9001
    async with websockets.serve(talk, "127.0.0.1", port, process_request=page, max_size=4096) as server:
        print("listening 127.0.0.1:%d" % server.sockets[0].getsockname()[1], flush=True)
        await stop


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        pass

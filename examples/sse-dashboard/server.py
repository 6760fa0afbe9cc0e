#!/usr/bin/python3
"""What the dashboard shows: a page, and a stream of readings that goes on where a client has left it. Standard library alone.
Usage: examples/sse-dashboard/server.py [PORT [SECONDS_BETWEEN_READINGS]]"""
import collections
import http.server
import json
import pathlib
import random
import sys
import threading
import time
import urllib.parse

PAGE = (pathlib.Path(__file__).parent / "index.html").read_bytes()
HEARTBEAT = 15.0  # seconds: a line that says nothing but that the stream lives
KEPT = 10_000     # readings for those who come back


class Readings:
    """The latest readings, numbered from 1, for any number of readers."""

    def __init__(self):
        self.kept = collections.deque(maxlen=KEPT)
        self.last = 0
        self.changed = threading.Condition()

    def add(self, reading):
        with self.changed:
            self.last += 1
            self.kept.append((self.last, reading))
            self.changed.notify_all()

    def after(self, number, patience):
        """Those later than `number`, in order; none when nothing comes within `patience` seconds."""
        with self.changed:
            self.changed.wait_for(lambda: self.last > number, patience)
            return [one for one in self.kept if one[0] > number]

    def take(self, every):
        """Measures for ever; here it makes them up."""
        requests, latency = 800.0, 12.0
        while True:
            requests = min(1500, max(100, requests + random.uniform(-60, 60)))
            latency = min(60, max(2, latency + random.uniform(-2, 2)))
            self.add({"requests": round(requests), "latency": round(latency, 1), "errors": random.choice((0, 0, 0, 1, 2))})
            time.sleep(every)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if url.path == "/":
            return self.send_page()
        if url.path == "/events":
            return self.send_events(self.headers.get("Last-Event-ID", ""))
        self.send_error(404)

    def send_page(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        self.wfile.write(PAGE)

    def send_events(self, last_seen):
        """A new client begins with the next reading, one that comes back with the first that it has not seen."""
        seen = int(last_seen) if last_seen.isdecimal() else readings.last
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-cache")
        self.end_headers()
        self.event("hello", {"resumed_after": int(last_seen) if last_seen.isdecimal() else None}, extra="retry: 500\n")
        while True:
            fresh = readings.after(seen, HEARTBEAT)
            for seen, reading in fresh:
                self.event("reading", reading, extra=f"id: {seen}\n")
            if not fresh:
                self.wfile.write(b":\n\n")

    def event(self, kind, data, extra=""):
        self.wfile.write(f"{extra}event: {kind}\ndata: {json.dumps(data)}\n\n".encode())

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            print("a reader has gone", flush=True)

    def log_message(self, *_):
        pass  # the gateway has an access log


readings = Readings()
if __name__ == "__main__":
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 9001
    every = float(sys.argv[2]) if len(sys.argv) > 2 else 0.5
    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=readings.take, args=(every,), daemon=True).start()
    print("listening 127.0.0.1:%d" % server.server_port, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass

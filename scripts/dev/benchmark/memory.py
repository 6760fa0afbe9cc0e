"""What the gateway's memory does under idle connections and huge bodies."""
import socket
import threading
import time

from benchmark.process import LOAD_CORE

GIB = 1 << 30
PIECE = b"x" * (1 << 18)


class SlowBackend:
    """Takes or gives a body of any size. `slow` is the side that reads: it stops now and then."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                data = connection.recv(65536)
                if not data:
                    return
                head += data
            head, _, rest = head.partition(b"\r\n\r\n")
            if head.startswith(b"POST"):
                length = int([line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")][0][15:])
                read_slowly(connection, length - len(rest))
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
            else:
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % GIB)
                write_all(connection, GIB)

    def stop(self):
        self.socket.close()


def read_slowly(connection, count):
    """Reads in bursts with pauses in between, so that every buffer on the way fills up many times."""
    burst = 0
    while count > 0:
        data = connection.recv(min(count, 1 << 18))
        if not data:
            raise RuntimeError(f"the connection ended {count} bytes early")
        count -= len(data)
        burst += len(data)
        if burst > 1 << 25:
            burst = 0
            time.sleep(0.05)


def write_all(connection, count):
    while count > 0:
        connection.sendall(PIECE[:count] if count < len(PIECE) else PIECE)
        count -= min(count, len(PIECE))


class RssWatch:
    """The highest memory use between entering and leaving, in KiB over the start."""

    def __init__(self, server):
        self.server = server

    def __enter__(self):
        self.start = self.peak = self.server.rss_kib()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()
        return self

    def watch(self):
        while not self.done.wait(0.02):
            self.peak = max(self.peak, self.server.rss_kib())

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()
        self.peak = max(self.peak, self.server.rss_kib())

    @property
    def growth_kib(self):
        return self.peak - self.start


def connect(port):
    client = socket.create_connection(("127.0.0.1", port), 60)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    return client


def small_request(client):
    client.sendall(b"GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
    data = b""
    while b"\r\n\r\n" not in data:
        data += client.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = int([line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")][0][15:])
    while len(body) < length:
        body += client.recv(65536)


def idle_connections(server, count):
    """KiB per connection that has had one request and now waits."""
    with connect(server.port) as warm_up:
        small_request(warm_up)
    before = server.rss_kib()
    clients = []
    try:
        for _ in range(count):
            clients.append(connect(server.port))
            small_request(clients[-1])
        return (server.rss_kib() - before) / count
    finally:
        for client in clients:
            client.close()


def download(server):
    with connect(server.port) as client, RssWatch(server) as watch:
        client.sendall(b"GET /big HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n")
        head = b""
        while b"\r\n\r\n" not in head:
            head += client.recv(4096)
        read_slowly(client, GIB - len(head.partition(b"\r\n\r\n")[2]))
    return watch.growth_kib


def upload(server):
    with connect(server.port) as client, RssWatch(server) as watch:
        client.sendall(b"POST /big HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % GIB)
        write_all(client, GIB)
        answer = client.recv(4096)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"the upload was answered with {answer[:200]!r}")
    return watch.growth_kib


def pin_to_load_core():
    import os

    os.sched_setaffinity(0, {int(LOAD_CORE)})

"""WebSockets: an echo server behind each contender, a client that keeps messages going, and sockets that say nothing."""
import contextlib
import pathlib
import socket
import subprocess

from benchmark import gateway, memory, peers
from benchmark.load import LoadError
from benchmark.process import LOAD_CORE, SERVER_CORE, Process, free_port

HERE = pathlib.Path(__file__).parent
CONNECTIONS, PAYLOAD = 64, 100
HANDSHAKE = (b"GET /ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: http://bench\r\n"
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
NGINX_UPGRADE = """
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_read_timeout 120s;
"""


def build(directory, name):
    """The program from its one source file here."""
    program = directory / name
    if not program.exists():
        subprocess.run(["cc", "-O2", "-D_GNU_SOURCE", "-o", program, HERE / f"{name}.c", "-lcrypto"], check=True)
    return program


def echo_server(directory):
    port = free_port()
    return Process("echo", [build(directory, "websocket_echo"), port], LOAD_CORE, port, directory)


def nginx(directory, backend_port):
    port = free_port()
    body = peers.NGINX_HTTP.format(directory=directory, port=port, top=peers.PROXY_TOP.format(backend=backend_port),
                                   server="location / {" + NGINX_UPGRADE + "}")
    return peers.nginx("nginx", directory, body, port, SERVER_CORE)


@contextlib.contextmanager
def contenders(bench):
    """nginx, HAProxy and the gateway before the same echo server."""
    with contextlib.ExitStack() as stack:
        backend = stack.enter_context(echo_server(bench.directory))
        servers = [stack.enter_context(make(bench.directory, backend.port)) for make in (nginx, peers.haproxy)]
        if bench.with_gateway:
            upstreams = {"backend": {"targets": [f"127.0.0.1:{backend.port}"], "pool": {"max_connections": 2000}}}
            configuration = bench.config(upstreams=upstreams)
            servers.append(stack.enter_context(gateway.Gateway(bench.directory, "postern", configuration)))
        yield servers


def messages(directory, port, seconds):
    """How many came back in `seconds`."""
    command = ["taskset", "-c", LOAD_CORE, build(directory, "websocket_load"), port, CONNECTIONS, seconds, PAYLOAD]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
    if done.returncode != 0 or int(done.stdout) == 0:
        raise LoadError(f"the server on port {port} did not echo every message: {done.stderr}")
    return int(done.stdout)


def contest(bench):
    """{name: [µs per message that came back]}, one for each round."""
    with contenders(bench) as servers:
        costs = {server.name: [] for server in servers}
        for server in servers:
            messages(bench.directory, server.port, 1)  # fills pools and caches
        for _ in range(bench.rounds):
            for server in servers:
                before = server.cpu_seconds()
                done = messages(bench.directory, server.port, bench.seconds)
                costs[server.name].append((server.cpu_seconds() - before) * 1e6 / done)
        return costs


def open_and_talk(port):
    """A socket whose handshake is done and through which a message has gone and come back."""
    client = memory.connect(port)
    client.sendall(HANDSHAKE)
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += client.recv(4096)
    if not head.startswith(b"HTTP/1.1 101"):
        raise LoadError(f"the handshake was answered with {head[:200]!r}")
    client.sendall(bytes([0x82, 0x80 | PAYLOAD]) + b"mask" + b"x" * PAYLOAD)
    missing = 2 + PAYLOAD
    while missing:
        missing -= len(client.recv(missing))
    return client


def idle(server, count):
    """KiB per WebSocket that says nothing any more."""
    open_and_talk(server.port).close()
    before = server.rss_kib()
    clients: list[socket.socket] = []
    try:
        for _ in range(count):
            clients.append(open_and_talk(server.port))
        return (server.rss_kib() - before) / count
    finally:
        for client in clients:
            client.close()

"""HTTP/2 with clients and with upstreams: h2load opens many streams on each connection, and the server's CPU time is counted, as with wrk."""
import contextlib
import re
import subprocess

from benchmark import gateway, peers
from benchmark.load import LoadError
from benchmark.process import LOAD_CORE, SERVER_CORE, free_port

CONNECTIONS, STREAMS = 16, 10


def h2load(port, path, seconds):
    """Requests done in `seconds`, all of them answered with 2xx."""
    command = ["taskset", "-c", LOAD_CORE, "h2load", "-D", str(seconds), "-c", str(CONNECTIONS), "-m", str(STREAMS),
               f"http://127.0.0.1:{port}{path}"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    good = int(re.search(r"status codes: (\d+) 2xx, 0 3xx, 0 4xx, 0 5xx", output)[1]) if "0 5xx" in output else 0
    failed = re.search(r"(\d+) failed, (\d+) errored, (\d+) timeout", output)
    if not good or any(map(int, failed.groups())):
        raise LoadError(f"the server on port {port} did not answer every request with 2xx:\n{output}")
    return good


def nginx(directory, backend_port):
    port = free_port()
    body = peers.NGINX_HTTP.format(directory=directory, port=f"{port} http2",
                                   top=peers.PROXY_TOP.format(backend=backend_port),
                                   server="http2_max_concurrent_streams 128; keepalive_requests 100000000;"
                                          "location / {" + peers.PROXY_LOCATION + "}")
    return peers.nginx("nginx", directory, body, port, SERVER_CORE)


def backend(directory):
    """The backend's small answer over HTTP/2 without TLS."""
    port = free_port()
    server = (f"http2_max_concurrent_streams 128; http2_max_requests 100000000; keepalive_requests 100000000;"
              f"location / {{ default_type application/json; return 200 '{peers.JSON_148}'; }}")
    body = peers.NGINX_HTTP.format(directory=directory, port=f"{port} http2", top="", server=server)
    return peers.nginx("h2-backend", directory, body, port, LOAD_CORE)


def contest_of_clients(bench, path="/"):
    """{name: [µs per request]}, one for each round: HTTP/2 clients, HTTP/1.1 upstream."""
    with contextlib.ExitStack() as stack:
        servers = [stack.enter_context(nginx(bench.directory, bench.backend.port))]
        if bench.with_gateway:
            servers.append(stack.enter_context(gateway.Gateway(bench.directory, "postern", bench.config())))
        return measure(bench, servers, path)


def contest_of_upstreams(bench, path="/"):
    """As above with HTTP/2 on both sides, which nginx does not have."""
    with contextlib.ExitStack() as stack:
        upstream = stack.enter_context(backend(bench.directory))
        servers = [stack.enter_context(peers.haproxy(bench.directory, upstream.port, bind="proto h2", server="proto h2"))]
        if bench.with_gateway:
            upstreams = {"backend": {"targets": [f"127.0.0.1:{upstream.port}"], "protocol": "h2"}}
            configuration = bench.config(upstreams=upstreams)
            servers.append(stack.enter_context(gateway.Gateway(bench.directory, "postern", configuration)))
        return measure(bench, servers, path)


def measure(bench, servers, path):
    costs = {server.name: [] for server in servers}
    for server in servers:
        h2load(server.port, path, 1)  # fills pools and caches
    for _ in range(bench.rounds):
        for server in servers:
            before = server.cpu_seconds()
            requests = h2load(server.port, path, bench.seconds)
            costs[server.name].append((server.cpu_seconds() - before) * 1e6 / requests)
    return costs

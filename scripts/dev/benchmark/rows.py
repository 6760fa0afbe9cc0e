"""The rows of the table. Each yields Result lines: what, target, measured."""
import contextlib
import dataclasses
import statistics

from benchmark import gateway, http2, memory, peers, websocket
from benchmark.load import compare, median_ratio, wrk
from benchmark.process import LOAD_CORE, ROOT, SERVER_CORE


@dataclasses.dataclass
class Result:
    what: str
    target: str = ""        # as the table shows it
    measured: str = ""
    met: bool | None = None  # None: only reported


@dataclasses.dataclass
class Bench:
    """What every row needs."""

    directory: object
    backend: object
    rounds: int
    seconds: int
    with_gateway: bool

    def contest(self, peer_makers, mine=None, path="/", headers=(), my_headers=None, over_tls=False):
        """Starts the peers and the gateway, compares them, stops them. {name: [µs per request]}."""
        with contextlib.ExitStack() as stack:
            servers = {}
            for make in peer_makers:
                server = stack.enter_context(make(self.directory, self.backend.port))
                servers[server.name] = (server, path, headers)
            if mine and self.with_gateway:
                server = stack.enter_context(gateway.Gateway(self.directory, "postern", mine))
                server.scheme = "https" if over_tls else "http"
                servers["postern"] = (server, path, headers if my_headers is None else my_headers)
            return compare(servers, self.rounds, self.seconds)

    def config(self, *arguments, **how):
        return gateway.config(self.directory, self.backend.port, *arguments, **how)


def times(costs):
    return ", ".join(f"{name} {statistics.median(values):.1f} µs" for name, values in costs.items())


def ratios(costs, what, targets, name="postern"):
    """One line for each {peer: highest ratio, or None when nobody has set one}."""
    for peer, target in targets.items():
        if name in costs and peer in costs:
            ratio = median_ratio(costs, name, peer)
            judged = {} if target is None else {"target": f"<= {target:.2f}", "met": ratio <= target}
            yield Result(f"{what} / {peer}", measured=f"{ratio:.2f}", **judged)


def plain(bench):
    costs = bench.contest([peers.nginx_proxy, peers.haproxy, peers.relay], bench.config())
    yield Result("plain, 148 bytes of JSON", measured=times(costs))
    for peer in ("haproxy", "relay"):
        yield Result(f"{peer} / nginx (method)", measured=f"{median_ratio(costs, peer, 'nginx'):.2f}")
    yield from ratios(costs, "plain", {"nginx": 0.95, "haproxy": 0.95, "relay": 1.20})


def seven_plugins(bench):
    costs = bench.contest([peers.nginx_proxy], bench.config(gateway.seven_plugins(bench.directory)),
                          headers=gateway.SEVEN_PLUGINS_HEADERS)
    yield Result("seven plugins (no circuit-breaker yet)", measured=times(costs))
    yield from ratios(costs, "seven plugins / plain", {"nginx": 1.10})


def lua(bench):
    gateway.write_policy(bench.directory)
    costs = bench.contest([peers.nginx_proxy, peers.nginx_lua, peers.haproxy_lua], bench.config(["bench-policy"]),
                          headers=("X-Tier: gold",))
    yield Result("Lua policy", measured=times(costs))
    for peer in ("nginx+lua", "haproxy+lua"):
        yield Result(f"{peer} / nginx (method)", measured=f"{median_ratio(costs, peer, 'nginx'):.2f}")
    yield from ratios(costs, "Lua policy", {"nginx+lua": 0.95, "haproxy+lua": 0.65})


def large(bench):
    for name, path in (("64 KiB", "/files/64k"), ("1 MiB", "/files/1m")):
        costs = bench.contest([peers.nginx_proxy, peers.haproxy], bench.config(), path)
        yield Result(f"{name} responses", measured=times(costs))
        yield from ratios(costs, name, {"haproxy": 0.95})


def tls_config(bench):
    cert, key, _ = peers.tls_certificate(bench.directory)
    listener = {"name": "public", "address": "127.0.0.1:0", "tls": {"certificates": [{"cert": str(cert), "key": str(key)}]}}
    return bench.config(listeners=[listener])


def tls_row(bench, what, headers=()):
    costs = bench.contest([peers.nginx_tls, peers.haproxy_tls], tls_config(bench), headers=headers, over_tls=True)
    yield Result(what, measured=times(costs))
    yield from ratios(costs, what, {"nginx": 1.00, "haproxy": 1.00})


def tls_keepalive(bench):
    yield from tls_row(bench, "requests over TLS")


def tls_handshakes(bench):
    yield from tls_row(bench, "full TLS handshake and a request", ("Connection: close",))


def memory_at_start(bench):
    if bench.with_gateway:
        with gateway.Gateway.from_file("default", ROOT / "config/gateway.yaml", SERVER_CORE, ROOT, bench.directory) as server:
            rss = server.rss_kib() / 1024
        yield Result("memory at start, default config", "<= 20 MiB", f"{rss:.1f} MiB", rss <= 20)


def idle_connections(bench):
    if bench.with_gateway:
        with gateway.plain(bench.directory, bench.backend.port) as server:
            each = memory.idle_connections(server, 10_000)
        yield Result("10,000 idle connections, each", "<= 2 KiB", f"{each:.2f} KiB", each <= 2)
    with peers.nginx_proxy(bench.directory, bench.backend.port) as server:
        yield Result("  the same in nginx", measured=f"{memory.idle_connections(server, 10_000):.2f} KiB")


def h2_upstream(bench):
    costs = http2.contest_of_upstreams(bench)
    yield Result("HTTP/2 on both sides, 148 bytes of JSON", measured=times(costs))
    yield from ratios(costs, "HTTP/2 on both sides", {"haproxy": None})


def websocket_echo(bench):
    costs = websocket.contest(bench)
    yield Result(f"WebSocket echo of {websocket.PAYLOAD} bytes, each message", measured=times(costs))
    yield from ratios(costs, "WebSocket echo", {"nginx": None, "haproxy": None})


def idle_websockets(bench):
    with websocket.contenders(bench) as servers:
        each = {server.name: websocket.idle(server, 1_000) for server in servers}
    if "postern" in each:
        yield Result("1,000 idle WebSockets, each", "<= 4.5 KiB", f"{each['postern']:.2f} KiB", each["postern"] <= 4.5)
    for name in ("nginx", "haproxy"):
        yield Result(f"  the same in {name}", measured=f"{each[name]:.2f} KiB")


def huge_bodies(bench):
    if not bench.with_gateway:
        return
    slow = memory.SlowBackend()
    configuration = gateway.config(bench.directory, slow.port, limits={"body": 0})
    for what, run in (("download", memory.download), ("upload", memory.upload)):
        with gateway.Gateway(bench.directory, "postern", configuration) as server:
            growth = run(server) / 1024
        yield Result(f"1 GiB {what}, slow reader: growth", "<= 2 MiB", f"{growth:.1f} MiB", growth <= 2)
    slow.stop()


def routes(bench):
    if not bench.with_gateway:
        return
    with contextlib.ExitStack() as stack:
        servers = {}
        for count, path in ((10, "/api/v5/resource5/77/details"), (10_000, "/api/v2/resource5000/77/details")):
            configuration = bench.config(routes=gateway.many_routes(count))
            server = stack.enter_context(gateway.Gateway(bench.directory, f"{count} routes", configuration))
            servers[f"{count} routes"] = (server, path, ())
        load = servers["10000 routes"][0].ready_seconds - servers["10 routes"][0].ready_seconds
        costs = compare(servers, bench.rounds, bench.seconds)
    yield from ratios(costs, "10,000 routes", {"10 routes": 1.05}, "10000 routes")
    yield Result("10,000 routes: load", "<= 1 s", f"{load:.2f} s", load <= 1)


def http2_to_clients(bench):
    costs = http2.contest_of_clients(bench)
    yield Result("HTTP/2 to clients, 148 bytes of JSON", measured=times(costs))
    yield from ratios(costs, "HTTP/2 to clients", {"nginx": 0.90})


def workers(bench):
    if not bench.with_gateway:
        return
    both, done = f"{SERVER_CORE},{LOAD_CORE}", {}
    for count in (1, 2):
        with gateway.Gateway(bench.directory, f"workers{count}", bench.config(workers=count), both) as server:
            wrk(server.port, "/", seconds=1, cores=both)
            done[count] = wrk(server.port, "/", seconds=bench.seconds, connections=128, cores=both, threads=2)
    yield Result("two workers / one, load on the same processors", "(>= 1.8 on free ones)", f"{done[2] / done[1]:.2f}")


ALL = {row.__name__: row for row in (plain, seven_plugins, lua, large, tls_keepalive, tls_handshakes, memory_at_start,
                                     idle_connections, idle_websockets, huge_bodies, routes, http2_to_clients, h2_upstream,
                                     websocket_echo, workers)}

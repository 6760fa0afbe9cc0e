"""Load from wrk on a processor of its own, and the CPU time that a server spent on it."""
import re
import statistics
import subprocess

from benchmark.process import LOAD_CORE


class LoadError(RuntimeError):
    pass


def wrk(port, path, headers=(), seconds=4, connections=64, cores=LOAD_CORE, threads=1, scheme="http"):
    """Requests done in `seconds`."""
    command = ["taskset", "-c", cores, "wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s"]
    for header in headers:
        command += ["-H", header]
    output = subprocess.run(command + [f"{scheme}://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    if bad or (broken and any(map(int, broken.groups()))):
        raise LoadError(f"the server on port {port} did not answer every request with 2xx:\n{output}")
    return int(re.search(r"(\d+) requests in", output)[1])


def microseconds_per_request(server, path, headers, seconds):
    before = server.cpu_seconds()
    requests = wrk(server.port, path, headers, seconds, scheme=server.scheme)
    return (server.cpu_seconds() - before) * 1e6 / max(requests, 1)


def compare(servers, rounds, seconds):
    """servers: {name: (server, path, headers)}. Every round measures each in turn; returns {name: [µs, one per round]}."""
    costs = {name: [] for name in servers}
    for name, (server, path, headers) in servers.items():
        wrk(server.port, path, headers, 1, scheme=server.scheme)  # fills pools and caches
    for _ in range(rounds):
        for name, (server, path, headers) in servers.items():
            costs[name].append(microseconds_per_request(server, path, headers, seconds))
    return costs


def median_ratio(costs, name, against):
    return statistics.median(mine / theirs for mine, theirs in zip(costs[name], costs[against]))

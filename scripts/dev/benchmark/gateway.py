"""The gateway under test, with generated configurations."""
import hashlib
import json
import re
import time

from benchmark.process import ROOT, SERVER_CORE, Process

BINARY = ROOT / "build/release/bin/postern"

POLICY_LUA = """
return {
  name = "bench-policy", version = "1.0.0",
  on_request = function(exchange)
    local tier = exchange.request.headers["x-tier"]
    exchange.request.headers["x-policy"] = tier or "none"
  end,
  on_response = function(exchange)
    exchange.response.headers["x-served-by"] = "policy"
  end,
}
"""
API_KEY = "bench-key"


def seven_plugins(directory):
    return [
        "request-id",
        {"access-log": {"file": str(directory / "access.log")}},
        "metrics",
        {"cors": {"allowed_origins": ["https://example.com"]}},
        {"key-auth": {"keys": [{"id": "bench", "sha256": hashlib.sha256(API_KEY.encode()).hexdigest()}]}},
        {"rate-limit": {"limit": 1000000000, "window": "60s"}},
        {"headers": {"response": {"set": {"x-served-by": "postern"}}}},
    ]


SEVEN_PLUGINS_HEADERS = (f"X-API-Key: {API_KEY}", "Origin: https://example.com")


def config(directory, backend_port, plugins=(), routes=None, workers=1, **top):
    return {
        "version": 1,
        "workers": workers,
        "listeners": [{"name": "public", "address": "127.0.0.1:0"}],
        "plugin_path": [str(ROOT / "build/release/plugins"), str(ROOT / "scripts"), str(directory / "policies")],
        "upstreams": {"backend": {"targets": [f"127.0.0.1:{backend_port}"], "pool": {"max_connections": 1000}}},
        "plugins": list(plugins),
        "routes": routes or [{"id": "all", "match": {"path": "/*"}, "upstream": "backend"}],
        **top,
    }


def many_routes(count):
    return [{"id": f"r{i}", "match": {"path": f"/api/v{i % 7}/resource{i}/{{id}}/details"}, "upstream": "backend"}
            for i in range(count)]


class Gateway(Process):
    """`ready_seconds`: from its start until it said that it serves."""

    def __init__(self, directory, name, configuration, cores=SERVER_CORE):
        path = directory / f"{name}.yaml"
        path.write_text("".join(f"{key}: {json.dumps(value)}\n" for key, value in configuration.items()))
        self.start_file(name, path, cores, directory)

    @classmethod
    def from_file(cls, name, path, cores, cwd, log_directory):
        self = cls.__new__(cls)
        self.start_file(name, path, cores, log_directory, cwd)
        return self

    def start_file(self, name, path, cores, log_directory, cwd=None):
        started = time.monotonic()
        command = [BINARY, "run", "-c", path]
        super().__init__(name, ["env", "-C", cwd, *command] if cwd else command, cores, cwd=log_directory)
        while not re.search(r"^ready$", self.said(), re.M):
            if self.process.poll() is not None or time.monotonic() - started > 60:
                text = self.said()
                self.stop()
                raise RuntimeError(f"{name} did not start:\n{text[-3000:]}")
            time.sleep(0.005)
        self.ready_seconds = time.monotonic() - started
        self.port = int(re.search(r"^listening public \S*:(\d+)$", self.said(), re.M)[1])


def write_policy(directory):
    folder = directory / "policies" / "bench-policy"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "bench-policy.lua").write_text(POLICY_LUA)


def plain(directory, backend_port):
    return Gateway(directory, "postern", config(directory, backend_port))

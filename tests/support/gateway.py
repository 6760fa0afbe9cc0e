"""Starts and stops the real gateway binary, and reads what it says."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading

from support.certificates import shared
from support.client import Client
from support.h2_client import H2Client
from support.metrics import Metrics
from support.wire import TIMEOUT

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("POSTERN_BIN", ROOT / "build/debug/bin/postern")).resolve()
BUILD = BINARY.parents[1]

CLIENTS = {"http1": Client, "tls": Client, "h2": H2Client}
PROTOCOL = os.environ.get("POSTERN_TEST_PROTOCOL", "http1")  # what gw.client, gw.get and gw.request speak

SANITIZER_REPORT = re.compile(r"ERROR: (Address|Leak|Memory)Sanitizer|WARNING: ThreadSanitizer|runtime error:|"
                              r"(Address|Undefined\w+)Sanitizer:DEADLYSIGNAL")
START_TIMEOUT = 60.0  # seconds; sanitized binaries on a busy machine start slowly


def environment(extra=None):
    """The environment of every postern process: this one's, without configuration, and with strict sanitizers."""
    env = {key: value for key, value in os.environ.items() if not key.startswith("POSTERN_")}
    env.update(ASAN_OPTIONS="detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:exitcode=99",
               LSAN_OPTIONS="exitcode=99", UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:exitcode=99",
               TSAN_OPTIONS=f"exitcode=99:second_deadlock_stack=1:suppressions={ROOT}/tests/tsan.supp")
    env.update({key: str(value) for key, value in (extra or {}).items()})
    return env


def config_text(config, names):
    """A scenario's configuration as YAML. <name> stands for str(names["name"]); what a scenario does not care about
    (version, workers, listeners, plugin_path) is appended, so that line numbers stay those of the scenario."""
    if isinstance(config, dict):
        config = "".join(f"{key}: {json.dumps(value)}\n" for key, value in config.items())  # JSON is YAML
    text = textwrap.dedent(config).lstrip("\n")
    for name, value in names.items():
        text = text.replace(f"<{name}>", str(value))
    defaults = {
        "version": "1",
        "workers": "1",
        "listeners": f'[{{name: public, address: "127.0.0.1:0"{_default_tls()}}}]',
        "plugin_path": json.dumps([str(BUILD / "plugins"), str(BUILD / "test-plugins/v1"), str(ROOT / "scripts")]),
    }
    missing = [f"{key}: {value}\n" for key, value in defaults.items() if not re.search(rf"^{key}\s*:", text, re.M)]
    return text.rstrip("\n") + "\n" + "".join(missing)


def proxy_to(upstream, plugins=(), route=None, **top):
    """The smallest useful configuration: everything goes to one upstream through `plugins`."""
    return {
        "upstreams": {"backend": upstream if isinstance(upstream, dict) else {"targets": [str(upstream)]}},
        "routes": [{"id": "all", "match": {"path": "/*"}, "upstream": "backend", "plugins": list(plugins), **(route or {})}],
        **top,
    }


def over_h2(upstream, **more):
    """An upstream that speaks HTTP/2, as proxy_to takes it."""
    return {"targets": [str(upstream)], "protocol": "h2", **more}


def tls_listener(pair=None, **more):
    """An entry of `listeners` with this certificate, or with the shared one for localhost."""
    pair = pair or shared()[1]
    return {"name": "public", "address": "127.0.0.1:0", "tls": {"certificates": [{"cert": str(pair.cert), "key": str(pair.key)}]}, **more}


def _default_tls():
    """What the switch adds to a listener that the scenario did not write."""
    return "" if PROTOCOL != "tls" else f", tls: {{certificates: [{shared()[1]}]}}"


class Workspace:
    """A short-named directory (unix socket paths are short) with gateway.yaml in it."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="postern-"))
        self.config_path = self.directory / "gateway.yaml"

    def write(self, config, names=None, files=None):
        """`files`: {name: text or bytes}; a text that begins with a line feed is dedented."""
        for name, content in (files or {}).items():
            path = self.directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
                continue
            path.write_text(textwrap.dedent(content).lstrip("\n") if content.startswith("\n") else content)
        if config is not None:
            self.config_path.write_text(config_text(config, {"dir": self.directory, **(names or {})}))

    def remove(self):
        shutil.rmtree(self.directory, ignore_errors=True)


@contextlib.contextmanager
def running(config, files=None, env=None, binary=None, **names):
    """A gateway from start to a clean stop."""
    workspace = Workspace()
    try:
        workspace.write(config, names, files)
        gateway = Gateway(workspace, env, binary)
        try:
            yield gateway
        finally:
            gateway.stop()
    finally:
        workspace.remove()


class Gateway:
    """A running gateway. Listener addresses and readiness come from its standard output, the rest from its log."""

    def __init__(self, workspace, env=None, binary=None):
        self.workspace = workspace
        self.config_path = workspace.config_path
        self.directory = workspace.directory
        self.listeners = {}
        self.output, self.log_lines = [], []
        self.changed = threading.Condition()
        self.is_ready = False
        self.ended = False
        binary = pathlib.Path(binary or BINARY)
        assert binary.exists(), f"{binary} does not exist: run scripts/dev/build debug, or set POSTERN_BIN"
        self.process = subprocess.Popen([binary, "run", "-c", str(self.config_path)], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=self.directory,
                                        env=environment(env))
        self.readers = [threading.Thread(target=self.read, args=arguments, daemon=True)
                        for arguments in ((self.process.stdout, self.on_output), (self.process.stderr, self.on_log))]
        for thread in self.readers:
            thread.start()
        try:
            self.wait_for(lambda: self.is_ready, "ready", START_TIMEOUT)
        except AssertionError:
            self.kill()
            raise

    def read(self, stream, handle):
        for line in stream:
            with self.changed:
                handle(line.decode(errors="replace").rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.ended = True
            self.changed.notify_all()

    def on_output(self, line):
        self.output.append(line)
        word, _, rest = line.partition(" ")
        if word == "listening":
            name, _, address = rest.partition(" ")
            self.listeners[name] = address
        elif line == "ready":
            self.is_ready = True

    def on_log(self, line):
        self.log_lines.append(line)

    def wait_for(self, condition, what, timeout=TIMEOUT):
        with self.changed:
            self.changed.wait_for(lambda: condition() or self.ended, timeout)
            if not condition():
                state = "the gateway ended" if self.ended else f"not within {timeout} s"
                raise AssertionError(f"waited for {what}: {state}\n" + self.said())

    def said(self):
        return "\n".join(["--- stdout"] + self.output + ["--- stderr"] + self.log_lines)

    # -- the log ------------------------------------------------------------------------------------------------

    def log(self, text=""):
        """Log lines that contain `text`; JSON ones as dicts, others as {"message": line}."""
        return [_parse(line) for line in list(self.log_lines) if text in line]

    def wait_log(self, text, count=1, since=0):
        """Waits until `count` log lines from line `since` on contain `text`; returns the last of them as a dict."""
        def found():
            return [line for line in self.log_lines[since:] if text in line]
        self.wait_for(lambda: len(found()) >= count, f"{count} log line(s) with {text!r}")
        return _parse(found()[count - 1])

    # -- clients ------------------------------------------------------------------------------------------------

    def address(self, listener="public"):
        return self.listeners[listener]

    def client(self, listener="public", **how):
        """Speaks HTTP/1.1, or what POSTERN_TEST_PROTOCOL says; HTTP/1.1 with `tls`, an ssl.SSLContext."""
        if "tls" not in how and self.speaks_tls(listener):
            how["tls"] = shared()[0].trusted()
        return (Client if "tls" in how else CLIENTS[PROTOCOL])(self.address(listener), **how)

    def http1(self, listener="public", **how):
        """HTTP/1.1 whatever POSTERN_TEST_PROTOCOL says, for what only its bytes can tell; over TLS where it says so."""
        if self.speaks_tls(listener):
            how["tls"] = shared()[0].trusted()
        return Client(self.address(listener), **how)

    def h2(self, listener="public", **how):
        return H2Client(self.address(listener), **how)

    def speaks_tls(self, listener):
        return PROTOCOL == "tls" and listener == "public" and _default_tls() in self.config_path.read_text()

    def request(self, method="GET", target="/", listener="public", client=None, **how):
        """One request on a connection of its own; `client` is for gw.client()."""
        with self.client(listener, **(client or {})) as client:
            return client.request(method, target, **how)

    def get(self, target="/", **how):
        return self.request("GET", target, **how)

    def post(self, target="/", **how):
        return self.request("POST", target, **how)

    def metrics(self, target="/metrics", listener="public", **how):
        response = self.get(target, listener=listener, **how)
        assert response.status == 200, response
        return Metrics(response.text)

    # -- life ---------------------------------------------------------------------------------------------------

    def reload(self, config=None, files=None, **names):
        """SIGHUP, with a new configuration if one is given; returns the number of the generation that now serves."""
        line = self.reload_and_read(config, files, names)
        assert "reload failed" not in line, line
        return int(re.search(r"generation (\d+) serving", line).group(1))

    def reload_fails(self, config=None, files=None, **names):
        """SIGHUP with a configuration that must be refused; returns the log line that says why."""
        line = self.reload_and_read(config, files, names)
        assert "reload failed" in line, line
        return line

    def reload_and_read(self, config, files, names):
        if config is not None or files:
            self.workspace.write(config, names, files)
        since = len(self.log_lines)
        self.process.send_signal(signal.SIGHUP)
        verdict = re.compile(r"generation (?!1 )\d+ serving|reload failed")  # the line of the start may come late

        def lines():
            return [line for line in self.log_lines[since:] if verdict.search(line)]
        self.wait_for(lines, "the outcome of the reload", START_TIMEOUT)
        return lines()[0]

    def rss_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M).group(1))

    def terminate(self):
        """SIGTERM; the gateway drains."""
        self.process.send_signal(signal.SIGTERM)
        return self

    def wait_exit(self):
        try:
            code = self.process.wait(START_TIMEOUT)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the gateway did not exit; killed\n" + self.said()) from None
        for thread in self.readers:
            thread.join(TIMEOUT)
        return code

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Stops it as an operator would, and asserts a clean end: exit code 0, nothing from the sanitizers."""
        if self.process.poll() is None:
            self.terminate()
        code = self.wait_exit()
        print(self.said(), file=sys.stderr)  # pytest shows it for failed tests only
        reports = [line for line in self.log_lines if SANITIZER_REPORT.search(line)]
        assert not reports, "sanitizer report:\n" + "\n".join(self.log_lines[-120:])
        assert code == 0, f"the gateway ended with {code}\n" + "\n".join(self.log_lines[-60:])


def _parse(line):
    try:
        value = json.loads(line)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"message": line}

"""A server process on chosen processors: its CPU time, its memory, its end."""
import os
import pathlib
import re
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
SERVER_CORE, LOAD_CORE = "0", "1" if (os.cpu_count() or 1) > 1 else "0"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Process:
    """Runs until stop(). `pids` are the process and its children: a master and its workers count together."""

    scheme = "http"  # of the requests that it gets

    def __init__(self, name, command, cores, port=None, cwd=None):
        self.name, self.port = name, port
        self.log = open(pathlib.Path(cwd or ".") / f"{name}.{time.monotonic_ns()}.log", "w+")
        self.process = subprocess.Popen(["taskset", "-c", cores, *map(str, command)], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT, cwd=cwd)
        if port:
            self.wait_until_it_listens()

    def wait_until_it_listens(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                time.sleep(0.01)
        text = self.said()
        self.stop()
        raise RuntimeError(f"{self.name} did not start:\n{text}")

    def said(self):
        self.log.flush()
        return pathlib.Path(self.log.name).read_text()

    @property
    def pids(self):
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.process.pid)], capture_output=True, text=True)
        return [self.process.pid, *map(int, children.stdout.split())]

    def cpu_seconds(self):
        """User and system time of all threads so far."""
        total = 0
        for pid in self.pids:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS_PER_SECOND

    def rss_kib(self):
        total = 0
        for pid in self.pids:
            status = pathlib.Path(f"/proc/{pid}/status").read_text()
            total += int(re.search(r"^VmRSS:\s+(\d+)", status, re.M)[1])
        return total

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

"""What examples are made of: their configuration with ports of the kernel's choice, and their processes."""
import contextlib
import os
import re
import signal
import socket
import subprocess
import threading

from support.gateway import BUILD, ROOT
from support.wire import TIMEOUT


def free_port():
    """For a gateway that is started twice on one port; all else takes port 0."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


def configuration(example, **ports):
    """The example's gateway.yaml for this build. `ports`: {"public": 0}: a listener's port; others of the text by their number,
    {"_9001": "127.0.0.1:4711"}."""
    folder = ROOT / "examples" / example
    text = (folder / "gateway.yaml").read_text()
    text = text.replace("build/release/plugins", f"{BUILD}/plugins").replace("../../config", f"{ROOT}/config")
    for name, value in ports.items():
        if name.startswith("_"):
            text, count = re.subn(rf"127\.0\.0\.1:{name[1:]}\b", value, text)
        else:
            text, count = re.subn(rf'(name: {name},? *\n? *address: "127\.0\.0\.1:)\d+', rf"\g<1>{value}", text)
        assert count, f"{folder}/gateway.yaml says nothing of {name}"
    return text


class Process:
    """A backend of an example: says "listening ADDRESS" when it is ready. Ended by its id."""

    def __init__(self, command, env=None):
        self.lines = []
        self.changed = threading.Condition()
        self.process = subprocess.Popen([*map(str, command)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, env={**os.environ, **(env or {})})
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.lines.append(line.rstrip("\n"))
                self.changed.notify_all()
        with self.changed:
            self.lines.append("(ended)")
            self.changed.notify_all()

    def wait_line(self, text):
        """The first line that contains `text`."""
        def found():
            return [line for line in self.lines if text in line]
        with self.changed:
            self.changed.wait_for(lambda: found() or "(ended)" in self.lines, TIMEOUT)
            assert found(), f"waited in vain for {text!r}; said was {self.lines}"
        return found()[0]

    @property
    def address(self):
        return self.wait_line("listening ").split()[1]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        self.reader.join(TIMEOUT)


@contextlib.contextmanager
def process(*command, env=None):
    one = Process(command, env)
    try:
        yield one
    finally:
        one.stop()

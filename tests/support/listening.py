"""What scripted upstreams of every protocol have in common."""
import threading
import traceback

from support.wire import TIMEOUT, hang_up


class Listening:
    """From start() to stop(), serves each connection in a thread of its own; stop() raises what failed meanwhile.
    `sock` is bound to `address`. Derived classes have serve(what arrived() made)."""

    def __init__(self, name, sock, address):
        self.name = name
        self.socket = sock
        self.address = address
        self.connections = []  # all that ever were; each has close()
        self.failures = []
        self.changed = threading.Condition()
        self.stopping = False

    def __str__(self):
        return self.address

    def start(self):
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                sock, _ = self.socket.accept()
            except OSError:
                return  # stopped
            sock.settimeout(TIMEOUT * 4)
            threading.Thread(target=self.serve, args=(self.arrived(sock),), daemon=True).start()

    def arrived(self, sock):
        """What serve() takes for a new connection."""
        return sock

    def notify(self):
        with self.changed:
            self.changed.notify_all()

    def record(self, one, to):
        """Appends to one of the lists that scenarios wait for."""
        with self.changed:
            to.append(one)
            self.changed.notify_all()

    def fail(self, text):
        self.record(text, to=self.failures)

    def broke(self):
        """For the last `except` of a thread: what breaks must fail the test, not vanish with its thread."""
        if not self.stopping:
            self.fail(traceback.format_exc())

    def wait_for(self, condition, what="its condition"):
        """Waits until condition(self) holds, checked whenever a request begins or completes, or a connection comes or goes."""
        with self.changed:
            assert self.changed.wait_for(lambda: condition(self), TIMEOUT), f"{self.name}: waited in vain for {what}"

    def close_connections(self):
        """Closes every connection, as an upstream does that restarts."""
        for connection in list(self.connections):
            connection.close()

    def stop(self):
        self.stopping = True
        hang_up(self.socket)
        self.close_connections()
        assert not self.failures, f"{self.name} failed:\n" + "\n".join(self.failures)

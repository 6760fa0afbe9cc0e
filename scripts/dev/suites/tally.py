"""What a run has to say at its end: minutes of each part, the slowest scenarios, failures, and the sums."""
import contextlib
import time

from suites.junit import Sums

SLOWEST = 10


class Tally:
    def __init__(self):
        self.sums = Sums(0, 0)
        self.failures = []
        self.minutes = []    # (part, seconds)
        self.durations = []  # (seconds, scenario)
        self.started = time.monotonic()

    @contextlib.contextmanager
    def part(self, name):
        """Everything inside counts as this part's time."""
        begun = time.monotonic()
        print(f"\n== {name} (at {_clock(begun - self.started)})", flush=True)
        yield
        self.minutes.append((name, time.monotonic() - begun))

    def count(self, name, sums):
        self.sums += sums
        if sums.failed:
            self.failures.append(f"{name}: {sums.failed} failed")
        print(f"test: {name}: {sums.passed} passed, {sums.failed} failed", flush=True)

    def check(self, name, held):
        """Counts one thing that passes or fails; returns which."""
        self.count(name, Sums.of(held))
        return held

    def close(self):
        """Prints all of it, "N passed, N failed" last; returns the exit code."""
        print("\n== minutes")
        for name, seconds in [*self.minutes, ("all", time.monotonic() - self.started)]:
            print(f"{_clock(seconds):>8}  {name}")
        if self.durations:
            print("\n== slowest scenarios (seconds)")
            for seconds, name in sorted(self.durations, reverse=True)[:SLOWEST]:
                print(f"{seconds:8.1f}  {name}")
        print("\n== summary", *self.failures, sep="\n")
        print(f"{self.sums.passed} passed, {self.sums.failed} failed", flush=True)
        return 1 if self.sums.failed else 0


def _clock(seconds):
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"

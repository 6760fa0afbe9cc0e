"""Reads the Prometheus text format."""
import re

LINE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)(?: \d+)?$")
LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


class Metrics:
    def __init__(self, text):
        self.text = text
        self.samples = []  # (name, {label: value}, number)
        for line in text.splitlines():
            if line and not line.startswith("#"):
                match = LINE.match(line)
                assert match, f"not a sample: {line!r}"
                self.samples.append((match[1], dict(LABEL.findall(match[2] or "")), float(match[3])))

    def value(self, name, **labels):
        """The sum of the samples of `name` that carry these labels; 0 when there are none."""
        return sum(number for sample, has, number in self.samples
                   if sample == name and all(has.get(key) == str(value) for key, value in labels.items()))

    def series(self, name):
        return [(labels, number) for sample, labels, number in self.samples if sample == name]

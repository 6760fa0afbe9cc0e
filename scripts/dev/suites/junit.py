"""Reads JUnit reports of ctest and pytest. A doctest program counts with its test cases."""
import dataclasses
import re
import xml.etree.ElementTree as ElementTree

DOCTEST = re.compile(r"\[doctest\] test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")


@dataclasses.dataclass(frozen=True)
class Sums:
    passed: int
    failed: int

    @classmethod
    def of(cls, held):
        """One thing that passes or fails."""
        return cls(1, 0) if held else cls(0, 1)

    def __add__(self, other):
        return Sums(self.passed + other.passed, self.failed + other.failed)


def sums(report):
    """Sums of a report. One that is missing or cut short is one failure: its command did not come to its end."""
    try:
        return sum((_sums_of(case) for case in _cases(report)), Sums(0, 0))
    except (OSError, ElementTree.ParseError):
        return Sums(0, 1)


def durations(report):
    """[(seconds, name)] of every case of a report."""
    try:
        return [(float(case.get("time") or 0), _name(case)) for case in _cases(report)]
    except (OSError, ElementTree.ParseError):
        return []


def _cases(report):
    return ElementTree.parse(report).iter("testcase")


def _sums_of(case):
    failed = case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return Sums(0, 1) if failed else Sums(0, 0)
    cases = DOCTEST.search(case.findtext("system-out") or "")
    if cases:  # a program can fail beside its cases: a leak report, a crash at exit
        return Sums(int(cases[1]), max(int(cases[2]), 1 if failed else 0))
    return Sums.of(not failed)


def _name(case):
    """As pytest takes it: "tests.scenarios.test_x", "test_y" become "tests/scenarios/test_x.py::test_y"."""
    return f"{case.get('classname', '').replace('.', '/')}.py::{case.get('name')}"

"""Prints "PASSED FAILED" of a JUnit report from ctest or pytest. A doctest program counts with its test cases."""
import re
import sys
import xml.etree.ElementTree as ElementTree

DOCTEST = re.compile(r"\[doctest\] test cases:\s*\d+\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed")


def sums_of(case):
    failed = case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return (0, 1) if failed else (0, 0)
    cases = DOCTEST.search(case.findtext("system-out") or "")
    if cases:  # a program can fail beside its cases: a leak report, a crash at exit
        return int(cases[1]), max(int(cases[2]), 1 if failed else 0)
    return (0, 1) if failed else (1, 0)


sums = [sums_of(case) for case in ElementTree.parse(sys.argv[1]).iter("testcase")]
print(sum(passed for passed, _ in sums), sum(failed for _, failed in sums))

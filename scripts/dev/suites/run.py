"""The commands of a run: build, unit tests, scenarios, format. Each returns what passed and what failed; nothing is tried twice."""
import os
import re
import subprocess
import sys

from suites import RESULTS, ROOT, junit

JOBS = os.environ.get("POSTERN_TEST_JOBS") or str(len(os.sched_getaffinity(0)))

# pytest's exit code for a run that found nothing to do.
NOTHING_COLLECTED = 5


def build(kind, targets=()):
    return _run([ROOT / "scripts/dev/build", kind, *targets]) == 0


def units(name, kind, arguments=(), minutes=15, **environment):
    """CTest's tests of build/KIND."""
    report = _fresh_report(name)
    code = _run(["timeout", f"{minutes}m", *_fixed_addresses(), "ctest", "--test-dir", f"build/{kind}", "-j", JOBS, "--timeout", str(minutes * 60),
                 "--output-on-failure", "--no-tests=error", "--test-output-size-passed", "1000000", "--test-output-size-failed", "1000000",
                 "--output-junit", report, *arguments], environment)
    return _sums(report, code)


def scenarios(name, kind, arguments=(), minutes=20, may_be_empty=False, **environment):
    """pytest's tests against the gateway of build/KIND; the durations, too."""
    report = _fresh_report(name)
    code = _run(["timeout", f"{minutes}m", *_fixed_addresses(), sys.executable, "-m", "pytest", "-q", "-n", JOBS, "--dist", "loadfile",
                 f"--junitxml={report}", *arguments],
                {"POSTERN_BIN": ROOT / f"build/{kind}/bin/postern", **environment})
    if code == NOTHING_COLLECTED and may_be_empty:
        code = 0
    return _sums(report, code), junit.durations(report)


def is_formatted(paths=()):
    """Whether clang-format has nothing to say of the C and C++ files below these paths; without paths, of the tree's."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *paths], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout
    files = [file for file in listed.split("\0") if file.endswith((".h", ".cc", ".c")) and (ROOT / file).exists()]
    if not files:
        return True
    told = subprocess.run(["clang-format", "--dry-run", "-Werror", *files], cwd=ROOT, capture_output=True, text=True)
    bad = sorted(set(re.findall(r"^(\S+?):\d+:\d+: error", told.stderr, re.M)))
    if bad:
        print("not as clang-format wants it (mend with clang-format -i):", *bad, sep="\n  ", flush=True)
    return told.returncode == 0


def _sums(report, code):
    """A command that failed has failed, whatever its report says."""
    sums = junit.sums(report)
    return sums if code == 0 or sums.failed else sums + junit.Sums(0, 1)


def _fresh_report(name):
    RESULTS.mkdir(parents=True, exist_ok=True)
    report = RESULTS / f"{name}.xml"
    report.unlink(missing_ok=True)
    return report


def _run(command, environment=None):
    sanitizers = {"TSAN_OPTIONS": f"suppressions={ROOT}/tests/tsan.supp second_deadlock_stack=1"}
    values = {name: str(value) for name, value in (environment or {}).items()}
    return subprocess.run([str(word) for word in command], cwd=ROOT, env={**os.environ, **sanitizers, **values}).returncode


def _fixed_addresses():
    """The thread sanitizer of GCC 12 needs addresses where it expects them; not every container lets us ask for that."""
    prefix = ["setarch", os.uname().machine, "-R"]
    return prefix if subprocess.run([*prefix, "true"], capture_output=True).returncode == 0 else []

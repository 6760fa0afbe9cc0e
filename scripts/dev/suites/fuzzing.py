"""Runs fuzz targets side by side: every corpus first, then the time there is for new inputs."""
import concurrent.futures
import os
import subprocess

from suites import RESULTS, ROOT
from suites.junit import Sums
from suites.run import JOBS

SECONDS = int(os.environ.get("POSTERN_FUZZ_SECONDS", 240))  # of new inputs, on the clock, for all targets together


def built_targets():
    return {path.name for path in (ROOT / "build/fuzz/bin").glob("fuzz_*")}


def replay(targets):
    """Every input of the corpora once."""
    return _side_by_side(targets, lambda target: _run(target, ["-runs=0"]))


def explore(targets):
    """New inputs; what they find stays in build/test-results for the next run."""
    if not targets or not SECONDS:
        return Sums(0, 0)
    rounds = -(-len(targets) // int(JOBS))
    return _side_by_side(targets, lambda target: _run(target, [f"-max_total_time={max(1, SECONDS // rounds)}"]))


def _side_by_side(targets, run):
    with concurrent.futures.ThreadPoolExecutor(int(JOBS)) as pool:
        return sum(pool.map(run, sorted(targets)), Sums(0, 0))


def _run(target, arguments):
    """One target. libFuzzer writes new inputs to the first folder it is given."""
    corpus, found = ROOT / "tests/fuzz/corpus" / target.removeprefix("fuzz_"), RESULTS / target
    for folder in (corpus, found):
        folder.mkdir(parents=True, exist_ok=True)
    result = subprocess.run([ROOT / "build/fuzz/bin" / target, *arguments, "-timeout=10", "-rss_limit_mb=2048", "-print_final_stats=0",
                             "-verbosity=0", f"-artifact_prefix={found}-", found, corpus], cwd=ROOT, capture_output=True, text=True, errors="replace")
    if result.returncode:
        print(f"{target} {' '.join(arguments)}:\n{result.stdout}{result.stderr}", flush=True)
    return Sums.of(result.returncode == 0)

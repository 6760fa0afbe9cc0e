"""Runs the chosen rows and prints the table as it grows."""
import argparse
import pathlib
import resource
import shutil
import sys
import tempfile
import traceback

from benchmark import peers, rows
from benchmark.gateway import BINARY
from benchmark.memory import pin_to_load_core


def options():
    parser = argparse.ArgumentParser(prog="scripts/dev/bench", description=__doc__)
    parser.add_argument("--rows", default=",".join(rows.ALL), help="comma-separated; --list shows them")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4, help="of load, for each contender in each round")
    parser.add_argument("--peers-only", action="store_true", help="without the gateway, to check the method")
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


def show(result):
    verdict = {None: "", True: "met", False: "missed"}[result.met]
    print(f"| {result.what:<48} | {result.target:<22} | {result.measured:<60} | {verdict:<6} |", flush=True)


def main():
    chosen = options()
    if chosen.list:
        print("\n".join(rows.ALL))
        return 0
    unknown = [name for name in chosen.rows.split(",") if name not in rows.ALL]
    if unknown:
        sys.exit(f"bench: no row {', '.join(unknown)}; there are: {', '.join(rows.ALL)}")
    if not chosen.peers_only and not BINARY.exists():
        sys.exit(f"bench: {BINARY} does not exist; run scripts/dev/build release")
    raise_file_limit()
    pin_to_load_core()
    directory = pathlib.Path(tempfile.mkdtemp(prefix="postern-bench-"))
    directory.chmod(0o755)
    print(f"{chosen.rounds} rounds of {chosen.seconds} s; CPU time per request of one worker; medians of the rounds' ratios\n")
    print(f"| {'what':<48} | {'target':<22} | {'measured':<60} | {'':<6} |")
    print(f"|{'-' * 50}|{'-' * 24}|{'-' * 62}|{'-' * 8}|")
    try:
        with peers.backend(directory) as backend:
            bench = rows.Bench(directory, backend, chosen.rounds, chosen.seconds, not chosen.peers_only)
            for name in chosen.rows.split(","):
                run(name, bench)
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


def run(name, bench):
    try:
        for result in rows.ALL[name](bench):
            show(result)
    except Exception as failure:  # noqa: one row that cannot run must not hide the others
        traceback.print_exc()
        show(rows.Result(name, measured=f"could not run: {str(failure).splitlines()[0][:46]}"))


def raise_file_limit():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


sys.exit(main())

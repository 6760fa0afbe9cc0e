"""Runs the parts and paths that the command line names, or everything."""
import pathlib
import sys

from suites import ROOT, parts
from suites.selection import NoTests, select
from suites.tally import Tally

PARTS = {"units": parts.all_units, "scenarios": parts.all_scenarios, "tsan": parts.tsan, "fuzz": parts.fuzz, "soak": parts.soak}


def main(arguments):
    named = [argument for argument in arguments if argument in PARTS]
    try:
        selection = select([from_root(argument) for argument in arguments if argument not in PARTS])
    except NoTests as problem:
        sys.exit(f"test: {problem}; parts are: {', '.join(PARTS)}")
    tally = Tally()
    if not arguments:
        parts.everything(tally)
    for name in named:
        PARTS[name](tally)
    if selection.sources:
        parts.tests_of(tally, selection)
    return tally.close()


def from_root(path):
    """A path as the caller sees it, relative to the root of the tree."""
    file, separator, case = path.partition("::")
    absolute = pathlib.Path(file).resolve()
    return str(absolute.relative_to(ROOT) if absolute.is_relative_to(ROOT) else absolute) + separator + case


sys.exit(main(sys.argv[1:]))

"""The parts of a run, in the order of the whole one."""
from suites import fuzzing, run
from suites.selection import target_of

# Suites that run again over other protocols; of each, the cases that exercise the protocol (marker "protocol").
SUITES = ["plugins", "scripts"]


def format_of(tally, paths=()):
    with tally.part("format"):
        tally.check("format", run.is_formatted(paths))


def build(tally, kind, targets=()):
    with tally.part(f"{kind} build"):
        return tally.check(f"{kind} build", run.build(kind, targets))


def units(tally, name, kind, *arguments, **how):
    with tally.part(name):
        tally.count(name, run.units(name, kind, arguments, **how))


def scenarios(tally, name, kind, *arguments, **how):
    with tally.part(name):
        sums, durations = run.scenarios(name, kind, arguments, **how)
        tally.durations += durations
        tally.count(name, sums)


def suites_over(tally, protocol, paths, may_be_empty=False):
    scenarios(tally, f"suites-over-{protocol}", "debug", "-m", "protocol", *paths, may_be_empty=may_be_empty, POSTERN_TEST_PROTOCOL=protocol)


def all_units(tally):
    if build(tally, "debug"):
        units(tally, "units", "debug")


def all_scenarios(tally):
    if build(tally, "debug", ["scenario_tests"]):
        scenarios(tally, "scenarios", "debug")
        suites_over(tally, "tls", SUITES)
        suites_over(tally, "h2", SUITES)


def tsan(tally):
    if build(tally, "tsan", ["concurrency_tests"]):
        units(tally, "units-tsan", "tsan", "-L", "concurrency")
        scenarios(tally, "scenarios-tsan", "tsan", "-m", "concurrency")


def fuzz(tally, chosen=()):
    if build(tally, "fuzz", sorted(chosen)):
        targets = chosen or fuzzing.built_targets()
        with tally.part(f"corpora of {len(targets)} fuzz targets"):
            tally.count("corpora", fuzzing.replay(targets))
        with tally.part(f"new inputs, {fuzzing.SECONDS} s"):
            tally.count("fuzz", fuzzing.explore(targets))


def soak(tally):
    """The long runs at their whole length."""
    if build(tally, "debug"):
        units(tally, "units-soak", "debug", minutes=60, POSTERN_TEST_SOAK=1)
        scenarios(tally, "scenarios-soak", "debug", "-m", "soak", minutes=60, POSTERN_TEST_SOAK=1)


def everything(tally):
    format_of(tally)
    all_units(tally)
    all_scenarios(tally)
    build(tally, "release")
    tsan(tally)
    fuzz(tally)


def tests_of(tally, selection):
    """What a developer named by paths, against the debug build."""
    format_of(tally, selection.sources)
    targets = [target_of(program) for program in selection.programs] + (["scenario_tests"] if selection.scenarios else [])
    if targets and build(tally, "debug", targets):
        if selection.programs:
            units(tally, "units", "debug", "-R", f"^({'|'.join(sorted(selection.programs))})(_verify)?$")
        if selection.scenarios:
            scenarios(tally, "scenarios", "debug", *selection.scenarios)
        of_suites = [path for path in selection.scenarios if path.startswith(tuple(SUITES))]
        for protocol in ("tls", "h2") if of_suites else ():
            suites_over(tally, protocol, of_suites, may_be_empty=True)
    if selection.fuzz:
        fuzz(tally, selection.fuzz)

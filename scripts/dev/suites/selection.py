"""Which tests belong to the paths that a developer names."""
import dataclasses
import pathlib

from suites import ROOT


@dataclasses.dataclass
class Selection:
    programs: set = dataclasses.field(default_factory=set)   # unit tests, by CTest's names
    scenarios: list = dataclasses.field(default_factory=list)  # as pytest takes them
    fuzz: set = dataclasses.field(default_factory=set)       # fuzz targets, by their programs' names
    sources: list = dataclasses.field(default_factory=list)  # whose format is looked at


class NoTests(Exception):
    """A path that no test belongs to."""


def select(paths, root=ROOT):
    """The tests of files and folders. `paths` are relative to the root; a scenario may be named as pytest does, FILE::TEST."""
    chosen = Selection()
    for text in paths:
        file, _, case = text.partition("::")
        path = pathlib.PurePath(file)
        if not (root / path).exists():
            raise NoTests(f"there is no {file}")
        programs = {name for name, folders in unit_programs(root).items() if any(_related(path, folder) for folder in folders)}
        found = bool(case) or _has_scenarios(root / path)
        fuzz = fuzz_targets(path, root)
        if path.suffix == ".py":
            programs = set()
        if not (programs or found or fuzz):
            raise NoTests(f"no test belongs to {file}")
        chosen.programs |= programs
        chosen.scenarios += [text] if found else []
        chosen.fuzz |= fuzz
        chosen.sources.append(file)
    return chosen


def unit_programs(root=ROOT):
    """Every program of unit tests by its name for CTest, with the folders whose code it tests."""
    programs = {"sdk": ["sdk", "tests/sdk"]}
    for folder in _folders_with_units(root, "tests/core"):
        programs[f"core_{folder.name}"] = [f"core/{folder.name}", f"tests/core/{folder.name}"]
    for folder in _folders_with_units(root, "plugins"):
        programs[f"plugin_{folder.name}"] = [f"plugins/{folder.name}"]
    scripts = [f"scripts/{folder.name}" for folder in _folders_with_units(root, "scripts")]
    programs.setdefault("plugin_lua", []).extend(scripts)  # scripts are tested through their host
    return programs


def target_of(program):
    """The build's target of a CTest name: core_http is the program test_http, plugin_cors is test_plugin_cors."""
    return "test_" + program.removeprefix("core_")


def fuzz_targets(path, root=ROOT):
    """Fuzz targets run for minutes, so only paths of their own folder mean them."""
    if not _is_within(path, "tests/fuzz"):
        return set()
    return {"fuzz_" + file.name.removesuffix("_fuzz.cc") for file in (root / "tests/fuzz").glob("*_fuzz.cc")
            if _is_within(file.relative_to(root), path)}


def _folders_with_units(root, parent):
    return sorted({file.parent for file in (root / parent).glob("*/*_test.cc")})


def _has_scenarios(path):
    return path.match("test_*.py") or path.is_dir() and any(path.rglob("test_*.py"))


def _related(one, other):
    return _is_within(one, other) or _is_within(other, one)


def _is_within(path, folder):
    return pathlib.PurePath(path).is_relative_to(folder)

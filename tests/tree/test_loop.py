"""scripts/dev/test: which tests belong to a path, and that nothing red looks green."""
import pytest
from suites import junit, selection
from suites.junit import Sums
from suites.tally import Tally

FILES = ["core/http/body.cc", "tests/core/http/body_test.cc", "core/cli/main.cc", "sdk/plugin.h", "plugins/cors/plugin.cc", "plugins/cors/cors_test.cc",
         "plugins/cors/scenarios/test_cors.py", "plugins/lua/lua_test.cc", "scripts/agent/agent_test.cc", "scripts/agent/scenarios/test_agent.py",
         "tests/scenarios/test_tls.py", "tests/fuzz/body_fuzz.cc", "tests/fuzz/head_fuzz.cc"]


@pytest.fixture
def select(tmp_path):
    """select(path) in a tree of these files: (programs, scenarios, fuzz targets)."""
    for name in FILES:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    def of(*paths):
        found = selection.select(paths, tmp_path)
        return sorted(found.programs), found.scenarios, sorted(found.fuzz)
    return of


@pytest.mark.parametrize("path, programs, scenarios, fuzz", [
    ("plugins/cors", ["plugin_cors"], ["plugins/cors"], []),
    ("plugins/cors/plugin.cc", ["plugin_cors"], [], []),
    ("plugins/cors/scenarios", ["plugin_cors"], ["plugins/cors/scenarios"], []),
    ("plugins/cors/scenarios/test_cors.py", [], ["plugins/cors/scenarios/test_cors.py"], []),
    ("plugins", ["plugin_cors", "plugin_lua"], ["plugins"], []),
    ("scripts/agent", ["plugin_lua"], ["scripts/agent"], []),
    ("core/http", ["core_http"], [], []),
    ("tests/core/http/body_test.cc", ["core_http"], [], []),
    ("sdk", ["sdk"], [], []),
    ("tests/scenarios", [], ["tests/scenarios"], []),
    ("tests/scenarios/test_tls.py::test_one", [], ["tests/scenarios/test_tls.py::test_one"], []),
    ("tests/fuzz", [], [], ["fuzz_body", "fuzz_head"]),
    ("tests/fuzz/head_fuzz.cc", [], [], ["fuzz_head"]),
])
def test_a_path_has_its_tests(select, path, programs, scenarios, fuzz):
    assert select(path) == (programs, scenarios, fuzz)


@pytest.mark.parametrize("path", ["plugins/none", "core/cli"])
def test_a_path_without_tests_is_told(select, path):
    with pytest.raises(selection.NoTests, match=path):
        select(path)


def test_a_doctest_program_counts_with_its_cases(tmp_path):
    report = tmp_path / "report.xml"
    report.write_text("""<testsuite>
        <testcase name="a" status="run"><system-out>[doctest] test cases:  7 |  7 passed | 0 failed | 0 skipped</system-out></testcase>
        <testcase name="b" status="fail"><failure/><system-out>[doctest] test cases:  3 |  3 passed | 0 failed | 0 skipped
            ERROR: LeakSanitizer</system-out></testcase>
        <testcase name="c" status="run"/></testsuite>""")
    assert junit.sums(report) == Sums(7 + 3 + 1, 1)


@pytest.mark.parametrize("text", [None, "", "<testsuite><testcase/>"])
def test_a_report_that_is_missing_or_cut_short_is_a_failure(tmp_path, text):
    report = tmp_path / "report.xml"
    if text is not None:
        report.write_text(text)
    assert junit.sums(report) == Sums(0, 1)


def test_the_last_line_is_the_sums_and_the_exit_code_follows(capsys):
    tally = Tally()
    tally.count("units", Sums(4, 0))
    assert tally.close() == 0
    tally.check("format", False)
    assert tally.close() == 1
    assert capsys.readouterr().out.splitlines()[-1] == "4 passed, 1 failed"

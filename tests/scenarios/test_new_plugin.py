"""scripts/dev/new-plugin: what it makes builds, passes its tests, has the shape of a plugin's folder, and loads."""
import os
import shutil
import subprocess
import sys

import pytest

from support.gateway import BUILD, ROOT, proxy_to


def run(*command, cwd=None):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600, cwd=cwd,
                            env={**os.environ, "POSTERN_BIN": str(BUILD / "bin/postern")})
    assert result.returncode == 0, result.stdout + result.stderr


def copy_tree(to):
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, to / name)
    run("git", "init", "-q", cwd=to)


KIND = BUILD.name  # as the gateway that loads it: sanitizers of another build would not fit


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the tree with the new plugin "night-porter", built."""
    tree = tmp_path_factory.mktemp("tree")
    copy_tree(tree)
    run("scripts/dev/new-plugin", "night-porter", cwd=tree)
    run("scripts/dev/build", KIND, "test_plugin_night-porter", cwd=tree)
    return tree


def test_its_tests_pass(tree):
    run("ctest", "--test-dir", f"build/{KIND}", "-R", "^plugin_night-porter", "--no-tests=error", "--output-on-failure", cwd=tree)


def test_its_folder_has_the_shape(tree):
    run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/tree", "-k", "night-porter and not loads", cwd=tree)


def test_it_loads(gateway, upstream, tree):
    u = upstream()
    gw = gateway(proxy_to(u, [{"night-porter": {"greeting": "good night"}}], plugin_path=[str(tree / f"build/{KIND}/plugins")]))
    assert gw.get("/orders").headers.get("x-night-porter") == "good night"
    assert u.last.headers.get("x-night-porter") == "good night"
    assert gw.get("/night-porter").text == "good night\n"
    assert len(u.requests) == 1

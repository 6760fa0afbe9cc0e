"""sdk/README.md, word for word: from an installed prefix and nothing else to a plugin that answers (F34)."""
import re
import subprocess

import pytest
import yaml

from support.gateway import BUILD, ROOT

PAGE = (ROOT / "sdk/README.md").read_text().partition("\n## Suspend and resume")[0]
FILES = dict(re.findall(r"`([\w./]+)`\n\n```\w+\n(.*?)^```$", PAGE, re.M | re.S))
COMMANDS = re.findall(r"^```sh\n(.*?)^```$", PAGE, re.M | re.S)


def run(*command, cwd=None):
    result = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def with_prefix(text, prefix):
    return re.sub(r"\bPREFIX\b", str(prefix), text)


@pytest.fixture(scope="module")
def prefix(tmp_path_factory):
    prefix = tmp_path_factory.mktemp("prefix")
    run("cmake", "--install", str(BUILD), "--prefix", str(prefix))
    return prefix


@pytest.fixture(scope="module")
def author(prefix, tmp_path_factory):
    """Where somebody has done what the page says."""
    folder = tmp_path_factory.mktemp("author")
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(with_prefix(text, prefix))
    build, serve = (with_prefix(script, prefix) for script in COMMANDS)
    run("sh", "-ec", build, cwd=folder)
    run("sh", "-ec", serve.splitlines()[0], cwd=folder)  # check
    return folder


def test_the_page_leads_to_a_plugin_that_answers(gateway, prefix, author):
    config = yaml.safe_load((author / "gateway.yaml").read_text())
    config["listeners"][0]["address"] = "127.0.0.1:0"
    config["plugin_path"][0] = str(author / config["plugin_path"][0])
    gw = gateway(config, binary=str(prefix / "bin/postern"))
    assert gw.get("/hello").text == "good morning\n"
    assert "x-greeting" in gw.get("/orders").text


def test_what_is_installed_names_no_place_of_its_build(prefix, author):
    assert str(ROOT) not in (author / "build/greet/CMakeCache.txt").read_text()
    for file in ("share/postern/template/plugin.cc", "share/postern/config/gateway.yaml", "share/doc/postern/sdk/README.md"):
        assert (prefix / file).is_file(), file


def test_the_documented_build_is_optimised_by_default(prefix, author):
    run("cmake", "-G", "Ninja", "-S", "greet", "-B", "build/plain", f"-DCMAKE_PREFIX_PATH={prefix}", cwd=author)
    assert "CMAKE_BUILD_TYPE:STRING=RelWithDebInfo" in (author / "build/plain/CMakeCache.txt").read_text()

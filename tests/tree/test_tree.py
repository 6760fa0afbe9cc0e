"""The tree holds its own shape: layers, folder shapes, names, and documentation whose examples load."""
import json
import pathlib
import re
import subprocess

import pytest
from support import configuration_table, descriptors
from support.gateway import BUILD

ROOT = pathlib.Path(__file__).resolve().parents[2]

TOP_LEVEL = {"CMakeLists.txt", "README.md", "LICENSE", "core", "plugins", "sdk", "scripts", "config", "tests", "examples",
             ".ci", ".github", ".gitignore", ".pytest.ini", ".editorconfig", ".clang-format", ".clang-tidy"}

LAYERS = ["base", "config", "http", "net", "plan", "upstream", "exchange", "client", "server", "plugin", "control", "cli"]

# What each layer of core/ may include, itself left out: those before it. Parsing files and parsing HTTP know nothing of each other.
BELOW = {layer: set(LAYERS[:number]) for number, layer in enumerate(LAYERS)} | {"http": {"base"}}

SECTIONS = ["Name", "Description", "Configuration", "Examples", "Metrics", "Order", "See also"]

INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^>"]+)[>"]', re.M)


def tracked(*patterns):
    """Files of the tree: those that git knows or would add, that still exist."""
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *patterns], cwd=ROOT,
                            capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in sorted(listed.split("\0")) if name and (ROOT / name).is_file()]


def relative(paths):
    return [str(path.relative_to(ROOT)) for path in paths]


def folders(parent):
    """Folders with tracked files directly below `parent`."""
    return sorted({(ROOT / parent / path.relative_to(ROOT / parent).parts[0]) for path in tracked(parent)
                   if len(path.relative_to(ROOT / parent).parts) > 1})


def plugin_folders():
    return folders("plugins")


def script_folders():
    return [folder for folder in folders("scripts") if folder.name != "dev"]


def by_name(paths):
    return [pytest.param(path, id=str(path.relative_to(ROOT))) for path in paths]


def test_only_the_decided_entries_are_at_the_top():
    found = {path.relative_to(ROOT).parts[0] for path in tracked()}
    assert found - TOP_LEVEL == set()


def test_layers_include_only_downwards():
    wrong = []
    for path in tracked("core/*.h", "core/*.cc"):
        parts = path.relative_to(ROOT / "core").parts
        if len(parts) == 1:
            continue  # main.cc wires everything
        assert parts[0] in BELOW, f"core/{parts[0]} is not a layer: decide where it stands"
        for quote, name in INCLUDE.findall(path.read_text()):
            layer = name.split("/")[0]
            if quote == '"' and layer != parts[0] and layer not in BELOW[parts[0]]:
                wrong.append(f"{path.relative_to(ROOT)} includes {name}")
    assert wrong == []


def including(patterns, header):
    return {relative([path])[0] for path in tracked(*patterns)
            for _, name in INCLUDE.findall(path.read_text()) if re.fullmatch(header, name)}


def test_only_net_knows_libuv_and_tls():
    users = including(["core"], r"uv\.h|uv/.*|openssl/(ssl|bio|tls1)\.h")
    assert {path for path in users if not path.startswith("core/net/")} == set()


def test_the_core_knows_the_plugin_abi_alone():
    free = r"abi\.h|grpc\.h|random\.h|text/[a-z0-9]+\.h"  # all but abi.h: plain C++ that knows nothing of it, written once for both
    assert including(["core"], rf"postern/(?!({free})$).*") == set()
    assert {path.split("/")[1] for path in including(["core"], r"postern/abi\.h")}.isdisjoint({"base", "config", "http", "net"})


def test_heavy_libraries_stay_out_of_headers():
    heavy = r"(nlohmann|yaml-cpp|spdlog|valijson|CLI)/(?!json_fwd\.hpp).*"
    assert {path for path in including(["core/*.h"], heavy)} == set()


def test_the_core_knows_no_plugin_by_name():
    names = {folder.name for folder in plugin_folders()} - {"echo", "headers", "metrics", "respond", "lua"}  # words of their own
    pattern = re.compile('"(' + "|".join(map(re.escape, sorted(names))) + ')"')
    code = {str(path.relative_to(ROOT)): pattern.findall(without_comments(path.read_text()))
            for path in tracked("core/*.h", "core/*.cc")} if names else {}
    assert {path: found for path, found in code.items() if found} == {}


def without_comments(text):
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.S)


def test_files_of_the_core_are_small():
    assert {name: lines for name, lines in ((relative([path])[0], path.read_text().count("\n")) for path in tracked("core"))
            if lines > 600} == {}


def test_file_names_are_snake_case():
    odd = [path for path in tracked("*.cc", "*.h", "*.c", "*.py") if not re.fullmatch(r"[a-z0-9_]+\.(cc|h|c|py)", path.name)]
    assert relative(odd) == []


def test_headers_begin_with_what_they_are_for():
    silent = [path for path in tracked("core/*.h", "sdk/*.h", "plugins/*.h") if not path.read_text().lstrip().startswith(("//", "/*"))]
    assert relative(silent) == []


def test_nothing_is_left_to_be_done_in_the_sources():
    marks = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" * 3, "HA" + "CK"]) + r")\b")
    files = tracked("*.cc", "*.h", "*.c", "*.py", "*.lua", "*.sh", "*.cmake", "CMakeLists.txt", "scripts/dev", "*.md")
    found = [f"{path.relative_to(ROOT)}:{number}" for path in files
             for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1) if marks.search(line)]
    assert found == []


@pytest.mark.parametrize("folder", by_name(plugin_folders()))
def test_a_plugins_folder_has_the_shape(folder):
    names = {str(path.relative_to(folder)) for path in tracked(str(folder))}
    assert {"README.md", "CMakeLists.txt", "schema.json", "plugin.cc"} <= names | optional(folder)
    assert any(re.fullmatch(r"(.*/)?[a-z0-9_]+_test\.cc", name) for name in names), "no unit test"
    assert any(re.fullmatch(r"scenarios/test_[a-z0-9_]+\.py", name) for name in names), "no scenario"
    assert re.fullmatch(r"[a-z][a-z0-9-]*", folder.name)


SCHEMAS = [folder / "schema.json" for folder in plugin_folders() if (folder / "schema.json").exists()]


@pytest.mark.parametrize("schema", by_name(SCHEMAS))
def test_a_default_stands_in_the_schema_alone(schema):
    """A second one in the code, `config["key"].integer(10)`, could never be taken, and would be believed."""
    keys = keys_with_default(json.loads(schema.read_text()))
    again = [f"{path.name}: {key}" for path in tracked(f"{schema.parent}/*.cc")
             for key in re.findall(r'\["(\w+)"\]\.(?:string|integer|number|boolean)\([^)]', path.read_text()) if key in keys]
    assert again == []


def keys_with_default(schema):
    found = {name for name, key in schema.get("properties", {}).items() if "default" in key}
    return found.union(*(keys_with_default(inner) for inner in schema.values() if isinstance(inner, dict)))


@pytest.mark.parametrize("schema", by_name(SCHEMAS))
def test_a_readmes_table_of_keys_is_its_schemas(schema):
    folder = schema.parent.relative_to(ROOT)
    assert configuration_table.written((schema.parent / "README.md").read_text()) == configuration_table.made(
        json.loads(schema.read_text())), f"mend with: python3 tests/support/configuration_table.py {folder}"


def optional(folder):
    """plugins/lua hosts scripts: what it can be told comes from them."""
    return {"schema.json"} if folder.name == "lua" else set()


@pytest.mark.parametrize("folder", by_name(script_folders()))
def test_a_scripts_folder_has_the_shape(folder):
    names = {str(path.relative_to(folder)) for path in tracked(str(folder))}
    assert {"README.md", f"{folder.name}.lua"} <= names
    assert any(re.fullmatch(r"scenarios/test_[a-z0-9_]+\.py", name) for name in names), "no scenario"


@pytest.mark.parametrize("folder", by_name(plugin_folders() + script_folders()))
def test_a_suite_marks_what_runs_over_every_protocol(folder):
    """Over TLS and HTTP/2 only these run again; a suite without any would not run there at all."""
    assert any("@pytest.mark.protocol\n" in path.read_text() for path in tracked(f"{folder}/scenarios/*.py"))


READMES = [folder / "README.md" for folder in plugin_folders() + script_folders()]


@pytest.mark.parametrize("readme", by_name(READMES))
def test_a_readme_has_its_sections_in_order(readme):
    headings = re.findall(r"^#{1,3}\s+(.+?)\s*$", without_fences(readme.read_text()), re.M)
    assert [heading for heading in headings if heading in SECTIONS] == SECTIONS


def without_fences(text):
    return re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)


def test_links_in_the_documentation_lead_somewhere():
    broken = []
    for path in tracked("*.md"):
        for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", without_fences(path.read_text())):
            if not re.match(r"[a-z]+:", target) and not (path.parent / target).exists():
                broken.append(f"{path.relative_to(ROOT)}: {target}")
    assert broken == []


def places_in_the_core():
    """What core/README.md names as `folder/file.cc` or `folder/file.cc: function`."""
    text = without_fences((ROOT / "core/README.md").read_text())
    return sorted(set(re.findall(r"`([a-z]+/[a-z0-9_]+\.(?:cc|h))(?:: ([A-Za-z_:]+))?`", text)))


def test_the_core_is_where_its_readme_says():
    wrong = []
    for file, name in places_in_the_core():
        path = ROOT / ("sdk/include" if file.startswith("postern/") else "core") / file
        if not path.is_file():
            wrong.append(f"{file} does not exist")
        elif name and not re.search(rf"\b{name.split('::')[-1]}\b", path.read_text()):
            wrong.append(f"{file} has no {name}")
    assert places_in_the_core() and wrong == []


def examples():
    """Every fenced piece of YAML in a README of a plugin or script, that is a chain or a part of a configuration."""
    for readme in READMES:
        if not readme.exists():
            continue
        for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", readme.read_text(), re.M | re.S), 1):
            if re.match(r"(- |[a-z_]+:)", re.sub(r"\A(\s*#[^\n]*\n)+", "", block)):
                yield pytest.param(readme, block, id=f"{readme.parent.relative_to(ROOT)}-{number}")


@pytest.mark.parametrize("readme, block", examples())
def test_an_example_of_a_readme_loads(readme, block, postern):
    env = {name: "example" for name in re.findall(r"\$\{([A-Z_0-9]+)\}", block)}
    result = postern("check", config=completed(block), files=descriptors.of_readme(readme), env=env)
    assert result.returncode == 0, completed(block) + "\n" + result.stdout + result.stderr


def completed(block):
    """A whole configuration around an example."""
    block = re.sub(r"\A(\s*#[^\n]*\n)+", "", block)
    if block.startswith("- "):
        chain = "".join("      " + line for line in block.splitlines(True))
        block = "routes:\n  - id: example\n    match: {path: \"/*\"}\n    upstream: backend\n    plugins:\n" + chain
    upstreams = sorted({"backend", *re.findall(r"\bupstream: ([a-z][a-z0-9_-]*)", block)})
    if not re.search(r"^upstreams:", block, re.M):
        block += "upstreams:\n" + "".join(f"  {name}: {{targets: [\"127.0.0.1:9\"]}}\n" for name in upstreams)
    if not re.search(r"^routes:", block, re.M):
        block += "routes:\n  - {id: example, match: {path: \"/*\"}, upstream: backend}\n"
    return block


def shipped_configurations():
    files = tracked("config/*.yaml", "examples/*.yaml", "examples/**/*.yaml")
    return [path for path in files if re.search(r"^version:", path.read_text(), re.M)]


@pytest.mark.parametrize("path", by_name(shipped_configurations()))
def test_a_shipped_configuration_loads(path, tmp_path, postern):
    """Checked as written, with plugins of the build under test in place of the release build's."""

    text = path.read_text().replace("build/release", str(BUILD))
    if not re.search(r"^plugin_path:", text, re.M):  # an example of something else; the plugins are where they were built
        text += f'\nplugin_path: ["{BUILD / "plugins"}", "{ROOT / "scripts"}"]\n'
    if (maker := path.with_name("make-certificates")).exists():  # keys are no part of the tree
        subprocess.run([maker, tmp_path / "certs"], check=True, capture_output=True)
        text = text.replace("certs/", f"{tmp_path}/certs/")
    copy = path.with_name(f".{path.stem}.{tmp_path.parent.name}.{tmp_path.name}.yaml")  # beside it: what it names is relative
    copy.write_text(text)
    try:
        result = postern("check", "-c", str(copy), cwd=ROOT, env={name: "9" for name in re.findall(r"\$\{([A-Z_0-9]+)\}", text)})
    finally:
        copy.unlink()
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("library", sorted((BUILD / "plugins").glob("*.so")), ids=lambda path: path.name)
def test_a_shipped_plugin_can_be_unloaded(library):
    """A thread_local with a destructor pins its library until the last thread that used it ends."""
    imported = subprocess.run(["nm", "-D", "--undefined-only", library], capture_output=True, text=True, check=True).stdout
    assert "__cxa_thread_atexit" not in imported


def test_the_commands_of_the_readme_exist():
    text = (ROOT / "README.md").read_text()
    missing = [name for name in re.findall(r"scripts/dev/[a-z-]+", text) if not (ROOT / name).is_file()]
    assert missing == []


@pytest.mark.parametrize("command", by_name(path for path in tracked("scripts/dev/*", ".ci/run") if not path.suffix and path.is_file()
                                            and path.parent.name in ("dev", ".ci")))
def test_a_command_is_strict_bash(command):
    text = command.read_text()
    assert text.startswith("#!/usr/bin/env bash\n# "), "says what it does in its second line"
    assert command.stat().st_mode & 0o111
    assert "prelude.sh" in text or "set -euo pipefail" in text or command.name == "run"
    subprocess.run(["bash", "-n", command], check=True)


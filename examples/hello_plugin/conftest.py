"""Builds the example outside of this tree, against an installed SDK alone, and shows it to every gateway of its scenarios."""
import subprocess

import pytest

from support.gateway import BUILD, ROOT


def run(*command):
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.fixture(scope="session")
def built(tmp_path_factory):
    """The example's build folder, after its own tests have passed."""
    sdk, build = tmp_path_factory.mktemp("sdk"), tmp_path_factory.mktemp("hello")
    run("cmake", "--install", str(BUILD), "--prefix", str(sdk), "--component", "sdk")
    run("cmake", "-G", "Ninja", "-S", str(ROOT / "examples/hello_plugin"), "-B", str(build), f"-DCMAKE_PREFIX_PATH={sdk}")
    assert str(ROOT / "sdk") not in (build / "CMakeCache.txt").read_text()
    run("cmake", "--build", str(build))
    run("ctest", "--test-dir", str(build), "--no-tests=error", "--output-on-failure")
    return build


@pytest.fixture
def gateway(gateway, built):
    return lambda config, **how: gateway({"plugin_path": [str(built / "plugins")], **config}, **how)

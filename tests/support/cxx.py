"""Compiles C++ as a plugin's author does: the SDK's headers alone, with warnings."""
import re
import subprocess

from support.gateway import BUILD, ROOT

CXX = re.search(r"^CMAKE_CXX_COMPILER:[^=]*=(.*)$", (BUILD / "CMakeCache.txt").read_text(), re.M).group(1)


def errors_of(source, *options):
    """What the compiler has to say, errors alone; empty when it compiles."""
    command = [CXX, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-I", str(ROOT / "sdk/include"),
               *options, "-x", "c++", "-"]
    result = subprocess.run(command, input=source, capture_output=True, text=True, timeout=120)
    errors = [line for line in result.stderr.splitlines() if "error:" in line]
    assert (result.returncode == 0) == (not errors), result.stderr
    return errors

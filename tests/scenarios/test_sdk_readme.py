"""sdk/README.md: its pieces of code compile as they stand there."""
import re

import pytest

from support.cxx import errors_of
from support.gateway import ROOT

PAGE = (ROOT / "sdk/README.md").read_text()
PIECES = [(PAGE[:m.start()].rpartition("\n## ")[2].partition("\n")[0], m.group(1))
          for m in re.finditer(r"^```cpp\n(.*?)^```$", PAGE, re.M | re.S)]
HOOK = re.compile(r"(?:Verdict|void|Status|Task<Verdict>) (on_\w+)\(")
STANDARD = ["atomic", "chrono", "memory", "string", "thread"]


def as_file(piece):
    """A whole file as it stands; else the members of a class, whose hooks are named as they must be."""
    if "#include" in piece:
        return piece
    includes = "".join(f"#include <{name}>\n" for name in [*STANDARD, "postern/plugin.h", "postern/text.h", "postern/crypto.h"])
    hooks = ", ".join(dict.fromkeys(HOOK.findall(piece))) or "no_hooks"
    return (f"{includes}using namespace postern;\nclass Snippet {{\n public:\n{piece}}};\n"
            f'POSTERN_PLUGIN(Snippet, "snippet", "1.0.0", {hooks});\n')


@pytest.mark.parametrize("piece", [p for _, p in PIECES], ids=[f"{i} {title}" for i, (title, _) in enumerate(PIECES)])
def test_a_piece_compiles(piece):
    assert errors_of(as_file(piece), "-Wno-unused-function") == []

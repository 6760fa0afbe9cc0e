"""Plugins whose binaries are kept: what was built for this major version of the ABI runs on every gateway of it."""
import platform

import pytest

from support.gateway import ROOT, proxy_to
from support.upstream import ok

FOLDER = ROOT / "tests/fossils" / platform.machine()
EVERY_HOOK_UNTIL_THE_RESPONSE = 0xfe  # the log line "complete" tells of the two behind it


def test_there_is_one_for_this_machine():
    assert list(FOLDER.glob("*.so")), f"tests/fossils/make on {platform.machine()} makes it"


# Hazards 11 and 13. The fossil asks worker 0 for something from whichever worker serves the request.
@pytest.mark.parametrize("fossil", sorted(f.stem for f in FOLDER.glob("*.so")))
@pytest.mark.parametrize("workers", [1, 2])
def test_a_fossil_runs_every_hook_and_is_served_by_every_table(gateway, upstream, fossil, workers):
    u = upstream(ok("hello"))
    config = proxy_to(u, plugin_path=[str(FOLDER)], workers=workers)
    gw = gateway({**config, "plugins": [{fossil: {"tag": "old"}}]})
    for expected in (1, 2):
        answer = gw.post("/", body=b"a question")
        assert answer.status == 200 and answer.text == "hello"
        assert answer.headers.get("x-fossil-refused") == ""
        hooks = int(answer.headers.get("x-fossil"), 16)
        assert hooks == EVERY_HOOK_UNTIL_THE_RESPONSE, hex(hooks)
        assert u.last.headers.get("x-fossil") == "old" and u.last.body == b"a question"
        gw.wait_log("complete", count=expected)
        gw.reload()

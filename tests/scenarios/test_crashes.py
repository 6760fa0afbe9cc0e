"""A plugin that kills the process is named: who, in which hook, from which build."""
import contextlib

import pytest

from support.gateway import BUILD, Gateway, Workspace, proxy_to

# The sanitizers' own handlers say more, but not whose code it was.
OURS = {"ASAN_OPTIONS": "handle_segv=0:handle_abort=0:handle_sigbus=0:handle_sigfpe=0:handle_sigill=0:use_sigaltstack=0"}
IN_HOOK = "in plugin crashes 1.0.0, instance crashes, on_request, route all"
ON_ITS_OWN = "in plugin crashes 1.0.0, which the gateway had not called"


@contextlib.contextmanager
def dying(config):
    """A gateway that is not expected to come to a clean end."""
    workspace = Workspace()
    workspace.write(config)
    gateway = Gateway(workspace, OURS)
    try:
        yield gateway
    finally:
        if gateway.process.poll() is None:
            gateway.kill()
        workspace.remove()


@pytest.mark.parametrize("what, signal, whose", [
    ("bad pointer", "SIGSEGV", IN_HOOK),
    ("stack", "SIGSEGV", IN_HOOK),
    ("abort", "SIGABRT", IN_HOOK),
    ("thread", "SIGSEGV", ON_ITS_OWN),
])
def test_a_crash_names_the_plugin_and_its_build(upstream, what, signal, whose):
    """F31: a stack that had run over printed nothing, and a plugin's own thread was blamed on the gateway."""
    config = proxy_to(upstream(), ["crashes"], plugin_path=[str(BUILD / "test-plugins/broken")])
    with dying(config) as gw:
        with gw.client() as client:
            client.send(f"GET / HTTP/1.1\r\nHost: a\r\nX-Do: {what}\r\n\r\n")
            assert gw.wait_exit() < 0, "it dies of the signal"
    assert any(f"fatal signal {signal} {whose}" in line for line in gw.log_lines), gw.said()
    assert any("is plugin crashes 1.0.0, build " in line for line in gw.log_lines), gw.said()

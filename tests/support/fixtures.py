"""The pytest fixtures of every scenario in the tree."""
import contextlib
import functools
import subprocess

import pytest

from support.browser import browsing
from support.example import process
from support.gateway import BINARY, Workspace, environment, running
from support.h2_upstream import H2Upstream
from support.upstream import Upstream
from support.websocket import WebSocketServer


@pytest.fixture
def upstream():
    """upstream(answers, never=, unix=): a scripted upstream; see support/upstream.py."""
    yield from _any_number_of(Upstream)


@pytest.fixture
def h2_upstream():
    """h2_upstream(answers, settings=, ...): a scripted HTTP/2 upstream; see support/h2_upstream.py."""
    yield from _any_number_of(H2Upstream)


@pytest.fixture
def websocket_server():
    """websocket_server(handler, **how): a standard WebSocket server; see support/websocket.py."""
    yield from _any_number_of(WebSocketServer)


@pytest.fixture
def gateway(upstream, h2_upstream):  # upstreams stop after the gateway
    """gateway(config, files=, env=, **names): starts the gateway, stops it at the end and asserts a clean exit."""
    with contextlib.ExitStack() as stack:
        yield lambda config, **how: stack.enter_context(running(config, **how))


@pytest.fixture(scope="session")
def browsers(tmp_path_factory):
    """browsers(*arguments): the one browser with these arguments, started when it is asked for: that takes seconds."""
    with contextlib.ExitStack() as stack:
        yield functools.cache(lambda *arguments: stack.enter_context(browsing(tmp_path_factory.mktemp("profile"), arguments)))


@pytest.fixture
def browser(gateway, browsers):  # it leaves its pages before the gateway stops: they would come back for ever
    """browser(*arguments): a real browser, without the pages and cookies of other scenarios; see support/browser.py."""
    used = set()

    def start(*arguments):
        used.add(browsers(*arguments))
        return browsers(*arguments)

    yield start
    _all(one.forget for one in used)


@pytest.fixture
def backend():
    """backend(command...): a process of an example, ended with the scenario."""
    with contextlib.ExitStack() as stack:
        yield lambda *command, **how: stack.enter_context(process(*command, **how))


@pytest.fixture
def postern():
    """postern("check", config=..., files=...): runs a command to its end; .returncode .stdout .stderr .config_path.
    `-c FILE` is added when there is a config."""
    workspaces = []

    def run(*arguments, config=None, files=None, env=None, cwd=None, **names):
        workspace = Workspace()
        workspaces.append(workspace)
        command = [BINARY, *arguments[:1]]
        workspace.write(config, names, files)
        if config is not None:
            command += ["-c", str(workspace.config_path)]
        result = subprocess.run(command + list(arguments[1:]), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=120, cwd=cwd or workspace.directory, env=environment(env))
        result.config_path = workspace.config_path
        return result

    yield run
    _all(workspace.remove for workspace in workspaces)


def _any_number_of(kind):
    """Starts one at each call, and stops all of them at the end."""
    started = []

    def start(*arguments, **how):
        started.append(kind(*arguments, **how))
        return started[-1]

    yield start
    _all(one.stop for one in started)


def _all(steps):
    """Takes every step, then raises the first failure."""
    failures = []
    for step in steps:
        try:
            step()
        except Exception as failure:  # noqa: the other steps must still happen
            failures.append(failure)
    if failures:
        raise failures[0]

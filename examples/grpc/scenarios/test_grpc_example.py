"""The example as its page tells it, with ports of the kernel's choice."""
import re
import subprocess

import pytest

from support.example import configuration
from support.gateway import ROOT
from support.wire import TIMEOUT

EXAMPLE = ROOT / "examples/grpc"


@pytest.fixture
def stubs(tmp_path):
    subprocess.run([EXAMPLE / "make-stubs", tmp_path / "stubs"], check=True, capture_output=True)
    return {"STUBS": str(tmp_path / "stubs")}


def call(stubs, *arguments):
    return subprocess.run([EXAMPLE / "client.py", *arguments], capture_output=True, text=True, timeout=TIMEOUT * 2,
                          env={**stubs, "PATH": "/usr/bin"})


def test_a_stock_client_and_a_stock_server_make_calls_of_all_kinds(gateway, backend, stubs):
    server = backend(EXAMPLE / "server.py", 0, env=stubs)
    gw = gateway(configuration("grpc", public=0, _50051=server.address))
    result = call(stubs, gw.address())
    assert result.returncode == 0, result.stderr
    said = re.search(r"^```text\n(.*?)^```", (EXAMPLE / "README.md").read_text(), re.M | re.S).group(1)
    assert result.stdout == said
    refused = call(stubs, gw.address(), "wrong")
    assert refused.returncode == 1 and refused.stderr.startswith("UNAUTHENTICATED: "), refused.stderr


def test_without_a_server_the_status_is_unavailable(gateway, stubs, upstream):
    gw = gateway(configuration("grpc", public=0, _50051=str(upstream(listen=False))))
    assert call(stubs, gw.address()).stderr.startswith("UNAVAILABLE: ")

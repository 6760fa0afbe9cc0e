"""run, check, explain, version: what they print and how they end. 0 good, 1 the configuration or request is wrong, 2 usage."""
import re
import socket
import tempfile

import pytest

from support.gateway import proxy_to
from support.upstream import ok

GOOD = proxy_to("127.0.0.1:1", ["mark"], route={"id": "everything"})

BAD = """
    version: 1
    listeners:
      - {name: public, address: "127.0.0.1:0"}
    upstreams:
      users:
        balance: round_robbin
        targets: ["127.0.0.1:9001"]
    routes:
      - id: users
        match: {path: "/users/*"}
        upstream: user
        timeuot: 10s
      - id: bad-plugin
        match: {path: "/x"}
        upstream: users
        plugins:
          - mark: {respond: many}
    """


def test_a_good_configuration_is_0(postern):
    result = postern("check", config=GOOD)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_problem_is_told_at_once_with_its_place_and_the_nearest_name(postern):
    result = postern("check", config=BAD)
    told = result.stdout + result.stderr
    assert result.returncode == 1
    for place, words in {"gateway.yaml:6:14": ["round_robbin", "round_robin"], "gateway.yaml:11:15": ["user", "users"],
                         "gateway.yaml:12:5": ["timeuot", "timeout"], "gateway.yaml:17:25": ["respond", "integer"]}.items():
        line = next((line for line in told.splitlines() if place in line), None)
        assert line, f"nothing about {place} in:\n{told}"
        assert all(word in line for word in words), line


def test_conditions_paths_and_plugins_are_checked_in_one_go(postern):
    config = proxy_to("127.0.0.1:9", [{"respond": {"status": 200, "_": {"when": "request.path =="}}}, {"respond": {"status": "x"}}],
                      route={"match": {"path_regex": "(unclosed"}})
    result = postern("check", config=config)
    told = result.stdout + result.stderr
    assert result.returncode == 1
    assert all(word in told for word in ("_/when", "unclosed", "integer")), told


def test_run_refuses_what_check_refuses_and_starts_nothing(postern):
    result = postern("run", config=BAD)
    assert result.returncode == 1
    assert "gateway.yaml:6:14" in result.stdout + result.stderr and "listening" not in result.stdout


@pytest.mark.parametrize("text", ["", "[]", "a: [", "version: 2\n", "version: 1\nversion: 1\n", "\t- x", "&a [*a]", "\0", "x" * 100_000])
def test_broken_files_are_1_and_never_a_crash(postern, text):
    result = postern("check", "-c", "broken.yaml", files={"broken.yaml": text})
    assert result.returncode == 1 and result.stdout + result.stderr


def test_a_missing_file_is_1_and_named(postern):
    result = postern("check", "-c", "nowhere.yaml")
    assert result.returncode == 1 and "nowhere.yaml" in result.stdout + result.stderr


def test_a_variable_of_the_environment_that_is_not_set_is_told(postern):
    config = proxy_to("${BACKEND}")
    assert postern("check", config=config, env={"BACKEND": "127.0.0.1:9"}).returncode == 0
    result = postern("check", config=config)
    assert result.returncode == 1 and "BACKEND" in result.stdout + result.stderr


def test_an_address_that_is_taken_is_told(postern, upstream):
    taken = upstream(name="taken").address
    result = postern("run", config={**GOOD, "listeners": [{"name": "public", "address": taken}]})
    assert result.returncode == 1 and taken in result.stdout + result.stderr


@pytest.mark.parametrize("address", ["127.0.0.1:0", "unix:<dir>/public"])
def test_a_second_gateway_on_the_same_address_is_refused(gateway, postern, upstream, address):
    gw = gateway(proxy_to(upstream(ok("first")), listeners=[{"name": "public", "address": address}]))
    result = postern("run", config={**GOOD, "listeners": [{"name": "public", "address": gw.address()}]})
    assert result.returncode == 1
    assert f"listeners/public: listen on {gw.address()}: address already in use" in result.stderr
    assert "ready" not in result.stdout
    assert gw.get().text == "first"


def test_a_socket_file_that_nobody_listens_on_is_replaced(gateway, upstream):
    with tempfile.TemporaryDirectory(prefix="postern-") as folder, socket.socket(socket.AF_UNIX) as dead:
        dead.bind(f"{folder}/public")
        dead.close()  # the file stays
        gw = gateway(proxy_to(upstream(ok("next")), listeners=[{"name": "public", "address": f"unix:{folder}/public"}]))
        assert gw.get().text == "next"
        gw.terminate()
        assert gw.wait_exit() == 0


def test_explain_tells_the_route_and_the_chain(postern):
    result = postern("explain", "GET", "/a?b", config=GOOD)
    assert result.returncode == 0, result.stderr
    assert "everything" in result.stdout and "mark" in result.stdout


def test_explain_of_a_request_that_no_route_takes_is_1(postern):
    config = proxy_to("127.0.0.1:1", route={"match": {"path": "/a", "methods": ["POST"]}})
    assert postern("explain", "POST", "/a", config=config).returncode == 0
    assert postern("explain", "GET", "/b", config=config).returncode == 1
    assert postern("explain", "GET", "/a", config=config).returncode == 1


def test_explain_takes_headers(postern):
    config = proxy_to("127.0.0.1:1", route={"match": {"path": "/a", "headers": {"X-Tier": "gold"}}})
    assert postern("explain", "GET", "/a", "-H", "X-Tier: gold", config=config).returncode == 0
    assert postern("explain", "GET", "/a", config=config).returncode == 1


def test_version_is_one_line(postern):
    result = postern("version")
    assert result.returncode == 0 and re.search(r"\d+\.\d+\.\d+", result.stdout)


@pytest.mark.parametrize("arguments", [[], ["fly"], ["run", "--no-such-option"], ["explain", "GET"], ["check", "a", "b", "c"]])
def test_wrong_usage_is_2(postern, arguments):
    result = postern(*arguments)
    assert result.returncode == 2, result.stdout + result.stderr
    assert result.stdout + result.stderr

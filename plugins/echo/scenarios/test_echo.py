"""The echo stands in for an upstream: it says what arrived, with the status and the delay that the query asks for."""
import pytest

ECHO = {"routes": [{"id": "echo", "match": {"path": "/*"}, "plugins": [{"echo": {"instance": "b1", "max_body": "1k"}}]}]}


@pytest.mark.protocol
def test_it_tells_what_arrived(gateway):
    said = gateway(ECHO).get("/a/b?c=1", headers={"X-Y": "z"}).json()
    assert (said["instance"], said["method"], said["path"], said["query"]) == ("b1", "GET", "/a/b", "c=1")
    assert {name.lower(): value for name, value in said["headers"].items()}["x-y"] == "z"  # HTTP/2 has no upper case


@pytest.mark.protocol
def test_the_body_comes_back(gateway):
    assert gateway(ECHO).request("POST", "/", body=b"hello").json()["body"] == "hello"


def test_status_and_delay(gateway):
    assert gateway(ECHO).get("/?status=503&delay=30").status == 503


@pytest.mark.protocol
def test_a_body_over_the_limit_is_refused(gateway):
    assert gateway(ECHO).request("POST", "/", body=b"x" * 2000).status == 413

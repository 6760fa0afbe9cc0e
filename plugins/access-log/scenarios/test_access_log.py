"""One JSON line for each exchange, with secrets masked, also for what never reached an upstream."""
import json
import os

import pytest

from support.gateway import proxy_to

KEYS = {"timestamp", "level", "request_id", "correlation_id", "user_id", "method", "path", "query", "status", "duration_ms"}


def lines(gw, path):
    """Stopping the gateway writes what waits."""
    gw.stop()
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.protocol
def test_a_line_has_the_fields_and_no_secret(gateway, upstream, tmp_path):
    path = tmp_path / "access.log"
    log = {"access-log": {"file": str(path), "headers": ["Authorization"]}}
    gw = gateway(proxy_to(upstream(), plugins=["request-id", log]))
    gw.get("/a?x=1&token=hush", headers={"Authorization": "Bearer hush", "X-Request-ID": "r1"})
    (line,) = lines(gw, path)
    assert KEYS <= line.keys()
    assert (line["method"], line["path"], line["query"], line["status"]) == ("GET", "/a", "x=1&token=***", 200)
    assert line["request_id"] == "r1" and "hush" not in path.read_text()


def test_a_line_keeps_utf8(gateway, upstream, tmp_path):
    path = tmp_path / "access.log"
    gw = gateway(proxy_to(upstream(), plugins=[{"access-log": {"file": str(path), "headers": ["User-Agent"]}}]))
    with gw.client() as client:
        client.send("GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: café \u20ac\r\n\r\n".encode()).read_response()
        client.send(b"GET / HTTP/1.1\r\nHost: a\r\nUser-Agent: caf\xe9\r\n\r\n").read_response()
    told = [line["header.User-Agent"] for line in lines(gw, path)]
    assert told == ["café \u20ac", "caf\ufffd"]
    assert "café" in path.read_text()


@pytest.mark.protocol
def test_refusals_are_logged_too(gateway, tmp_path):
    path = tmp_path / "access.log"
    gw = gateway({"plugins": [{"access-log": {"file": str(path)}}], "routes": []})
    gw.get("/nowhere")
    (line,) = lines(gw, path)
    assert (line["status"], line["error"]) == (404, "NOT_FOUND")


def test_a_pipe_that_nobody_reads_holds_up_nothing(gateway, tmp_path):
    """Neither requests, nor a reload, nor the end; and what was lost is counted."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    log = {"access-log": {"file": str(pipe), "buffer": "64k"}}
    gw = gateway({"plugins": [log, {"metrics": {"path": "/metrics"}}], "routes": []})
    with gw.client() as client:
        for _ in range(60):
            assert client.request("GET", "/" + "x" * 4000).status == 404
    gw.reload()
    dropped = [line for line in gw.get("/metrics").text.splitlines() if line.startswith("postern_access_log_dropped_total{")]
    assert float(dropped[0].rsplit(" ", 1)[1]) > 0
    gw.stop()
    os.close(reader)


def test_variables_show_no_secrets(gateway, upstream, tmp_path):
    path = tmp_path / "access.log"
    names = ["request.header.authorization", "request.header.accept", "request.target", "request.cookie.session"]
    gw = gateway(proxy_to(upstream(), plugins=[{"access-log": {"file": str(path), "variables": names}}]))
    gw.get("/a?x=1&%74oken=hush", headers={"Authorization": "Bearer hush", "Accept": "text/plain", "Cookie": "session=hush"})
    (line,) = lines(gw, path)
    assert [line[name] for name in names] == ["***", "text/plain", "/a?x=1&%74oken=***", "***"]
    assert "hush" not in path.read_text()

"""One JSON line for each exchange, with secrets masked, also for what never reached an upstream (OB-14)."""
import json

from support.gateway import proxy_to

KEYS = {"timestamp", "level", "request_id", "correlation_id", "user_id", "method", "path", "query", "status", "duration_ms"}


def lines(gw, path):
    """Stopping the gateway writes what waits."""
    gw.stop()
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_has_the_fields_and_no_secret(gateway, upstream, tmp_path):
    path = tmp_path / "access.log"
    log = {"access-log": {"file": str(path), "headers": ["Authorization"]}}
    gw = gateway(proxy_to(upstream(), plugins=["request-id", log]))
    gw.get("/a?x=1&token=hush", headers={"Authorization": "Bearer hush", "X-Request-ID": "r1"})
    (line,) = lines(gw, path)
    assert KEYS <= line.keys()
    assert (line["method"], line["path"], line["query"], line["status"]) == ("GET", "/a", "x=1&token=***", 200)
    assert line["request_id"] == "r1" and "hush" not in path.read_text()


def test_refusals_are_logged_too(gateway, tmp_path):
    path = tmp_path / "access.log"
    gw = gateway({"plugins": [{"access-log": {"file": str(path)}}], "routes": []})
    gw.get("/nowhere")
    (line,) = lines(gw, path)
    assert (line["status"], line["error"]) == (404, "NOT_FOUND")

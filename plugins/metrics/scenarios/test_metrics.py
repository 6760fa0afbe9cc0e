"""Requests are counted by route, method and status, and the page shows them (OB-01, OB-02)."""
from support.gateway import proxy_to


def test_three_gets_are_three_on_the_page(gateway, upstream):
    gw = gateway(proxy_to(upstream(), plugins=[{"metrics": {"path": "/metrics"}}]))
    for _ in range(3):
        assert gw.get("/x").status == 200
    page = gw.get("/metrics")
    assert page.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    (line,) = [l for l in page.text.splitlines() if l.startswith("postern_requests_total{") and 'status="200"' in l]
    assert 'method="GET"' in line and line.endswith(" 3")
    assert "postern_request_duration_seconds_bucket{" in page.text


def test_the_page_stays_on_its_listener(gateway, upstream):
    gw = gateway(proxy_to(upstream(), plugins=[{"metrics": {"path": "/metrics", "listener": "elsewhere"}}]))
    assert "postern_requests_total" not in gw.get("/metrics").text

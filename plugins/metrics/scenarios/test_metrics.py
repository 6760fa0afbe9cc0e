"""Requests are counted by route, method and status, and the page shows them."""
import pytest

from support.gateway import proxy_to


@pytest.mark.protocol
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


def test_other_buckets_are_refused_until_a_restart(gateway, upstream):
    """The reload says so, instead of measuring nothing."""
    u = upstream()
    gw = gateway(proxy_to(u, plugins=[{"metrics": {"path": "/metrics", "buckets": [0.1, 1]}}]))
    gw.get("/x")
    assert "restart" in gw.reload_fails(proxy_to(u, plugins=[{"metrics": {"path": "/metrics", "buckets": [0.2, 1]}}]))
    gw.get("/x")
    (line,) = [l for l in gw.get("/metrics").text.splitlines() if l.startswith("postern_request_duration_seconds_count")]
    assert line.endswith(" 2")


def test_a_gateway_of_many_routes_has_a_series_for_each(gateway):
    """150 routes and 7 methods are more than the 1,000 series that a metric has by default."""
    routes = [{"id": f"r{i}", "match": {"path": f"/{i}/:code"}, "plugins": [{"respond": {"status": 200}}]} for i in range(150)]
    gw = gateway({"plugins": [{"metrics": {"path": "/metrics"}}], "routes": routes})
    with gw.client() as client:
        for i in range(150):
            for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
                client.request(method, f"/{i}/x")
    text = gw.get("/metrics").text
    assert 'postern_requests_total{route="other"' not in text
    assert text.count("postern_requests_total{") >= 150 * 7

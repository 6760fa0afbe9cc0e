"""Browsers of allowed origins get their permission from the gateway, before anything that could refuse them."""
import re

import pytest

from support.gateway import proxy_to
from support.upstream import ok

SHOP = "https://shop.example.com"
CORS = {"cors": {"allowed_origins": [SHOP, "https://*.shop.example.com"], "allowed_methods": ["GET", "PUT"], "allowed_headers": ["X-Token"],
                 "exposed_headers": ["X-Total"], "credentials": True, "max_age": "1h"}}
GUARD = {"respond": {"status": 401, "error": "UNAUTHORIZED", "body": "who are you?"}}
KEYS = {"key-auth": {"keys": [{"id": "shop", "sha256": "0" * 64}]}}


def preflight(gw, origin=SHOP, method="PUT", path="/"):
    return gw.request("OPTIONS", path, headers={"Origin": origin, "Access-Control-Request-Method": method})


def cors_headers(response):
    return {name.lower() for name, _ in response.headers if name.lower().startswith("access-control-")}


@pytest.mark.protocol
def test_a_preflight_is_answered_by_the_gateway_and_needs_no_token(gateway, upstream):
    response = preflight(gateway(proxy_to(upstream(never=True), [CORS, GUARD])))
    assert (response.status, response.text) == (204, "")
    assert response.headers.get("Content-Length") is None
    assert response.headers.get_all("Access-Control-Allow-Origin") == [SHOP]
    assert response.headers.get_all("Access-Control-Allow-Methods") == ["GET, PUT"]
    assert response.headers.get_all("Access-Control-Allow-Headers") == ["X-Token"]
    assert response.headers.get_all("Access-Control-Allow-Credentials") == ["true"]
    assert response.headers.get_all("Access-Control-Max-Age") == ["3600"]
    assert {name.strip() for name in response.headers["Vary"].split(",")} == {
        "Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"}


def test_by_default_everybody_may_read_but_nobody_with_credentials(gateway, upstream):
    gw = gateway(proxy_to(upstream(), ["cors"]))
    response = preflight(gw, "https://example.com", "POST")
    assert response.status == 204 and response.headers["Access-Control-Allow-Origin"] == "*"
    assert "POST" in response.headers["Access-Control-Allow-Methods"]
    response = gw.get(headers={"Origin": "https://example.com"})
    assert response.headers["Access-Control-Allow-Origin"] == "*"
    assert response.headers.get("Access-Control-Allow-Credentials") is None


def test_an_unlisted_origin_gets_no_permission_and_caches_are_told(gateway, upstream):
    u = upstream()
    gw = gateway(proxy_to(u, [CORS]))
    for origin in ("https://evil.example", "null", "https://shop.example.com.evil.example", "http://shop.example.com"):
        response = preflight(gw, origin)
        assert response.status == 204 and not cors_headers(response) and "Origin" in response.headers["Vary"]
        assert u.requests == []
    response = gw.get(headers={"Origin": "https://evil.example"})
    assert response.status == 200 and not cors_headers(response) and response.headers["Vary"] == "Origin"


def test_what_the_upstream_says_is_replaced_and_its_vary_kept(gateway, upstream):
    own = [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Methods", "DELETE"), ("Vary", "Accept-Encoding")]
    gw = gateway(proxy_to(upstream(ok("hi", headers=own)), [CORS]))
    response = gw.get(headers={"Origin": "https://a.shop.example.com"})
    assert response.headers.get_all("Access-Control-Allow-Origin") == ["https://a.shop.example.com"]
    assert cors_headers(response) == {"access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers"}
    assert response.headers.get_all("Vary") == ["Accept-Encoding", "Origin"]


@pytest.mark.protocol
def test_refusals_and_failures_can_be_read_by_the_page(gateway, upstream):
    refused = gateway(proxy_to(upstream(never=True), [CORS, GUARD])).get(headers={"Origin": SHOP})
    failed = gateway(proxy_to(upstream(listen=False), [CORS])).get(headers={"Origin": SHOP})
    unrouted = gateway({"plugins": [CORS], "routes": []}).get(headers={"Origin": SHOP})
    for response, status in ((refused, 401), (failed, 502), (unrouted, 404)):
        assert response.status == status
        assert response.headers.get_all("Access-Control-Allow-Origin") == [SHOP]
        assert "Origin" in response.headers["Vary"]


def test_with_key_auth_a_preflight_needs_no_key_and_a_401_can_be_read(gateway, upstream):
    gw = gateway(proxy_to(upstream(never=True), [CORS, KEYS]))
    assert preflight(gw).status == 204
    response = gw.get(headers={"Origin": SHOP})
    assert response.status == 401
    assert response.headers.get_all("Access-Control-Allow-Origin") == [SHOP]


def test_below_key_auth_it_is_refused(postern):
    result = postern("check", config=proxy_to("127.0.0.1:9", [KEYS, CORS]))
    assert result.returncode == 1
    assert '"cors" must stand before "key-auth"' in result.stderr and 'Move "cors" above "key-auth"' in result.stderr


def test_gateway_wide_it_answers_for_routes_that_do_not_take_options(gateway, upstream):
    gw = gateway(proxy_to(upstream(never=True), route={"match": {"path": "/*", "methods": ["GET", "PUT"]}}, plugins=[]) | {"plugins": [CORS]})
    assert preflight(gw).status == 204
    assert gw.request("OPTIONS", "/", headers={"Origin": SHOP}).status == 405


def test_origins_may_differ_by_route(gateway, upstream):
    routes = [{"id": name, "match": {"path": f"/{name}"}, "plugins": [{"cors": {"allowed_origins": [f"https://{name}.example"]}}, "respond"]}
              for name in ("a", "b")]
    gw = gateway({"routes": routes})
    assert preflight(gw, "https://a.example", path="/a").headers["Access-Control-Allow-Origin"] == "https://a.example"
    assert preflight(gw, "https://a.example", path="/b").headers.get("Access-Control-Allow-Origin") is None


def test_credentials_for_everybody_are_refused_where_they_stand(postern):
    result = postern("check", config="""
        routes:
          - id: all
            match: {path: "/*"}
            plugins:
              - cors:
                  credentials: true
              - respond
        """)
    assert result.returncode == 1
    assert re.search(r"gateway\.yaml:6:\d+.*credentials cannot go with allowed_origins", result.stderr), result.stderr


def test_methods_are_checked(postern):
    result = postern("check", config={"routes": [{"id": "a", "match": {"path": "/*"}, "plugins": [{"cors": {"allowed_methods": ["get"]}}]}]})
    assert result.returncode == 1 and "allowed_methods" in result.stderr

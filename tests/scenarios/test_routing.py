"""From a request to its route: paths, parameters, hosts, methods, conditions, and what happens to the path on the way."""
import pytest

from support.upstream import ok



def routed(gateway, upstream, routes, **top):
    """A gateway whose upstream answers with the target that it saw. Each route is a dict without id and upstream."""
    u = upstream(lambda exchange: ok(exchange.request.target))
    config = {"upstreams": {"u": {"targets": [str(u)]}},
              "routes": [{"id": f"r{i}", "upstream": "u", "rewrite": {"path": f"/r{i}"}, **route}
                         for i, route in enumerate(routes)], **top}
    return gateway(config)


def matches(*patterns):
    return [{"match": pattern if isinstance(pattern, dict) else {"path": pattern}} for pattern in patterns]


@pytest.mark.parametrize("path, route", [
    ("/users", "/r0"), ("/users/7", "/r1"), ("/users/me", "/r2"), ("/users/7/posts", "/r3"), ("/users/7/posts/9", "/r4"),
    ("/static/css/site.css", "/r5"), ("/other", "/r6"), ("/", "/r6"), ("/users/", "/r6"),
])
def test_the_most_exact_path_wins_whatever_the_written_order(gateway, upstream, path, route):
    gw = routed(gateway, upstream, matches("/users", "/users/{id}", "/users/me", "/users/:id/posts", "/users/{id}/*", "/static/*",
                                           "/*"))
    assert gw.get(path).text == route


def test_no_route_is_404_and_a_route_for_other_methods_is_405_with_allow(gateway, upstream):
    gw = routed(gateway, upstream, [{"match": {"path": "/a", "methods": ["GET", "PUT"]}},
                                    {"match": {"path": "/a", "methods": ["POST"]}}])
    missing = gw.get("/b")
    assert (missing.status, missing.error_code) == (404, "NOT_FOUND")
    wrong = gw.request("DELETE", "/a")
    assert (wrong.status, wrong.error_code) == (405, "METHOD_NOT_ALLOWED")
    assert {"GET", "POST", "PUT"} <= set(wrong.headers["Allow"].replace(" ", "").split(","))
    assert gw.post("/a").text == "/r1"


def test_a_405_does_not_hide_a_wider_route_that_takes_the_method(gateway, upstream):
    gw = routed(gateway, upstream, [{"match": {"path": "/a", "methods": ["POST"]}}, {"match": {"path": "/*"}}])
    assert gw.get("/a").text == "/r1"


@pytest.mark.parametrize("host, route", [
    ("api.example.com", "/r0"), ("API.Example.COM", "/r0"), ("api.example.com:8080", "/r0"), ("x.example.com", "/r1"),
    ("a.b.example.com", "/r1"), ("example.com", "/r2"), ("other.org", "/r2"),
])
def test_hosts_are_exact_then_wildcard_then_any(gateway, upstream, host, route):
    gw = routed(gateway, upstream, matches({"host": "api.example.com"}, {"host": "*.example.com"}, {"path": "/*"}))
    assert gw.get("/", host=host).text == route


def test_headers_query_parameters_and_cookies_choose_between_equal_paths(gateway, upstream):
    gw = routed(gateway, upstream, matches(
        {"path": "/x", "headers": {"X-Version": {"prefix": "2."}}},
        {"path": "/x", "query": {"beta": {"present": True}}},
        {"path": "/x", "cookies": {"group": "b"}},
        {"path": "/x", "headers": {"User-Agent": {"regex": "^curl/[0-9]+"}}},
        {"path": "/x"}))
    assert gw.get("/x", headers={"X-Version": "2.1"}).text == "/r0"
    assert gw.get("/x?a=1&beta").text == "/r1?a=1&beta"
    assert gw.get("/x", headers={"Cookie": "a=1; group=b"}).text == "/r2"
    assert gw.get("/x", headers={"User-Agent": "curl/8.0"}).text == "/r3"
    assert gw.get("/x", headers={"X-Version": "1.0", "Cookie": "group=a"}).text == "/r4"


def test_a_plus_in_a_query_is_a_space_and_in_a_path_a_plus(gateway, upstream):
    gw = routed(gateway, upstream, matches({"path": "/a+b"}, {"path": "/x", "query": {"full name": "a b"}}, {"path": "/x"}))
    assert gw.get("/a+b").text == "/r0"
    assert gw.get("/x?full+name=a+b").text == "/r1?full+name=a+b"
    assert gw.get("/x?full%20name=a%20b").text == "/r1?full%20name=a%20b"
    assert gw.get("/x?full+name=a%2Bb").text == "/r2?full+name=a%2Bb"


def test_a_condition_may_be_negated(gateway, upstream):
    gw = routed(gateway, upstream, matches({"path": "/x", "headers": {"X-Internal": {"present": True, "not": True}}}, {"path": "/x"}))
    assert gw.get("/x").text == "/r0"
    assert gw.get("/x", headers={"X-Internal": "1"}).text == "/r1"


def test_a_regular_expression_is_the_last_resort(gateway, upstream):
    gw = routed(gateway, upstream, matches({"path_regex": "^/v[0-9]+/.*$"}, "/v1/users"))
    assert gw.get("/v1/users").text == "/r1"
    assert gw.get("/v2/users").text == "/r0"
    assert gw.get("/vx/users").status == 404


def test_a_route_may_belong_to_one_listener(gateway, upstream):
    gw = routed(gateway, upstream, matches({"path": "/*", "listener": "inner"}, {"path": "/*"}),
                listeners=[{"name": "public", "address": "127.0.0.1:0"}, {"name": "inner", "address": "127.0.0.1:0"}])
    assert gw.get("/").text == "/r1"
    assert gw.get("/", listener="inner").text == "/r0"


def test_one_route_may_have_many_paths(gateway, upstream):
    gw = routed(gateway, upstream, matches({"path": ["/a", "/b/*"]}))
    assert gw.get("/a").text == gw.get("/b/c").text == "/r0"


@pytest.mark.parametrize("route, sent, seen", [
    ({"match": {"path": "/api/*"}, "strip_prefix": "/api"}, "/api/users/7?x=%2F&y", "/users/7?x=%2F&y"),
    ({"match": {"path": "/api/*"}, "strip_prefix": "/api"}, "/api", "/"),
    ({"match": {"path": "/api/*"}, "strip_prefix": "/api"}, "/api/", "/"),
    ({"match": {"path": "/u/{id}/{what}"}, "rewrite": {"path": "/people/${path.id}/all/${path.what}"}}, "/u/7/posts?q=1",
     "/people/7/all/posts?q=1"),
    ({"match": {"path": "/*"}, "rewrite": {"regex": "^/old/(.*)$", "replacement": "/new/$1"}}, "/old/a/b?c", "/new/a/b?c"),
    ({"match": {"path": "/*"}, "rewrite": {"regex": "^/old/(.*)$", "replacement": "/new/$1"}}, "/other", "/other"),
    ({"match": {"path": "/*"}}, "/plain%20path?a=b", "/plain%20path?a=b"),
])
def test_what_the_upstream_sees_of_the_path(gateway, upstream, route, sent, seen):
    u = upstream()
    gw = gateway({"upstreams": {"u": {"targets": [str(u)]}}, "routes": [{"id": "r", "upstream": "u", **route}]})
    assert gw.get(sent).status == 200
    assert u.last.target == seen


@pytest.mark.parametrize("sent, seen", [
    ("/a//b", "/a/b"), ("/a/./b", "/a/b"), ("/a/x/../b", "/a/b"), ("/a/%2e%2e/b", "/b"), ("/%61/b", "/a/b"), ("/a%2fb", "/a%2Fb"),
    ("/a/b?../%2e//", "/a/b?../%2e//"), ("/caf%c3%a9", "/caf%C3%A9"),
])
def test_paths_are_normalised_once_for_router_and_upstream(gateway, upstream, sent, seen):
    u = upstream()
    gw = gateway({"upstreams": {"u": {"targets": [str(u)]}}, "routes": [{"id": "r", "upstream": "u", "match": {"path": "/*"}}]})
    assert gw.get(sent).status == 200
    assert u.last.target == seen


def test_an_escaped_slash_does_not_leave_its_segment(gateway, upstream):
    gw = routed(gateway, upstream, matches("/files/{name}", "/files/{name}/secret"))
    assert gw.get("/files/a%2Fsecret").text == "/r0"
    assert gw.get("/files/x/../a/secret").text == "/r1"


def test_a_route_may_be_answered_by_a_plugin_alone(gateway):
    response = gateway({"routes": [{"id": "r", "match": {"path": "/*"}, "plugins": [{"mark": {"respond": 418}}]}]}).get()
    assert (response.status, response.text) == (418, "mark")

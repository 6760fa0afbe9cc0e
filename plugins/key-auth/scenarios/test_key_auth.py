"""Who brings a good API key gets in, is named, and the upstream never sees the key."""
import hashlib

import pytest

from support.gateway import proxy_to

KEY, OTHER = "alice+key/1", "k-bob-777"
ENCODED = KEY.replace("+", "%2B")  # in a query
EVERYWHERE = [{"header": "X-API-Key"}, {"query": "api_key"}, {"cookie": "key"}]


def digest(key):
    return hashlib.sha256(key.encode()).hexdigest()


def key_auth(**config):
    keys = [{"id": "alice", "sha256": digest(KEY), "tier": "gold"}, {"id": "bob", "sha256": digest(OTHER).upper()}]
    return {"key-auth": {"keys": keys, **config}}


@pytest.mark.protocol
def test_the_curl_line_of_the_source(gateway, upstream):
    u = upstream()
    gw = gateway(proxy_to(u, [key_auth()]))
    assert gw.get(headers={"X-API-Key": KEY}).status == 200
    assert "X-API-Key" not in u.last.headers and KEY.encode() not in u.last.raw
    assert gw.get(headers={"x-api-key": OTHER}).status == 200


@pytest.mark.parametrize("target, headers, seen", [
    ("/a?x=1", {"X-API-Key": KEY}, "/a?x=1"),
    ("/a?api_key=alice%2Bkey/1&x=1", {}, "/a?x=1"),
    ("/a?x=1&api_key=" + ENCODED, {}, "/a?x=1"),
    ("/a?api_key=" + ENCODED, {}, "/a"),
    ("/a", {"Cookie": f"theme=dark; key={KEY}; lang=en"}, "/a"),
])
def test_the_three_places_work_and_are_hidden(gateway, upstream, target, headers, seen):
    u = upstream()
    gw = gateway(proxy_to(u, [key_auth(**{"from": EVERYWHERE})]))
    assert gw.get(target, headers=headers).status == 200
    assert u.last.target == seen
    assert "key" not in str(u.last.headers.get("Cookie", "")) and "X-API-Key" not in u.last.headers
    if "Cookie" in headers:
        assert u.last.headers["Cookie"] == "theme=dark; lang=en"


def test_a_plus_in_a_query_is_a_space(gateway, upstream):
    spaced = {"id": "carol", "sha256": digest("carol key")}
    gw = gateway(proxy_to(upstream(), [{"key-auth": {"keys": [spaced, {"id": "alice", "sha256": digest(KEY)}], "from": EVERYWHERE}}]))
    assert gw.get("/a?api_key=carol+key").status == gw.get("/a?api_key=carol%20key").status == 200
    assert gw.get("/a?api_key=" + KEY).status == 401
    assert gw.get("/a?api+key=carol+key").status == 401  # another parameter


@pytest.mark.protocol
def test_refusals_say_why_and_how_to_authenticate(gateway, upstream):
    gw = gateway(proxy_to(upstream(never=True), ["request-id", key_auth(realm="orders")]))
    without, wrong = gw.get(), gw.get(headers={"X-API-Key": "nope"})
    for response, code in ((without, "UNAUTHORIZED"), (wrong, "AUTH_FAILED")):
        assert response.status == 401 and response.json()["error"]["code"] == code
        assert response.headers["WWW-Authenticate"] == 'ApiKey realm="orders"'
        assert response.json()["error"]["request_id"] == response.headers["X-Request-ID"]


@pytest.mark.protocol
def test_two_keys_are_never_first_wins(gateway, upstream):
    gw = gateway(proxy_to(upstream(never=True), [key_auth(**{"from": EVERYWHERE})]))
    for target, headers in [("/", [("X-API-Key", KEY), ("X-API-Key", "nope")]),
                            ("/", [("X-API-Key", KEY), ("x-api-key", KEY)]),
                            (f"/?api_key={KEY}", [("X-API-Key", "nope")]),
                            (f"/?api_key={KEY}&api_key={KEY}", []),
                            ("/", [("Cookie", f"key={KEY}; key=nope")])]:
        response = gw.get(target, headers=headers)
        assert (response.status, response.json()["error"]["code"]) == (400, "BAD_REQUEST")


def test_optional_lets_the_anonymous_pass_but_no_wrong_key(gateway, upstream):
    u = upstream()
    gw = gateway(proxy_to(u, [key_auth(optional=True)]))
    assert gw.get().status == 200
    assert gw.get(headers={"X-API-Key": "nope"}).status == 401
    assert len(u.requests) == 1


def test_later_plugins_and_logs_know_the_consumer_and_nobody_sees_the_key(gateway, postern):
    chain = ["access-log", key_auth(**{"from": [{"header": "X-Secret-Key"}, {"query": "k"}]}),
             {"respond": {"body": "${consumer.id} ${consumer.tier}"}}]
    config = {"routes": [{"id": "r", "match": {"path": "/*"}, "plugins": chain}]}
    gw = gateway(config)
    assert gw.get(headers={"X-Secret-Key": KEY}).text == "alice gold"
    assert gw.get("/?k=" + OTHER).text == "bob "
    assert gw.get("/?k=" + KEY + "x").status == 401
    assert gw.get("/?k=" + KEY, headers={"X-Secret-Key": KEY}).status == 400
    gw.wait_log('"auth_failure"', count=2)
    gw.wait_for(lambda: sum('"status":' in line for line in gw.output) == 4, "four lines of the access log")
    assert '"user_id":"alice"' in gw.said()
    explained = postern("explain", "GET", "http://x/", config=config)
    for text in (gw.said(), explained.stdout + explained.stderr):
        assert KEY not in text and OTHER not in text and digest(KEY) not in text


def test_a_reload_takes_keys_in_and_out(gateway, upstream):
    u = upstream()

    def with_key(key):
        return proxy_to(u, [{"key-auth": {"keys": [{"id": "alice", "sha256": digest(key)}]}}])
    gw = gateway(with_key(KEY))
    with gw.client() as client:
        assert client.get(headers={"X-API-Key": KEY}).status == 200
        gw.reload(with_key(OTHER))
        assert client.get(headers={"X-API-Key": KEY}).status == 401
        assert client.get(headers={"X-API-Key": OTHER}).status == 200


def test_failures_are_counted_by_reason(gateway, upstream):
    gw = gateway(proxy_to(upstream(), [{"metrics": {"path": "/metrics"}}, key_auth()]))
    gw.get()
    gw.get(headers={"X-API-Key": "nope"})
    gw.get(headers={"X-API-Key": "nope"})
    page = gw.metrics()
    assert page.value("auth_failures_total", plugin="key-auth", reason="missing") == 1
    assert page.value("auth_failures_total", plugin="key-auth", reason="wrong") == 2


@pytest.mark.parametrize("keys, why", [
    ([{"id": "a", "sha256": KEY}], "sha256"),
    ([{"id": "a", "sha256": digest(KEY)}, {"id": "a", "sha256": digest(OTHER)}], 'another key has the id "a" too'),
    ([{"id": "a", "sha256": digest(KEY)}, {"id": "b", "sha256": digest(KEY)}], '"a" has the same key'),
    ([{"id": "a", "key": KEY}], "key"),
    ([], "keys"),
])
def test_a_bad_list_of_keys_is_refused_where_it_stands_without_showing_it(postern, keys, why):
    result = postern("check", config=proxy_to("127.0.0.1:1", [{"key-auth": {"keys": keys}}]))
    assert result.returncode == 1
    assert why in result.stderr and "gateway.yaml:" in result.stderr
    assert KEY not in result.stderr and digest(KEY) not in result.stderr


def test_in_shadow_mode_nobody_is_told_as_refused_who_was_not(gateway, upstream):
    """F22: the line and the counter said that a request had been refused."""
    config = key_auth()
    config["key-auth"]["_"] = {"mode": "shadow"}
    gw = gateway({**proxy_to(upstream(), [config]), "plugins": [{"metrics": {"path": "/metrics"}}]})
    assert gw.get(headers={"X-API-Key": "wrong"}).status == 200
    assert gw.wait_log("would be refused")["mode"] == "shadow"
    metrics = gw.metrics()
    assert metrics.value("auth_failures_total") == 0
    assert metrics.value("postern_plugin_shadowed_total", plugin="key-auth") == 1

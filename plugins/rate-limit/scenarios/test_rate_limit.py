"""So many requests in so much time, then 429; shared by workers, kept over reloads."""
import hashlib
import threading
import time

import pytest

from support.gateway import proxy_to


def limited(upstream, *plugins, **config):
    return proxy_to(upstream, [*plugins, {"rate-limit": config}])


def statuses(gw, count, target="/", **how):
    with gw.client() as client:
        return [client.get(target, **how).status for _ in range(count)]


def key_auth():
    keys = [{"id": name, "sha256": hashlib.sha256(name.encode()).hexdigest()} for name in ("alice", "bob")]
    return {"key-auth": {"keys": keys, "optional": True}}


@pytest.mark.protocol
@pytest.mark.parametrize("config", [
    {"requests_per_hour": 3600, "burst_size": 10},
    {"limit": 10, "window": "1h"},
    {"requests": 10, "window": "1h", "algorithm": "sliding_window"},
    {"limit": 10, "window": "1h", "algorithm": "sliding_counter"},
])
def test_over_the_limit_is_429_and_the_upstream_never_sees_it(gateway, upstream, config):
    u = upstream()
    got = statuses(gateway(limited(u, **config)), 12)
    if "burst_size" in config:  # one a second comes back while the test runs
        assert got[:10] == [200] * 10 and len(u.requests) == got.count(200)
    else:
        assert got[:10] == [200] * 10 and got[10:] == [429] * 2 and len(u.requests) == 10


@pytest.mark.protocol
def test_headers_and_body_of_the_source(gateway, upstream):
    gw = gateway(limited(upstream(), limit=1000, window="1h"))
    now = time.time()
    response = gw.get()
    assert (response.headers["X-RateLimit-Limit"], response.headers["X-RateLimit-Remaining"]) == ("1000", "999")
    assert now < int(response.headers["X-RateLimit-Reset"]) < now + 3600
    gw.reload(limited(upstream(), limit=1, window="60s", algorithm="sliding_window"))
    gw.get()
    refused = gw.get()
    error = refused.json()["error"]
    assert refused.status == 429
    assert (error["code"], error["message"]) == ("RATE_LIMITED", "Too many requests")
    assert int(refused.headers["Retry-After"]) == error["retry_after"] and 1 <= error["retry_after"] <= 60
    assert refused.headers["X-RateLimit-Remaining"] == "0" and refused.headers["X-RateLimit-Limit"] == "1"


def at_once(gw, clients, requests, **how):
    """The statuses that so many clients get that ask all at the same time."""
    got = []
    threads = [threading.Thread(target=lambda: got.extend(gw.get(**how).status for _ in range(requests))) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return got


@pytest.mark.parametrize("algorithm", ["token_bucket", "sliding_window", "sliding_counter"])
def test_workers_share_the_count_exactly(gateway, upstream, algorithm):
    gw = gateway(limited(upstream(), limit=50, window="1d", by="global", algorithm=algorithm) | {"workers": 4})
    got = at_once(gw, 16, 5)
    assert got.count(200) == 50 and got.count(429) == 30


@pytest.mark.parametrize("algorithm", ["token_bucket", "sliding_window", "sliding_counter"])
def test_of_stacked_limits_a_refused_request_takes_nothing(gateway, upstream, algorithm):
    rules = [{"by": "global", "limit": 30, "window": "1d", "algorithm": algorithm},
             {"by": {"header": "X-Tenant"}, "limit": 20, "window": "1d", "algorithm": algorithm}]
    gw = gateway(limited(upstream(), limits=rules) | {"workers": 4})
    assert at_once(gw, 16, 5, headers={"X-Tenant": "a"}).count(200) == 20
    assert at_once(gw, 16, 5, headers={"X-Tenant": "b"}).count(200) == 10


def test_counts_outlive_a_reload_and_a_changed_limit(gateway, upstream):
    u = upstream()
    for algorithm in ("token_bucket", "sliding_window"):
        gw = gateway(limited(u, limit=3, window="1d", algorithm=algorithm))
        assert statuses(gw, 4) == [200, 200, 200, 429]
        gw.reload(limited(u, limit=3, window="1d", algorithm=algorithm))
        assert statuses(gw, 1) == [429]
        gw.reload(limited(u, limit=5, window="1d", algorithm=algorithm))
        assert statuses(gw, 3) == [200, 200, 429]


def test_two_users_on_one_address_have_buckets_of_their_own_and_one_of_the_address(gateway, upstream):
    rules = [{"dimension": "user", "limit": 3, "window": "1d"}, {"dimension": "ip", "limit": 5, "window": "1d"}]
    gw = gateway(limited(upstream(), {"metrics": {"path": "/metrics"}}, key_auth(), rate_limits=rules))
    assert statuses(gw, 4, headers={"X-API-Key": "alice"}) == [200, 200, 200, 429]
    assert statuses(gw, 3, headers={"X-API-Key": "bob"}) == [200, 200, 429]  # alice's fourth took nothing from the address
    page = gw.metrics()
    assert page.value("ratelimit_hits_total", route="all", dimension="ip") == 7
    assert page.value("ratelimit_rejected_total", route="all", dimension="consumer") == 1
    assert page.value("ratelimit_rejected_total", route="all", dimension="ip") == 1
    gw.wait_log('"rate_limited"')


def test_routes_have_limits_of_their_own(gateway, upstream):
    u = str(upstream())

    def route(name, limit):
        return {"id": name, "match": {"path": f"/{name}"}, "upstream": "backend",
                "plugins": [{"rate-limit": {"requests": limit, "window": "1d"}}]}
    gw = gateway({"upstreams": {"backend": {"targets": [u]}}, "routes": [route("a", 1), route("b", 2)]})
    assert statuses(gw, 3, "/a") == [200, 429, 429]
    assert statuses(gw, 3, "/b") == [200, 200, 429]


def test_a_gateway_wide_limit_counts_by_route_and_what_no_route_takes(gateway, upstream):
    config = {"upstreams": {"backend": {"targets": [str(upstream())]}},
              "plugins": [{"metrics": {"path": "/metrics"}}, {"rate-limit": {"limit": 2, "window": "1d", "by": "route"}}],
              "routes": [{"id": name, "match": {"path": f"/{name}"}, "upstream": "backend"} for name in "ab"]}
    gw = gateway(config)
    assert statuses(gw, 3, "/a") == [200, 200, 429]
    assert statuses(gw, 3, "/b") == [200, 200, 429]
    assert statuses(gw, 3, "/nowhere") == [404, 404, 429]
    assert gw.metrics().value("ratelimit_rejected_total", route="b", dimension="route") == 1


def test_ipv6_addresses_count_by_their_prefix(gateway, upstream):
    gw = gateway(limited(upstream(), limit=2, window="1d") | {"trusted_proxies": ["127.0.0.1"]})

    def ask(address):
        return gw.get(headers={"X-Forwarded-For": address}).status
    assert [ask("2001:db8::1"), ask("2001:db8::2:3"), ask("2001:db8::4")] == [200, 200, 429]
    assert ask("2001:db8:0:1::1") == 200
    assert [ask("192.0.2.1"), ask("192.0.2.1"), ask("192.0.2.1"), ask("192.0.2.2")] == [200, 200, 429, 200]


def test_a_header_left_out_gains_nothing(gateway, upstream):
    gw = gateway(limited(upstream(), limit=1, window="1d", by={"header": "X-Tenant"}))
    assert statuses(gw, 2, headers={"X-Tenant": "a"}) == [200, 429]
    assert statuses(gw, 2) == [200, 429]
    assert statuses(gw, 2, headers={"X-Tenant": "b" * 3000}) == [200, 429]
    assert statuses(gw, 1, headers={"X-Tenant": "c" * 3000}) == [429]


def test_counting_by_consumer_needs_somebody_who_says_who_it_is(postern):
    result = postern("check", config=limited("127.0.0.1:1", limit=1, window="1s", by="consumer"))
    assert result.returncode == 1 and "consumer.id" in result.stderr
    wrong_order = proxy_to("127.0.0.1:1", [{"rate-limit": {"limit": 1, "window": "1s", "by": "user"}}, key_auth()])
    result = postern("check", config=wrong_order)
    assert result.returncode == 1 and 'Move "key-auth" above it' in result.stderr


@pytest.mark.parametrize("config, why", [
    ({}, "needs a rate"),
    ({"limit": 0, "window": "1s"}, "limit"),
    ({"limit": 1}, "needs a window"),
    ({"limit": 1, "window": "60"}, "window"),
    ({"limit": 1, "window": "60s", "by": "adress"}, "by"),
    ({"limit": 1, "window": "60s", "algorithm": "leaky"}, "algorithm"),
    ({"limits": [{"limit": 1, "window": "60s", "headers": False}]}, "headers"),
    ({"limit": 20000, "window": "60s", "algorithm": "sliding_window"}, "sliding_counter"),
])
def test_nonsense_is_refused_where_it_stands(postern, config, why):
    result = postern("check", config=limited("127.0.0.1:1", **config))
    assert result.returncode == 1 and why in result.stderr and "gateway.yaml:" in result.stderr


def test_in_shadow_mode_nothing_is_told_as_refused_that_was_not(gateway, upstream):
    """F22: the line and the counter said that a request had been refused."""
    shadowed = {"rate-limit": {"limit": 1, "window": "1h", "_": {"mode": "shadow"}}}
    gw = gateway({**proxy_to(upstream(), [shadowed]), "plugins": [{"metrics": {"path": "/metrics"}}]})
    assert statuses(gw, 3) == [200] * 3
    assert gw.wait_log("would be refused")["mode"] == "shadow"
    metrics = gw.metrics()
    assert metrics.value("ratelimit_rejected_total") == 0
    assert metrics.value("postern_plugin_shadowed_total", plugin="rate-limit") == 2

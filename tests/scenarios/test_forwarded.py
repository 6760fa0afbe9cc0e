"""Who the client is: X-Forwarded-* is believed from trusted proxies only."""
from urllib.parse import unquote

import pytest

from support.gateway import proxy_to


def seen(gateway, upstream, headers, **top):
    """What the upstream is told; its path is the client's address as the gateway sees it."""
    u = upstream()
    gw = gateway(proxy_to(u, route={"rewrite": {"path": "/${client.ip}"}}, **top))
    assert gw.get(headers=headers, host="shop.example.com").status == 200
    told = {name: u.last.headers.get_all(name) for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host")}
    return u.last.target, told


def test_the_gateway_says_who_asked(gateway, upstream):
    assert seen(gateway, upstream, {}) == ("/127.0.0.1", {
        "X-Forwarded-For": ["127.0.0.1"], "X-Forwarded-Proto": ["http"], "X-Forwarded-Host": ["shop.example.com"]})


def test_what_an_untrusted_client_claims_is_dropped(gateway, upstream):
    claims = [("X-Forwarded-For", "198.51.100.1"), ("x-forwarded-for", "198.51.100.2"), ("X-Forwarded-Proto", "https"),
              ("X-Forwarded-Host", "evil.example")]
    assert seen(gateway, upstream, claims) == ("/127.0.0.1", {
        "X-Forwarded-For": ["127.0.0.1"], "X-Forwarded-Proto": ["http"], "X-Forwarded-Host": ["shop.example.com"]})


@pytest.mark.parametrize("name", ["X_Forwarded_For", "X-Forwarded-Prefix", "x-forwarded-scheme", "X-Real-IP", "True-Client-IP",
                                  "Forwarded"])
def test_other_names_for_such_claims_are_dropped_too(gateway, upstream, name):
    u = upstream()
    gateway(proxy_to(u)).get(headers={name: "198.51.100.1"})
    assert name not in u.last.headers


@pytest.mark.parametrize("chain, client", [
    ("198.51.100.1", "198.51.100.1"),
    ("203.0.113.9, 198.51.100.1", "198.51.100.1"),           # the first is a claim of an untrusted client
    ("203.0.113.9, 198.51.100.1, 10.0.0.7", "198.51.100.1"),  # 10.0.0.7 is one of ours
    ("10.0.0.8, 10.0.0.7", "10.0.0.8"),                       # all of them ours: the farthest
    ("2001:db8::1", "2001:db8::1"),
])
def test_behind_trusted_proxies_the_client_is_the_last_one_not_trusted(gateway, upstream, chain, client):
    target, told = seen(gateway, upstream, {"X-Forwarded-For": chain}, trusted_proxies=["127.0.0.1", "10.0.0.0/8"])
    assert unquote(target) == "/" + client
    assert ", ".join(told["X-Forwarded-For"]) == chain + ", 127.0.0.1"


def test_a_trusted_proxys_word_on_scheme_and_host_passes(gateway, upstream):
    _, told = seen(gateway, upstream, {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "outer.example"},
                   trusted_proxies=["127.0.0.0/8"])
    assert told["X-Forwarded-Proto"] == ["https"] and told["X-Forwarded-Host"] == ["outer.example"]


@pytest.mark.parametrize("nonsense", ["", ",", "unknown", "198.51.100.1, <script>", "999.1.1.1", "a" * 5000])
def test_nonsense_from_a_trusted_proxy_does_no_harm(gateway, upstream, nonsense):
    target, _ = seen(gateway, upstream, {"X-Forwarded-For": nonsense}, trusted_proxies=["127.0.0.1"])
    assert target == "/127.0.0.1"

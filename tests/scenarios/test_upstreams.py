"""Balancers, pools, and what happens when an upstream is slow, full or gone."""
import threading
from collections import Counter

import pytest

from support.gateway import proxy_to
from support.long_run import long_run
from support.upstream import Raw, ok


def balanced(gateway, upstreams, balance, **more):
    weights = more.pop("weights", [1] * len(upstreams))
    targets = [{"address": str(u), "weight": weight} for u, weight in zip(upstreams, weights)]
    top = more.pop("top", {})
    return gateway(proxy_to({"targets": targets, "balance": balance, **more}, **top))


def names(upstream, count):
    """That many upstreams which answer with their number."""
    return [upstream(ok(str(i)), name=f"u{i}") for i in range(count)]


def ask(gw, count, headers=lambda i: ()):
    """Who answered each of `count` requests on one connection, sent in batches."""
    answers = []
    with gw.client() as client:
        for start in range(0, count, 20):
            batch = range(start, min(start + 20, count))
            for i in batch:
                client.send_request(headers=headers(i))
            answers += [client.read_response().text for _ in batch]
    return answers


def test_round_robin_gives_everybody_the_same(gateway, upstream):
    gw = balanced(gateway, names(upstream, 3), "round_robin")
    assert Counter(ask(gw, 300)) == {"0": 100, "1": 100, "2": 100}


def test_weighted_round_robin_keeps_the_weights_without_bursts(gateway, upstream):
    gw = balanced(gateway, names(upstream, 2), "weighted_round_robin", weights=[1, 2])
    answers = ask(gw, 300)
    assert Counter(answers) == {"0": 100, "1": 200}
    assert "111" not in "".join(answers)


@pytest.mark.soak
def test_random_is_even(gateway, upstream):
    each = long_run(1000)
    answers = Counter(ask(balanced(gateway, names(upstream, 3), "random"), 3 * each))
    chi_square = sum((count - each) ** 2 / each for count in answers.values())
    assert len(answers) == 3 and chi_square < 24  # 2 degrees of freedom: exceeded once in 160,000 runs


def test_least_connections_avoids_the_busy_one(gateway, upstream):
    go = threading.Event()

    def wait_once(exchange):
        if exchange.index == 0 and exchange.request.target == "/slow":
            exchange.wait(go)
        return ok(str(exchange.request.target))

    upstreams = [upstream(wait_once) for _ in range(2)]
    gw = balanced(gateway, upstreams, "least_connections")
    with gw.client() as slow:
        slow.send_request(target="/slow")
        busy = next_started(upstreams)
        ask(gw, 40)
        assert len(upstreams[1 - busy].requests) == 40
        go.set()
        assert slow.read_response().text == "/slow"


def next_started(upstreams):
    """The index of the upstream that got the first request."""
    done = threading.Event()
    for u in upstreams:
        threading.Thread(target=lambda u=u: (u.wait_for(lambda u: u.started or done.is_set()), done.set()), daemon=True).start()
    assert done.wait(30)
    for u in upstreams:
        with u.changed:
            u.changed.notify_all()
    return next(i for i, u in enumerate(upstreams) if u.started)


def test_ip_hash_keeps_a_client_where_it_was_and_believes_trusted_proxies(gateway, upstream):
    gw = balanced(gateway, names(upstream, 4), "ip_hash", top={"trusted_proxies": ["127.0.0.1"]})
    assert len(set(ask(gw, 20))) == 1
    by_client = ask(gw, 80, lambda i: {"X-Forwarded-For": f"198.51.100.{i % 40}"})
    assert by_client[:40] == by_client[40:]
    assert len(set(by_client)) > 1


def test_consistent_hash_moves_few_keys_when_a_target_goes(gateway, upstream):
    upstreams = names(upstream, 10)
    gw = balanced(gateway, upstreams, "consistent_hash", hash_by="${request.header.x-user}")

    def by_key(gw):
        return ask(gw, 400, lambda i: {"X-User": f"user-{i}"})
    before = by_key(gw)
    assert by_key(gw) == before
    assert len(set(before)) == 10
    gw.reload(proxy_to({"targets": [str(u) for u in upstreams[:9]], "balance": "consistent_hash",
                        "hash_by": "${request.header.x-user}"}))
    after = by_key(gw)
    moved = [key for key in range(400) if before[key] != after[key]]
    assert all(before[key] == "9" for key in moved if before[key] == "9")
    assert len(moved) <= 400 * 0.25  # a tenth has to move; nothing like all of them


def test_a_connection_that_the_upstream_closed_while_idle_loses_no_safe_request(gateway, upstream):
    u = upstream([ok("first"), Raw(b""), ok("again")])  # closes the kept connection just as the second request arrives
    with gateway(proxy_to(u)).client() as client:
        assert client.get("/1").text == "first"
        assert client.get("/2").text == "again"
    assert [r.target for r in u.requests] == ["/1", "/2", "/2"]


def test_a_request_that_is_not_safe_to_repeat_is_not_repeated(gateway, upstream):
    u = upstream([ok("first"), Raw(b""), ok("again")])
    with gateway(proxy_to(u)).client() as client:
        assert client.get("/1").text == "first"
        response = client.request("POST", "/2", body="once")
        assert (response.status, response.error_code) == (502, "PROXY_ERROR")
    assert [r.target for r in u.requests] == ["/1", "/2"]


def test_connections_that_were_closed_between_requests_are_not_used(gateway, upstream):
    u = upstream()
    with gateway(proxy_to(u)).client() as client:
        assert client.get().status == 200
        u.close_connections()
        assert client.request("POST", "/", body="x").status == 200
        assert client.get().status == 200


def test_requests_wait_for_a_free_connection_when_all_are_taken(gateway, upstream):
    go = threading.Event()
    u = upstream(lambda exchange: exchange.wait(go) or ok(exchange.request.target))
    gw = gateway(proxy_to({"targets": [str(u)], "pool": {"max_connections": 2}}))
    clients = [gw.client() for _ in range(6)]
    for i, client in enumerate(clients):
        client.send_request(target=f"/{i}")
    u.wait_for(lambda u: u.started == 2)
    go.set()
    assert [client.read_response().text for client in clients] == [f"/{i}" for i in range(6)]
    assert len(u.connections) == 2
    for client in clients:
        client.close()


def test_a_full_queue_is_503_at_once(gateway, upstream):
    go = threading.Event()
    u = upstream(lambda exchange: exchange.wait(go) or ok())
    gw = gateway(proxy_to({"targets": [str(u)], "pool": {"max_connections": 1, "max_waiting": 1}}))
    with gw.client() as served, gw.client() as one, gw.client() as other:
        served.send_request()
        u.wait_for(lambda u: u.started == 1)
        one.send_request()
        other.send_request()
        refused = first_readable(one, other)
        response = refused.read_response()
        assert (response.status, response.error_code) == (503, "SERVICE_UNAVAILABLE")
        go.set()
        assert (other if refused is one else one).read_response().status == served.read_response().status == 200


def first_readable(*clients):
    import select

    readable, _, _ = select.select([client.socket for client in clients], [], [], 30)
    return next(client for client in clients if client.socket in readable)


def test_waiting_too_long_for_a_connection_is_503(gateway, upstream):
    go = threading.Event()
    u = upstream(lambda exchange: exchange.wait(go) or ok())
    gw = gateway(proxy_to({"targets": [str(u)], "pool": {"max_connections": 1, "max_wait": "200ms"}}))
    with gw.client() as served:
        served.send_request()
        u.wait_for(lambda u: u.started == 1)
        assert gw.get().status == 503
        go.set()
        assert served.read_response().status == 200


def test_an_upstream_that_refuses_connections_is_502(gateway, upstream):
    response = gateway(proxy_to(upstream(listen=False))).get()
    assert (response.status, response.error_code) == (502, "PROXY_ERROR")


def test_a_name_that_does_not_resolve_is_502_or_503(gateway):
    response = gateway(proxy_to("does-not-exist.invalid:80")).get()
    assert response.status in (502, 503)


@pytest.mark.parametrize("where", ["upstream", "route"])
def test_an_upstream_that_does_not_answer_in_time_is_504(gateway, upstream, where):
    go = threading.Event()
    u = upstream(lambda exchange: exchange.wait(go) or ok())
    if where == "upstream":
        config = proxy_to({"targets": [str(u)], "timeouts": {"response": "200ms"}})
    else:
        config = proxy_to(u, route={"timeout": "200ms"})
    response = gateway(config).get()
    go.set()
    assert (response.status, response.error_code) == (504, "TIMEOUT")


def test_a_connection_serves_as_many_requests_as_it_may(gateway, upstream):
    u = upstream()
    gw = gateway(proxy_to({"targets": [str(u)], "pool": {"max_requests": 2}}))
    assert ask(gw, 6) == ["ok"] * 6
    assert len(u.connections) == 3


def test_unix_sockets_work_on_both_sides(gateway, upstream):
    u = upstream(ok("through sockets"), unix=True)
    gw = gateway("""
        listeners: [{name: public, address: "unix:<dir>/public"}]
        upstreams: {u: {targets: ["<u>"]}}
        routes: [{id: all, match: {path: "/*"}, upstream: u}]
        """, u=u)
    assert gw.address().startswith("unix:")
    assert gw.post(body="x" * 100_000).text == "through sockets"
    assert len(u.last.body) == 100_000


def test_the_host_is_kept_or_replaced_by_the_targets_name(gateway, upstream):
    u = upstream()
    gateway(proxy_to(u)).get(host="shop.example.com")
    assert u.last.headers["Host"] == "shop.example.com"
    gateway(proxy_to({"targets": [str(u)], "preserve_host": False})).get(host="shop.example.com")
    assert u.last.headers["Host"] == u.address


def test_two_names_of_one_address_are_two_hosts(gateway, upstream):
    u = upstream()
    port = str(u).rpartition(":")[2]
    gw = gateway(proxy_to({"targets": [str(u), f"localhost:{port}"], "preserve_host": False}))
    hosts = []
    while f"localhost:{port}" not in hosts:  # until the name is resolved all requests go to the address
        assert gw.get().status == 200
        hosts = [r.headers["Host"] for r in u.requests]
    for _ in range(4):
        assert gw.get().status == 200
    assert Counter(r.headers["Host"] for r in u.requests[len(hosts):]) == {str(u): 2, f"localhost:{port}": 2}


def test_names_are_resolved(gateway, upstream):
    u = upstream(ok("by name"))
    assert gateway(proxy_to(u.address.replace("127.0.0.1", "localhost"))).get().text == "by name"


def test_without_a_queue_requests_get_connections_or_503(gateway, upstream):
    begun, go_on = threading.Semaphore(0), threading.Event()

    def hold(exchange):
        begun.release()
        exchange.wait(go_on)
        return ok("done")

    gw = gateway(proxy_to({"targets": [str(upstream(hold))], "pool": {"max_connections": 2, "max_waiting": 0}}))
    with gw.client() as first, gw.client() as second:
        for client in (first, second):
            client.send_request()
            assert begun.acquire(timeout=60)
        assert gw.get().status == 503
        go_on.set()
        assert [client.read_response().text for client in (first, second)] == ["done"] * 2

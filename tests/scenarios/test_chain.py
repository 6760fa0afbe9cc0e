"""The list in the YAML is law: requests run it forwards, responses backwards; what cannot work is refused with the mend."""
from support.gateway import proxy_to
from support.upstream import ok


def mark(tag, **more):
    return {"mark": {"tag": tag, "_": {"name": tag}, **more}}


def test_requests_run_the_chain_forwards_and_responses_backwards(gateway, upstream):
    u = upstream()
    response = gateway(proxy_to(u, [mark("one"), mark("two"), mark("three")])).get()
    assert u.last.headers.get_all("X-Mark") == ["one", "two", "three"]
    assert response.headers.get_all("X-Mark") == ["three", "two", "one"]


def test_two_lines_swapped_in_the_file_are_swapped_in_reality_and_in_explain(gateway, upstream, postern):
    for order in (["one", "two"], ["two", "one"]):
        u = upstream()
        config = proxy_to(u, [mark(tag) for tag in order])
        gateway(config).get()
        assert u.last.headers.get_all("X-Mark") == order
        told = postern("explain", "GET", "/", config=config)
        assert told.returncode == 0, told.stderr
        assert told.stdout.index(order[0]) < told.stdout.index(order[1])


def test_the_gateway_wide_chain_runs_around_the_routes_own(gateway, upstream):
    u = upstream()
    response = gateway({**proxy_to(u, [mark("route")]), "plugins": [mark("everywhere")]}).get()
    assert u.last.headers.get_all("X-Mark") == ["everywhere", "route"]
    assert response.headers.get_all("X-Mark") == ["route", "everywhere"]


def test_a_local_response_passes_those_that_had_run(gateway, upstream):
    gw = gateway(proxy_to(upstream(never=True), [mark("one"), mark("two", respond=403), mark("three")]))
    response = gw.get()
    assert (response.status, response.text) == (403, "two")
    assert response.headers.get_all("X-Mark") == ["two", "one"]


def test_a_404_passes_the_gateway_wide_chain(gateway):
    response = gateway({"plugins": [mark("everywhere")], "routes": []}).get()
    assert response.status == 404 and response.headers.get_all("X-Mark") == ["everywhere"]


def test_an_upstream_failure_passes_the_chain_back(gateway, upstream):
    response = gateway(proxy_to(upstream(listen=False), [mark("one"), mark("two")])).get()
    assert response.status == 502 and response.headers.get_all("X-Mark") == ["two", "one"]


def test_stacks_are_expanded_in_their_place(gateway, upstream):
    u = upstream()
    gateway(proxy_to(u, [mark("first"), {"stack": "middle"}, mark("last")], stacks={"middle": [mark("a"), mark("b")]})).get()
    assert u.last.headers.get_all("X-Mark") == ["first", "a", "b", "last"]


def test_what_is_disabled_does_not_run(gateway, upstream):
    u = upstream()
    gateway(proxy_to(u, [{"mark": {"tag": "off", "_": {"name": "off", "enabled": False}}}, mark("on")])).get()
    assert u.last.headers.get_all("X-Mark") == ["on"]


CONSUMER_FIRST = """
    upstreams: {u: {targets: ["127.0.0.1:1"]}}
    routes:
      - id: orders
        match: {path: "/orders/*"}
        upstream: u
        plugins:
          - mark: {tag: limiter, consumes: consumer.id, _: {name: limiter}}
          - mark: {tag: other, _: {name: other}}
          - mark: {tag: auth, provides: consumer.id, _: {name: auth}}
    """


def test_a_consumer_before_its_provider_is_refused_with_the_mend(postern):
    result = postern("check", config=CONSUMER_FIRST)
    assert result.returncode == 1
    told = result.stdout + result.stderr
    assert "gateway.yaml:7:9" in told and "routes/orders" in told
    for word in ("limiter", "consumer.id", "auth", "above"):
        assert word in told, told


def test_a_consumer_without_any_provider_is_refused(postern):
    result = postern("check", config=proxy_to("127.0.0.1:1", [mark("limiter", consumes="consumer.id")]))
    assert result.returncode == 1 and "consumer.id" in result.stdout + result.stderr


def test_a_provider_in_the_gateway_wide_chain_serves_the_routes(postern):
    config = {**proxy_to("127.0.0.1:1", [mark("limiter", consumes="consumer.id")]), "plugins": [mark("auth", provides="consumer.id")]}
    assert postern("check", config=config).returncode == 0


def refused(postern, plugins, **more):
    result = postern("check", config=proxy_to("127.0.0.1:1", plugins, **more))
    assert result.returncode == 1, result.stdout
    return result.stderr


# F16: `check` said good, and the variable was absent.
def test_a_provider_that_cannot_have_provided_is_refused_with_the_mend(postern):
    consumer = mark("limiter", consumes="consumer.id")
    shadow = {"mark": {"provides": "consumer.id", "_": {"name": "auth", "mode": "shadow"}}}
    assert "shadow mode" in refused(postern, [shadow, consumer])
    sometimes = {"mark": {"provides": "consumer.id", "_": {"name": "auth", "when": "header.x-key"}}}
    assert "only when header.x-key" in refused(postern, [sometimes, consumer])
    assert "on_response, after on_request" in refused(postern, [mark("auth", provides_late="consumer.id"), consumer])


def test_a_variable_that_nobody_knows_is_refused_wherever_it_is_named(postern):
    auth = mark("auth", provides="consumer.id")
    for plugin in ({"mark": {"_": {"name": "x", "when": "consumer.di"}}}, {"respond": {"body": "${consumer.di}"}},
                   {"headers": {"request": {"set": {"X-User": "${consumer.di}"}}}}, {"access-log": {"variables": ["consumer.di"]}},
                   {"rate-limit": {"requests_per_second": 1, "by": {"variable": "consumer.di"}}},
                   {"mark": {"respond": 403, "respond_if": 'consumer.di == "ann"', "_": {"name": "x"}}}):
        assert "consumer.di" in refused(postern, [auth, plugin])
    told = refused(postern, [auth, {"respond": {"body": "${requst.header.x-user}"}}])
    assert 'did you mean "request.header.x-user"?' in told
    assert 'did you mean "consumer.id"?' in refused(postern, [auth], route={"rewrite": {"path": "/${consumer.di}"}})
    u = {"targets": ["127.0.0.1:1"], "balance": "consistent_hash", "hash_by": "${client.pi}"}
    assert 'did you mean "client.ip"?' in postern("check", config=proxy_to(u, [auth])).stderr


# F17: `services: [cors]` was accepted and did nothing, and a service that is missing was seen by nobody.
def test_services_are_checked_without_starting_anything(postern):
    assert '"cors" does nothing here' in refused(postern, [], services=["cors"])
    told = refused(postern, [mark("user", needs="mark/store")])
    assert '"user" needs the service "mark/store" (the scenario wants it)' in told and 'The plugin "mark" could' in told
    store = mark("store", offers="mark/store")
    assert "starts later" in refused(postern, [mark("user", needs="mark/store"), store])
    config = proxy_to("127.0.0.1:1", [mark("user", needs="mark/store")], services=[store])
    result = postern("check", config=config)
    assert result.returncode == 0, result.stderr


def test_a_plugin_judges_conditions_of_its_own(gateway, upstream):
    guard = mark("guard", respond=403, respond_if='header.x-key != "good"')
    gw = gateway(proxy_to(upstream(ok("x")), [guard]))
    assert gw.get().status == 403
    assert gw.get(headers={"X-Key": "good"}).status == 200


def test_a_plugin_that_is_missing_stops_the_start(postern):
    result = postern("check", config=proxy_to("127.0.0.1:1", ["marc"]))
    told = result.stdout + result.stderr
    assert result.returncode == 1 and "marc" in told and "mark" in told  # what is missing, and the nearest name


def test_the_answer_of_a_chain_does_not_depend_on_the_request_before(gateway, upstream):
    u = upstream(ok("x"))
    gw = gateway(proxy_to(u, [mark("one"), mark("two")]))
    with gw.client() as client:
        for _ in range(10):
            assert client.get().headers.get_all("X-Mark") == ["two", "one"]

"""Scripts are plugins: hooks, waiting, limits and errors of Lua policies in a real gateway."""
from concurrent.futures import ThreadPoolExecutor

import pytest
from support.gateway import BUILD, proxy_to
from support.upstream import ok

PATH = [str(BUILD / "plugins"), "<dir>"]


def script(gateway, upstream, body, **more):
    """A gateway whose only plugin is a script with this table body."""
    text = "return {name = 'policy', version = '1.0.0', " + body + "}"
    return gateway(proxy_to(upstream, ["policy"], plugin_path=PATH, **more), files={"policy/policy.lua": text})


@pytest.mark.protocol
def test_a_script_reads_and_sets_headers_both_ways(gateway, upstream):
    u = upstream()
    gw = script(gateway, u, """
      on_request = function(exchange) exchange.request.headers["x-geo"] = exchange.request.headers["X-Country"] or "unknown" end,
      on_response = function(exchange) exchange.response.headers["x-served-by"] = "policy" end""")
    response = gw.get(headers={"X-Country": "ch"})
    assert u.last.headers["X-Geo"] == "ch"
    assert response.headers["X-Served-By"] == "policy"


@pytest.mark.protocol
def test_a_script_answers_by_its_configuration(gateway, upstream):
    u = upstream(never=True)
    body = """return {
      name = "geo-block", version = "1.0.0",
      schema = {deny = {type = "array", items = {type = "string"}, default = {}}},
      on_request = function(exchange, config)
        local country = exchange.request.headers["x-country"]
        for _, code in ipairs(config.deny) do
          if code == country then return exchange:respond(403, {error = {code = "FORBIDDEN", message = "not from " .. code}}) end
        end
      end}"""
    gw = gateway(proxy_to(u, [{"geo-block": {"deny": ["xx"]}}], plugin_path=PATH), files={"geo-block/geo-block.lua": body})
    response = gw.get(headers={"X-Country": "xx"})
    assert response.status == 403
    assert response.error_code == "FORBIDDEN"


def test_a_wrong_configuration_is_refused_by_the_scripts_schema(upstream, postern):
    text = "return {name = 'policy', version = '1', schema = {limit = {type = 'integer', minimum = 1}}}"
    config = proxy_to(upstream(), [{"policy": {"limit": 0}}], plugin_path=PATH)
    refused = postern("check", config=config, files={"policy/policy.lua": text})
    assert refused.returncode == 1
    assert "limit" in refused.stdout + refused.stderr


def test_a_script_with_an_error_is_refused_with_file_and_line(upstream, postern):
    refused = postern("check", config=proxy_to(upstream(), ["policy"], plugin_path=PATH),
                      files={"policy/policy.lua": "local x = 1\nreturn {name = = }"})
    assert refused.returncode == 1
    assert "policy/policy.lua:2:" in refused.stdout + refused.stderr


def test_a_script_waits_for_a_call_in_a_straight_line(gateway, upstream):
    auth, u = upstream(ok("anna")), upstream()
    config = proxy_to(u, ["policy"], plugin_path=PATH)
    config["upstreams"]["auth"] = {"targets": [str(auth)]}
    gw = gateway(config, files={"policy/policy.lua": """
      return {name = "policy", version = "1.0.0", on_request = function(exchange)
        local answer = assert(postern.http("auth", {path = "/who", headers = {["x-key"] = exchange.request.headers["x-key"]}}))
        postern.sleep("5ms")
        exchange.request.headers["x-user"] = answer.body
      end}"""})
    assert gw.get(headers={"X-Key": "k1"}).status == 200
    assert auth.last.headers["X-Key"] == "k1"
    assert u.last.headers["X-User"] == "anna"


@pytest.mark.protocol
def test_a_failing_script_costs_its_own_request_alone(gateway, upstream):
    gw = script(gateway, upstream(), """
      on_request = function(exchange)
        local path = exchange.request.path
        if path == "/error" then error("broken") end
        if path == "/loop" then while true do pcall(function() while true do end end) end end
        if path == "/bomb" then pcall(string.rep, "x", 1 << 27) end
      end, limits = {instructions_per_exchange = 2000000}""")
    for path in ("/error", "/loop", "/bomb"):
        response = gw.get(path)
        assert response.status == 500
        assert response.error_code == "INTERNAL_ERROR"
        assert gw.get("/fine").status == 200
    gw.wait_log("broken")


@pytest.mark.protocol
def test_bodies_are_seen_and_changed(gateway, upstream):
    u = upstream()
    gw = script(gateway, u, """
      request_body = {policy = "buffer", limit = "64k", modifies = true},
      on_request_body = function(exchange) exchange.request.body = exchange.request.body:upper() end""")
    assert gw.post(body=b"hello").status == 200
    assert u.last.body == b"HELLO"


def test_a_computing_script_lets_others_through(gateway, upstream):
    u = upstream()
    gw = script(gateway, u, """
      limits = {instructions_per_exchange = 50000000},
      on_request = function(exchange)
        if exchange.request.path ~= "/compute" then return end
        local sum = 0
        for i = 1, 3000000 do sum = sum + i end
        exchange.request.headers["x-sum"] = sum
      end""")
    with gw.client() as computing, gw.client() as other:
        computing.send_request("GET", "/compute")
        assert other.request("GET", "/other").status == 200
        assert computing.read_response().status == 200
    assert u.last.headers["X-Sum"] == "4500001500000"


@pytest.mark.protocol
def test_a_client_that_leaves_while_a_script_waits_costs_nothing(gateway, upstream):
    gw = script(gateway, upstream(), """
      on_request = function(exchange)
        if exchange.request.path ~= "/wait" then return end
        local guard <close> = setmetatable({}, {__close = function() postern.log.info("let go") end})
        postern.log.info("waiting")
        postern.sleep(4)
      end""")
    with gw.client() as client:
        client.send_request("GET", "/wait")
        gw.wait_log("waiting")
    gw.wait_log("let go")
    assert gw.get("/fine").status == 200


def test_a_new_version_of_a_script_comes_with_a_reload_and_old_timers_end(gateway, upstream):
    text = """return {name = "policy", version = "1", on_worker_start = function()
        local function tick() postern.timer("10ms", tick) end
        tick()
        postern.timer("1h", tick)
      end,
      on_response = function(exchange) exchange.response.headers["x-version"] = "%d" end}"""
    gw = gateway(proxy_to(upstream(), ["policy"], plugin_path=PATH), files={"policy/policy.lua": text % 1},
                 env={"POSTERN_LOG": "debug"})
    gw.wait_log("generation 1 serving")
    for version in (1, 2, 3):
        assert gw.get().headers["X-Version"] == str(version)
        gw.reload(files={"policy/policy.lua": text % (version + 1)})
    gw.wait_log("generation freed", count=3)


def test_a_script_that_broke_is_refused_on_reload_and_the_old_one_serves(gateway, upstream):
    text = "return {name = 'policy', version = '1', on_response = function(x) x.response.headers['x-version'] = 'old' end}"
    gw = gateway(proxy_to(upstream(), ["policy"], plugin_path=PATH), files={"policy/policy.lua": text})
    gw.wait_log("generation 1 serving")
    gw.reload_fails(files={"policy/policy.lua": "return {name = 'policy',"})
    assert gw.get().headers["X-Version"] == "old"


WAITS_EVERYWHERE = """
  request_body = {policy = "stream", modifies = true}, response_body = {policy = "stream", modifies = true},
  limits = {instructions_per_resume = 1000},
  on_request = function(x)
    x.state.seen = postern.http("auth", {}).body
    for i = 1, 5000 do local _ = i * i end
  end,
  on_request_body = function(x) postern.sleep(0.001) x.request.body = x.request.body:upper() end,
  on_upstream_select = function() postern.sleep(0) end,
  on_upstream_request = function(x) x.request.headers["x-signed"] = postern.http("auth", {body = "x"}).body end,
  on_response = function(x) postern.sleep("2ms") x.response.headers["x-seen"] = x.state.seen end,
  on_response_body = function(x) postern.sleep("1ms") x.response.body = x.response.body:gsub("a", "b") end,
  on_complete = function(x) assert(x.state.seen) end"""


def waits_everywhere(gateway, upstream, u, **top):
    config = proxy_to(u, ["policy"], plugin_path=PATH, **top)
    config["upstreams"]["auth"] = {"targets": [str(upstream(ok("anna")))]}
    return gateway(config, files={"policy/policy.lua": "return {name = 'policy', version = '1'," + WAITS_EVERYWHERE + "}"})


def test_a_script_waits_in_every_hook(gateway, upstream):
    u = upstream(ok(chunks=[b"aaaa", b"caac"]))
    gw = waits_everywhere(gateway, upstream, u)
    response = gw.post(chunks=[b"some ", b"bytes"])
    assert (response.status, response.body) == (200, b"bbbbcbbc")
    assert response.headers["X-Seen"] == "anna"
    assert (u.last.body, u.last.headers["X-Signed"]) == (b"SOME BYTES", "anna")


@pytest.mark.protocol
def test_a_script_refuses_connections_before_anything_is_read(gateway, upstream):
    text = """
        return {name = "door", version = "1.0.0",
          schema = {open = {type = "string"}},
          on_connection = function(connection, config)
            postern.sleep(0.001)
            if connection.listener ~= config.open or connection.ip ~= "127.0.0.1" then return connection:abort() end
          end}
        """
    listeners = [{"name": name, "address": "127.0.0.1:0"} for name in ("front", "back")]
    gw = gateway({**proxy_to(upstream(ok("in")), listeners=listeners, plugin_path=PATH), "plugins": [{"door": {"open": "front"}}]},
                 files={"door/door.lua": text})
    assert gw.get(listener="front").text == "in"
    with gw.client("back") as client:
        client.send_request()
        client.expect_closed()


@pytest.mark.concurrency
def test_two_workers_and_reloads_under_load_lose_nothing(gateway, upstream):
    gw = waits_everywhere(gateway, upstream, upstream(ok("a" * 100)), workers=2)
    gw.wait_log("generation 1 serving")
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(gw.post, body=b"bytes") for _ in range(200)]
        for _ in range(3):
            gw.reload()
        assert {(a.result().status, a.result().body) for a in answers} == {(200, b"b" * 100)}
    gw.stop()  # only then is everything logged
    assert gw.log('"level":"error"') == []

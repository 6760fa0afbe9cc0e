"""What a plugin may do to an exchange through the host tables, and what it is refused (tests/plugins/probe.cc asks)."""
import signal

from support.gateway import BUILD, proxy_to

OK, INVALID, STATE, NOT_FOUND, GONE = 0, -2, -3, -4, -1


def did(upstream):
    return {key: int(number) for key, number in
            (line.split("=") for line in upstream.last.headers.get_all("X-Did") or [])}


def test_headers_are_checked_and_framing_is_the_gateways(gateway, upstream):
    u = upstream()
    assert gateway(proxy_to(u, ["probe"])).get(headers={"X-Do": "headers", "X-Secret": "s", "X-User": "admin"}).status == 200
    answers = did(u)
    for name in ("Content-Length", "transfer-encoding", "Connection", "Keep-Alive", "TE", "Trailer", "Upgrade", "Expect"):
        assert answers[name] == STATE, name
    assert answers["trailers"] == OK and "TE" not in u.last.headers
    assert (answers["injected"], answers["name"], answers["response"]) == (INVALID, INVALID, STATE)
    assert answers["bad user"] == INVALID and "X-User" not in u.last.headers  # F28: what the client said does not stay
    assert (answers["absent"], answers["removed"]) == (NOT_FOUND, OK)
    assert (answers["host"], answers["second host"], answers["no host"]) == (OK, STATE, STATE)
    assert u.last.headers.get_all("Host") == ["other.example:81"]
    assert u.last.headers["X-Set"] == "kept"
    assert "X-Secret" not in u.last.headers and "X-C" not in u.last.headers


def test_variables_and_templates(gateway, upstream):
    u = upstream()
    gateway(proxy_to(u, ["probe"])).get("/here", headers={"X-Do": "variables"})
    assert did(u) == {"unset": NOT_FOUND, "set": OK, "read-only": STATE, "path": OK, "list": OK, "types": 1001,
                      "expand": OK}
    assert u.last.headers["X-Listed-Path"] == "/here"
    assert u.last.headers["X-Greeting"] == "hello world at /here"


def test_what_is_out_of_place_is_refused(gateway, upstream):
    u = upstream()
    gateway(proxy_to(u, ["probe"])).get(headers={"X-Do": "out-of-place"})
    assert did(u) == {"status": STATE, "retry": STATE, "origin": STATE, "target": STATE, "climb": INVALID, "info": OK,
                      "generation": 1, "beyond": 0, "too much": 0}


def test_a_ticket_may_be_used_inside_the_hook_and_later_and_twice(gateway, upstream):
    u = upstream()
    gw = gateway(proxy_to(u, ["probe"]))
    assert gw.get(headers={"X-Do": "pause-inside"}).status == 200
    assert did(u) == {"pause": OK, "resume": OK, "again": GONE}
    assert gw.get(headers={"X-Do": "pause"}).status == 200
    assert did(u) == {"pause": OK, "late": OK}


def test_only_an_instance_that_runs_or_waits_there_changes_an_exchange(gateway, upstream):
    """Hazard 8: the timer of an instance that has had its turn touches nothing any more."""
    u = upstream()
    gw = gateway(proxy_to(u, [{"probe": {"_": {"name": "first"}}}, {"probe": {"_": {"name": "second"}}}]))
    assert gw.get(headers={"X-Do": "meddle"}).text == "ok"
    refused = ("respond", "respond_error", "header_set", "header_remove", "variable_set", "allocate")
    assert did(u) == {"pause": OK, "late": OK} | dict.fromkeys(refused, STATE)


def test_an_error_response_has_the_envelope(gateway, upstream):
    response = gateway(proxy_to(upstream(never=True), ["probe"])).get(headers={"X-Do": "respond"})
    assert (response.status, response.headers["Retry-After"]) == (429, "7")
    assert '"RATE_LIMITED"' in response.text and r'say \"please\"' in response.text


def test_in_shadow_mode_all_goes_well_and_nothing_changes(gateway, upstream):
    u = upstream()
    gw = gateway(proxy_to(u, [{"probe": {"_": {"mode": "shadow"}}}]))
    for what in ("headers", "variables", "respond"):
        assert gw.get(headers={"X-Do": what, "X-Secret": "s"}).status == 200
        assert u.last.headers["X-Secret"] == "s"
        assert u.last.headers["Host"] == "test"
        assert "X-Did" not in u.last.headers and "X-Set" not in u.last.headers


def test_what_plugins_copy_for_one_exchange_is_bounded(gateway, upstream):
    greedy = """return {name = 'greedy', version = '1.0.0', on_request = function(exchange)
      for i = 1, 100 do exchange.request.headers['x-big'] = string.rep('x', 10000) end end}"""
    config = proxy_to(upstream(), ["greedy"], plugin_path=[str(BUILD / "plugins"), "<dir>"])
    files = {"greedy/greedy.lua": greedy}
    assert gateway(config, files=files).get().status == 200
    assert gateway({**config, "limits": {"exchange_memory": "128k"}}, files=files).get().status == 500


def test_a_connection_that_closes_is_listed_no_more(gateway, upstream):
    """Both requests are there before the gateway looks: the first ends its connection, the second asks in the same turn."""
    u = upstream()
    gw = gateway({"workers": 1, **proxy_to(u, ["probe"], {"match": {"path": "/list"}})})
    with gw.http1() as first, gw.http1() as second:
        assert first.get("/nowhere").status == 404
        assert second.get("/list").status == 200
        gw.process.send_signal(signal.SIGSTOP)
        first.send(b"GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        second.send(b"GET /list HTTP/1.1\r\nHost: a\r\nX-Do: list\r\n\r\n")
        gw.process.send_signal(signal.SIGCONT)
        assert second.read_response().status == 200
        assert first.read_response().status == 404
    listed = [line.split()[0] for line in u.last.headers.get_all("X-Did")]
    assert listed == ["exchange", "connection"]


def scribe(gateway, upstream, code, **own):
    script = f"return {{name = 'scribe', version = '1.0.0', on_request = function() {code} end}}"
    chain = ["request-id", {"scribe": {"_": own}}]
    return gateway(proxy_to(upstream, chain, plugin_path=[str(BUILD / "plugins"), "<dir>"]), files={"scribe/scribe.lua": script})


# F36
def test_the_lines_of_a_plugin_name_the_route_and_the_request(gateway, upstream):
    gw = scribe(gateway, upstream(), "postern.log.info('at once') postern.sleep('1ms') postern.log.info('later', {route = 'mine'})")
    request = gw.get().headers["x-request-id"]
    at_once, later = gw.wait_log("at once"), gw.wait_log("later")
    assert (at_once["route"], at_once["request_id"]) == ("all", request)
    assert (later["route"], later["request_id"]) == ("mine", request)


# F19
def test_a_sleep_does_not_count_against_the_deadline_of_its_hook(gateway, upstream):
    assert scribe(gateway, upstream(), "postern.sleep('400ms')", timeout="100ms").get().text == "ok"


def test_a_sleep_that_is_longer_than_any_hook_may_wait_does(gateway, upstream):
    assert scribe(gateway, upstream(never=True), "postern.sleep('11m')", timeout="100ms").get().status == 504

"""`check` says for each route who refuses anonymous requests; `diff` says what a change opens to them."""
import pytest

from support.gateway import BUILD, config_text, proxy_to

PATH = [str(BUILD / "plugins"), "<dir>"]

KEY_AUTH = {"key-auth": {"keys": [{"id": "ann", "sha256": "12" * 32}]}}


def key_auth(**gateways_keys):
    return {"key-auth": {**KEY_AUTH["key-auth"], "_": gateways_keys}}


def script(name, refuses):
    return {f"{name}/{name}.lua": f'return {{name = "{name}", version = "1.0.0", refuses = {refuses}, on_request = function() end}}'}


def admission(postern, plugins, **more):
    result = postern("check", config=proxy_to("127.0.0.1:1", plugins, **more))
    assert result.returncode == 0, result.stdout + result.stderr
    return next(line.strip() for line in result.stdout.splitlines() if line.startswith("  anonymous"))


@pytest.mark.parametrize("plugins, told", [
    ([], "anonymous requests pass"),
    (["mark"], "anonymous requests pass"),
    ([KEY_AUTH], 'anonymous requests are refused: "key-auth" wants an API key'),
    ([{"mark": {"refuses": True}}], 'anonymous requests are refused: "mark" wants a mark'),
    ([{"key-auth": {**KEY_AUTH["key-auth"], "optional": True}}], "anonymous requests pass"),
    ([key_auth(mode="shadow")], 'anonymous requests may pass: "key-auth" wants an API key, but is in shadow mode'),
    ([key_auth(on_error="fail_open")], 'anonymous requests may pass: "key-auth" wants an API key, but fails open'),
    ([key_auth(when='path starts_with "/admin"')],
     'anonymous requests may pass: "key-auth" wants an API key, but runs only when path starts_with "/admin"'),
    ([key_auth(enabled=False)], "anonymous requests pass"),
    ([{"respond": {"status": 403}}], 'anonymous requests are refused: "respond" refuses every request'),
])
def test_check_says_who_refuses_anonymous_requests_and_what_does_not_count(postern, plugins, told):
    assert admission(postern, plugins) == told


def test_a_script_says_whom_it_refuses(postern):
    config = proxy_to("127.0.0.1:1", ["door"], plugin_path=PATH)
    result = postern("check", config=config, files=script("door", '{anonymous = "wants a token"}'))
    assert 'anonymous requests are refused: "door" wants a token' in result.stdout, result.stdout + result.stderr


def test_a_guard_that_hangs_on_what_is_not_equal_is_warned_of(postern):
    tell = {"mark": {"provides": "consumer.tier"}}
    guard = {"rate-limit": {"requests_per_second": 1, "_": {"when": 'consumer.tier != ""'}}}
    result = postern("check", config=proxy_to("127.0.0.1:1", [tell, guard]))
    assert result.returncode == 0
    assert '"rate-limit" refuses requests' in result.stderr and "consumer.tier is unset" in result.stderr, result.stderr
    guard["rate-limit"]["_"]["when"] = 'method != "GET"'  # is always there
    assert "warning" not in postern("check", config=proxy_to("127.0.0.1:1", [tell, guard])).stderr


def routes(**plugins):
    return {"upstreams": {"u": {"targets": ["127.0.0.1:1"]}},
            "routes": [{"id": name, "match": {"path": f"/{name}/*"}, "upstream": "u", "plugins": list(chain)}
                       for name, chain in plugins.items()]}


def diff(postern, old, new):
    return postern("diff", "old.yaml", "new.yaml", files={"old.yaml": config_text(old, {}), "new.yaml": config_text(new, {})})


def test_the_same_twice_differs_in_nothing(postern):
    result = diff(postern, routes(admin=[KEY_AUTH]), routes(admin=[KEY_AUTH]))
    assert (result.returncode, result.stdout) == (0, "routes, chains and upstreams are the same\n")


def test_a_guard_that_is_taken_away_opens_its_route(postern):
    result = diff(postern, routes(admin=[KEY_AUTH, "mark"], shop=[]), routes(admin=["mark"], shop=[]))
    assert result.returncode == 3
    assert "- routes/admin/plugins/key-auth" in result.stdout
    assert "! this opens /admin/* to anonymous requests (route admin: anonymous requests pass)" in result.stdout.splitlines()
    assert "/shop" not in result.stdout


def test_a_guard_in_shadow_mode_opens_its_route_and_closing_one_does_not(postern):
    shadowed = routes(admin=[key_auth(mode="shadow")])
    assert diff(postern, routes(admin=[KEY_AUTH]), shadowed).returncode == 3
    closed = diff(postern, shadowed, routes(admin=[KEY_AUTH]))
    assert closed.returncode == 0 and "~ routes/admin/plugins/key-auth: mode was shadow, is not set" in closed.stdout


def test_a_request_that_falls_to_another_route_is_seen_too(postern):
    everything = {"id": "all", "match": {"path": "/*"}, "upstream": "u"}
    old = routes(admin=[KEY_AUTH])
    old["routes"].append(everything)
    new = {**old, "routes": [everything]}
    result = diff(postern, old, new)
    assert result.returncode == 3
    assert "- routes/admin" in result.stdout and "opens /admin/* to anonymous requests (route all" in result.stdout


def test_a_route_with_hosts_parameters_and_conditions_is_found_under_another_name(postern):
    match = {"host": "*.example.com", "path": "/users/{id}/files/*", "methods": ["POST"], "query": {"v": "2"}, "cookies": {"sid": {"present": True}},
             "headers": {"X-Beta": {"prefix": "on"}}}

    def config(name, plugins):
        return {"upstreams": {"u": {"targets": ["127.0.0.1:1"]}},
                "routes": [{"id": name, "match": match, "upstream": "u", "plugins": plugins}]}

    result = diff(postern, config("old", [KEY_AUTH]), config("new", ["mark"]))
    assert result.returncode == 3
    assert "! this opens *.example.com/users/{id}/files/* to anonymous requests (route new" in result.stdout
    assert diff(postern, config("old", [KEY_AUTH]), config("new", [KEY_AUTH])).returncode == 0


def test_a_regular_expression_is_compared_by_its_routes_name(postern):
    old = routes(admin=[KEY_AUTH])
    old["routes"][0]["match"] = {"path_regex": "^/admin/[0-9]+$"}
    new = {**old, "routes": [{**old["routes"][0], "plugins": []}]}
    result = diff(postern, old, new)
    assert result.returncode == 3 and "opens ~^/admin/[0-9]+$ to anonymous requests" in result.stdout


def test_what_comes_goes_and_changes_is_told_without_the_values_of_plugins(postern):
    old, new = routes(a=[KEY_AUTH], b=[]), routes(a=[{"key-auth": {"keys": [{"id": "bob", "sha256": "34" * 32}]}}], c=["mark"])
    new["routes"][0]["timeout"] = "5s"
    new["upstreams"]["u"]["targets"] = ["127.0.0.1:2"]
    result = diff(postern, old, new)
    assert result.returncode == 0, result.stdout + result.stderr
    for line in ["~ routes/a: timeout was not set, is 5s", "~ routes/a/plugins/key-auth: keys has changed",
                 "- routes/b: /b/* -> u; no plugins", "+ routes/c: /c/* -> u; mark",
                 "~ upstreams/u: targets was 127.0.0.1:1, is 127.0.0.1:2"]:
        assert line in result.stdout.splitlines(), result.stdout
    assert "3434" not in result.stdout


def test_a_file_that_is_not_good_is_1(postern):
    assert diff(postern, routes(a=["marc"]), routes(a=[])).returncode == 1

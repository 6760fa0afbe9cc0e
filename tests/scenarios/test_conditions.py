"""`when` decides for whom a plugin runs; a client never decides that a guard is passed over."""
from support.gateway import proxy_to
from support.upstream import ok

IDENTITY = {"mark": {"tag": "ann", "provides": "consumer.id", "_": {"name": "identity", "when": 'header.x-key == "good"'}}}


def guard(when, **keys):
    return {"mark": {"tag": "guard", "respond": 403, "_": {"name": "guard", "when": when, **keys}}}


# On 1624d10 this comparison was never true: a guard that looks right let everybody in.
def test_clients_without_identity_are_those_whose_consumer_is_the_empty_text(gateway, upstream):
    gw = gateway(proxy_to(upstream(ok("x")), [IDENTITY, guard('consumer.id == ""')]))
    assert gw.get(headers={"X-Key": "good"}).status == 200
    assert gw.get().status == 403


# F24: 40 letters in the first segment are beyond the bounds of one match with backtracking, and the guard was passed over.
def test_an_expensive_path_does_not_get_past_a_guard(gateway, upstream):
    admin = r'path matches "^/(?:([a-z0-9]+-?)+/internal|.*/admin$)"'
    gw = gateway(proxy_to(upstream(ok("x")), [guard(admin, on_error="fail_open")]))
    assert gw.get("/users").status == 200
    assert gw.get("/a/admin").status == 403
    assert gw.get(f"/{'a' * 40}/admin").status == 403

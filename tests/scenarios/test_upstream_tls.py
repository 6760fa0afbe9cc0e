"""TLS to upstreams: verification, names, client certificates, session reuse, and what bad certificates come to."""
import os

import pytest

from support.certificates import Authority, server_context
from support.upstream import ok


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def localhost(authority):
    return authority.issue("localhost", names=["DNS:localhost", "IP:127.0.0.1"])


def proxied(gateway, target, tls, more="", **how):
    return gateway(f"""
        upstreams: {{backend: {{targets: ["{target}"], tls: {tls}{more}}}}}
        routes: [{{id: all, match: {{path: "/*"}}, upstream: backend}}]
        """, **how)


def test_requests_reach_an_upstream_over_tls(gateway, upstream, authority, localhost):
    backend = upstream(lambda exchange: ok(exchange.request.body), tls=server_context(localhost))
    gw = proxied(gateway, backend, f'{{ca: "{authority.pem}"}}')
    body = os.urandom(1 << 20)
    with gw.client() as client:
        for _ in range(3):
            assert client.request("POST", body=body).body == body
    assert len(backend.connections) == 1


def test_the_name_of_the_target_is_asked_for_and_verified(gateway, upstream, authority, localhost):
    context = server_context(localhost)
    asked = []
    context.sni_callback = lambda sock, name, ctx: asked.append(name)
    backend = upstream(tls=context)
    port = backend.address.rsplit(":", 1)[1]
    gw = proxied(gateway, f"localhost:{port}", f'{{ca: "{authority.pem}"}}')
    assert gw.get().status == 200
    assert asked == ["localhost"]


def test_server_name_stands_for_the_targets_host(gateway, upstream, authority):
    context = server_context(authority.issue("api", names=["DNS:api.internal"]))
    asked = []
    context.sni_callback = lambda sock, name, ctx: asked.append(name)
    backend = upstream(tls=context)
    gw = proxied(gateway, backend, f'{{ca: "{authority.pem}", server_name: api.internal}}')
    assert gw.get().status == 200
    assert asked == ["api.internal"]


def test_tls_reaches_a_unix_socket(gateway, upstream, authority, localhost, postern):
    backend = upstream(unix=True, tls=server_context(localhost))
    gw = proxied(gateway, backend, f'{{ca: "{authority.pem}", server_name: localhost}}')
    assert gw.get().status == 200
    said = postern("check", config=f'upstreams: {{b: {{targets: ["{backend}"], tls: true}}}}\nplugins: [echo]\n')
    assert said.returncode == 1 and "server_name" in said.stderr


@pytest.mark.parametrize("which, reason", [
    ("self-signed", "self-signed certificate"),
    ("other authority", "unable to get local issuer certificate"),
    ("wrong name", "IP address mismatch"),
    ("expired", "certificate has expired"),
])
def test_a_certificate_that_is_not_good_is_a_502_that_says_why(gateway, upstream, authority, tmp_path, which, reason):
    other = Authority(tmp_path / "other", "Other CA")
    names = ["DNS:localhost", "IP:127.0.0.1"]
    pair = {
        "self-signed": lambda: type("Pair", (), {"cert": other.pem, "key": other.directory / "ca.key"}),
        "other authority": lambda: other.issue("localhost", names=names),
        "wrong name": lambda: authority.issue("elsewhere", names=["DNS:elsewhere.example"]),
        "expired": lambda: authority.expired("localhost", names=names),
    }[which]()
    backend = upstream(never=True, tls=server_context(pair))
    gw = proxied(gateway, backend, f'{{ca: "{authority.pem}"}}')
    response = gw.get()
    assert (response.status, response.error_code) == (502, "PROXY_ERROR")
    error = gw.wait_log("upstream attempt failed")["error"]
    assert error == f"cannot connect to {backend}: its certificate is not trusted: {reason}"
    assert len(backend.connections) == 1  # nobody tries again and again


def test_verification_can_be_left_out(gateway, upstream, localhost):
    gw = proxied(gateway, upstream(tls=server_context(localhost)), "{verify: false}")
    assert gw.get().status == 200


def test_the_systems_authorities_are_the_default(gateway, upstream, authority, localhost):
    backend = upstream(tls=server_context(localhost))
    assert proxied(gateway, backend, "true").get().status == 502
    assert proxied(gateway, backend, "true", env={"SSL_CERT_FILE": authority.pem}).get().status == 200


def test_an_upstream_that_asks_for_a_certificate_gets_the_gateways(gateway, upstream, authority, localhost):
    own = authority.issue("gateway")
    backend = upstream(tls=server_context(localhost, client_ca=authority.pem))
    gw = proxied(gateway, backend, f'{{ca: "{authority.pem}", cert: "{own.cert}", key: "{own.key}"}}')
    assert gw.get().status == 200
    assert backend.connections[0].peer_name == "gateway"
    without = proxied(gateway, backend, f'{{ca: "{authority.pem}"}}')
    assert without.get().status == 502


def test_new_connections_resume_the_session(gateway, upstream, authority, localhost):
    backend = upstream(tls=server_context(localhost))
    gw = proxied(gateway, backend, f'{{ca: "{authority.pem}"}}', more=", pool: {max_requests: 1}")
    for _ in range(4):
        assert gw.get().status == 200
    assert [c.reused for c in backend.connections] == [False, True, True, True]


def test_an_upstream_without_tls_is_a_502(gateway, upstream, authority):
    response = proxied(gateway, upstream(never=False), f'{{ca: "{authority.pem}"}}', more=", timeouts: {connect: 500ms}").get()
    assert response.status == 502


def test_a_handshake_that_stalls_ends_with_the_connect_timeout(gateway, upstream, authority):
    backend = upstream(listen=False)
    backend.socket.listen(8)  # the kernel accepts, nobody speaks
    response = proxied(gateway, backend, f'{{ca: "{authority.pem}"}}', more=", timeouts: {connect: 100ms}").get()
    assert response.status == 502


def test_half_a_response_over_tls_is_not_a_whole_one(gateway, upstream, authority, localhost):
    """A body that ends with the connection ends well only with close_notify."""
    def torn(exchange):
        exchange.send(b"HTTP/1.1 200 OK\r\n\r\nhalf")
        exchange.close()  # FIN without close_notify

    gw = proxied(gateway, upstream(torn, tls=server_context(localhost)), f'{{ca: "{authority.pem}"}}')
    with gw.client() as client:
        client.send_request()
        head = client.read_head()
        assert head.status == 200
        with pytest.raises(AssertionError):
            client.reader.body_into(head)


def test_the_gateways_certificate_is_replaced_on_disk(gateway, upstream, authority, localhost):
    own = authority.issue("before")
    backend = upstream(tls=server_context(localhost, client_ca=authority.pem))
    gw = gateway(f"""
        upstreams:
          backend:
            targets: ["{backend}"]
            tls: {{ca: "{authority.pem}", cert: "{own.cert}", key: "{own.key}"}}
            pool: {{max_requests: 1}}
        routes: [{{id: all, match: {{path: "/*"}}, upstream: backend}}]
        tls_reload_interval: 100ms
        """)
    assert gw.get().status == 200
    new = authority.issue("after")
    own.key.write_bytes(new.key.read_bytes())
    own.cert.write_bytes(new.cert.read_bytes())
    gw.wait_log("files have changed and are used")
    assert gw.get().status == 200
    assert [c.peer_name for c in backend.connections] == ["before", "after"]


def test_bad_files_are_named_by_check(postern, authority):
    config = f"""
        upstreams:
          a: {{targets: ["127.0.0.1:1"], tls: {{ca: absent.pem}}}}
          b: {{targets: ["127.0.0.1:1"], tls: {{cert: "{authority.pem}"}}}}
        plugins: [respond: {{body: x}}]
        """
    said = postern("check", config=config)
    assert "upstreams/b/tls: \"cert\" and \"key\" go together" in said.stderr
    said = postern("check", config=config.replace(f', tls: {{cert: "{authority.pem}"}}', ""))
    assert "gateway.yaml:2:38: upstreams/a/tls: cannot read" in said.stderr

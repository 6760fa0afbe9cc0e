"""TLS to clients: certificates by name, client certificates, resumption, replacement on disk, and what bad clients get."""
import os
import re
import shutil
import socket
import ssl
import subprocess

import pytest

from support.certificates import Authority, client_context, openssl
from support.client import Client, parse_address
from support.gateway import BUILD
from support.upstream import early, ok
from support.wire import TIMEOUT

SHOW = "${tls.version} ${tls.sni} ${request.scheme} ${client.cert.subject} ${client.cert.san} ${client.cert.verified}"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("stranger"), "Stranger CA")


@pytest.fixture(scope="module")
def localhost(authority):
    return authority.issue("localhost", names=["DNS:localhost", "IP:127.0.0.1"])


def secure(gateway, pairs, more="", plugins="", body=SHOW, top="", address="127.0.0.1:0", **how):
    """A gateway that answers by itself what it knows of the client."""
    certificates = ", ".join(str(pair) for pair in pairs)
    return gateway(f"""
        listeners: [{{name: public, address: "{address}", tls: {{certificates: [{certificates}]{more}}}}}]
        plugins: [{plugins}]
        routes:
          - {{id: all, match: {{path: "/*"}}, plugins: [respond: {{body: "{body}"}}]}}
        {top}
        """, **how)


def certificate_of(client):
    subject = dict(part[0] for part in client.socket.getpeercert()["subject"])
    return subject["commonName"]


# ---- Certificates by name -----------------------------------------------------------------------------------------------

def test_a_request_over_tls_is_answered(gateway, authority, localhost):
    gw = secure(gateway, [localhost])
    assert gw.get(client={"tls": authority.trusted()}).text == "TLSv1.3 localhost https   "


def test_tls_1_2_is_spoken_and_nothing_older(gateway, authority, localhost):
    gw = secure(gateway, [localhost])
    assert gw.get(client={"tls": authority.trusted(newest=ssl.TLSVersion.TLSv1_2)}).text.startswith("TLSv1.2 ")
    asked = subprocess.run(["openssl", "s_client", "-connect", gw.address(), "-tls1_1", "-cipher", "ALL:@SECLEVEL=0"],
                           stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert asked.returncode != 0
    gw.wait_log("a client's handshake failed")


def test_the_certificate_follows_the_name_that_the_client_asks_for(gateway, authority):
    names = {"first": ["DNS:a.example"], "wild": ["DNS:*.b.example"], "exact": ["DNS:c.b.example"]}
    gw = secure(gateway, [authority.issue(name, names=which) for name, which in names.items()])
    trusted = authority.trusted()
    for host, expected in [("a.example", "first"), ("x.b.example", "wild"), ("c.b.example", "exact")]:
        with gw.client(tls=trusted, server_name=host) as client:
            assert certificate_of(client) == expected
            assert client.get(host=host).text.split()[1] == host
    trusted.check_hostname = False
    with gw.client(tls=trusted, server_name="unknown.example") as client:
        assert certificate_of(client) == "first"


def test_rsa_certificates_serve_too(gateway, authority):
    gw = secure(gateway, [authority.issue("localhost", names=["DNS:localhost"], algorithm="rsa")])
    assert gw.get(client={"tls": authority.trusted()}).status == 200


def test_curl_and_openssl_agree(gateway, authority, localhost):
    gw = secure(gateway, [localhost])
    port = gw.address().rsplit(":", 1)[1]
    said = subprocess.run(["curl", "-sS", "--cacert", authority.pem, f"https://localhost:{port}/"], capture_output=True, text=True)
    assert said.stdout.startswith("TLSv1.3 localhost https"), said
    said = subprocess.run(["openssl", "s_client", "-connect", gw.address(), "-CAfile", authority.pem, "-verify_return_error",
                           "-alpn", "http/1.1"], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert "ALPN protocol: http/1.1" in said.stdout and "Verify return code: 0 (ok)" in said.stdout, said


def test_tls_works_over_unix_sockets(gateway, authority, localhost):
    gw = secure(gateway, [localhost], address="unix:<dir>/s")
    assert gw.get(client={"tls": authority.trusted()}).status == 200


# ---- Client certificates ------------------------------------------------------------------------------------------------

def refused(gw, context):
    """The gateway refuses this client: in the handshake, or right after it, which TLS 1.3 makes the same to it."""
    try:
        with gw.client(tls=context) as client:
            client.send_request()
            client.read_response()
    except (ssl.SSLError, ConnectionError, AssertionError):
        return True
    return False


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_required_client_certificate_is_an_identity(gateway, authority, stranger, localhost, newest):
    gw = secure(gateway, [localhost], f', client_auth: {{mode: required, ca: "{authority.pem}"}}')
    alice = authority.issue("alice", names=["DNS:alice.example", "URI:spiffe://example/alice"])
    said = gw.get(client={"tls": authority.trusted(alice, newest=newest)}).text
    assert said.endswith("https CN=alice DNS:alice.example,URI:spiffe://example/alice true")
    bad = [authority.trusted(newest=newest), authority.trusted(stranger.issue("alice"), newest=newest),
           authority.trusted(authority.expired("alice"), newest=newest)]
    for number, context in enumerate(bad, 1):
        assert refused(gw, context)
        gw.wait_log('"kind":"certificate"', count=number)


def test_an_optional_client_certificate_may_be_missing_but_not_bad(gateway, authority, stranger, localhost):
    gw = secure(gateway, [localhost], f', client_auth: {{mode: optional, ca: "{authority.pem}"}}')
    assert gw.get(client={"tls": authority.trusted()}).text.endswith("https   ")
    assert gw.get(client={"tls": authority.trusted(authority.issue("bob"))}).text.endswith("https CN=bob  true")
    assert refused(gw, authority.trusted(stranger.issue("bob")))


def test_a_revoked_client_certificate_is_refused_even_with_an_old_session(gateway, tmp_path):
    authority = Authority(tmp_path / "ca")
    localhost = authority.issue("localhost", names=["DNS:localhost"])
    alice, bob, carol = (authority.issue(name) for name in ("alice", "bob", "carol"))
    crl = authority.revoke(bob)
    gw = secure(gateway, [localhost], f', client_auth: {{mode: required, ca: "{authority.pem}", crl: "{crl}"}}')
    context = authority.trusted(alice)
    with gw.client(tls=context) as client:
        assert client.get().status == 200
        session = client.socket.session
    assert refused(gw, authority.trusted(bob))
    assert "revoked" in gw.wait_log('"kind":"certificate"')["reason"]
    authority.revoke(alice)
    gw.reload()
    with pytest.raises((ssl.SSLError, AssertionError)):
        with gw.client(tls=context, session=session) as client:
            client.get()
    assert gw.get(client={"tls": authority.trusted(carol)}).status == 200


def test_lists_of_the_authorities_above_count_where_they_are_given(gateway, tmp_path):
    root = Authority(tmp_path / "root", "Root")
    good, bad, unlisted = (Authority(tmp_path / name, name, above=root) for name in ("good", "bad", "unlisted"))
    localhost = root.issue("localhost", names=["DNS:localhost"])
    alice, eve, bob, carol = good.issue("alice"), bad.issue("eve"), good.issue("bob"), unlisted.issue("carol")
    lists = tmp_path / "lists.pem"

    def write(*crls):
        lists.write_text("".join(crl.read_text() for crl in crls))
    write(good.revoke(bob), bad.revoke())
    gw = secure(gateway, [localhost], f', client_auth: {{mode: required, ca: "{root.pem}", crl: "{lists}"}}')

    def welcome(pair):
        return gw.get(client={"tls": root.trusted(pair)}).text.endswith("true")
    assert welcome(alice) and welcome(eve), "the root has no list, so nobody looks for its word on the others"
    assert refused(gw, root.trusted(bob))
    assert refused(gw, root.trusted(carol))
    assert "unable to get certificate CRL" in gw.wait_log('"kind":"certificate"', count=2)["reason"]
    write(good.directory / "crl.pem", bad.directory / "crl.pem", root.revoke(bad))
    gw.reload()
    assert welcome(alice)
    assert refused(gw, root.trusted(eve))
    assert "revoked" in gw.wait_log('"kind":"certificate"', count=3)["reason"]


def test_a_certificate_can_decide_at_on_connection(gateway, authority, localhost):
    guard = """
        return {name = "guard", version = "1.0.0", on_connection = function(connection)
          if connection.client_subject ~= "CN=alice" then return connection:abort() end
        end}"""
    gw = secure(gateway, [localhost], f', client_auth: {{mode: optional, ca: "{authority.pem}"}}', plugins="guard",
                files={"guard/guard.lua": guard}, top=f'plugin_path: ["{BUILD}/plugins", "<dir>"]')
    assert gw.get(client={"tls": authority.trusted(authority.issue("alice"))}).status == 200
    for other in (authority.trusted(), authority.trusted(authority.issue("bob"))):
        with gw.client(tls=other) as client:
            client.expect_closed()


# ---- Resumption ---------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_resumed_by_every_worker_and_after_a_reload(gateway, authority, localhost, newest):
    gw = secure(gateway, [localhost], body="${worker} ${tls.resumed}", top="workers: 2")
    context = authority.trusted(newest=newest)
    session, workers = None, set()
    for attempt in range(200):
        with gw.client(tls=context, session=session) as client:
            worker, resumed = client.get().text.split()
            assert resumed == ("true" if session else "false")
            assert client.socket.session_reused == bool(session)
            session, workers = client.socket.session, workers | {worker}
        if len(workers) == 2 and attempt > 4:
            break
    assert workers == {"0", "1"}
    gw.reload()
    with gw.client(tls=context, session=session) as client:
        assert client.get().text.endswith("true")


def test_without_tickets_nothing_is_resumed(gateway, authority, localhost):
    gw = secure(gateway, [localhost], ", session_tickets: false")
    context = authority.trusted(newest=ssl.TLSVersion.TLSv1_2)
    with gw.client(tls=context) as client:
        client.get()
        session = client.socket.session
    with gw.client(tls=context, session=session) as client:
        assert not client.socket.session_reused


# ---- Replacement on disk ------------------------------------------------------------------------------------------------

def replace(pair, by):
    """As certificate tools do: new files beside the old ones, moved over them."""
    for old, new in ((pair.cert, by.cert), (pair.key, by.key)):
        shutil.copy(new, f"{old}.new")
        os.rename(f"{old}.new", old)


def test_a_certificate_replaced_on_disk_is_served_and_open_connections_go_on(gateway, authority):
    pair = authority.issue("before", names=["DNS:localhost"])
    gw = secure(gateway, [pair], top="tls_reload_interval: 100ms")
    with gw.client(tls=authority.trusted()) as old:
        assert certificate_of(old) == "before"
        old.get()
        replace(pair, authority.issue("after", names=["DNS:localhost"]))
        gw.wait_log("files have changed and are used")
        with gw.client(tls=authority.trusted()) as new:
            assert certificate_of(new) == "after"
        assert old.get().status == 200


def test_a_bad_replacement_leaves_the_old_certificate_and_says_why(gateway, authority):
    pair = authority.issue("before", names=["DNS:localhost"])
    gw = secure(gateway, [pair], top="tls_reload_interval: 100ms")
    pair.key.write_bytes(authority.issue("other").key.read_bytes())
    reason = gw.wait_log("cannot be used; those before stay")["reason"]
    assert f"{pair.key}: the key does not belong to the certificate in {pair.cert}" in reason
    with gw.client(tls=authority.trusted()) as client:
        assert certificate_of(client) == "before"
    assert f"{pair.key}: the key does not belong" in gw.reload_fails()


def test_reload_takes_new_files_at_once(gateway, authority):
    pair = authority.issue("before", names=["DNS:localhost"])
    gw = secure(gateway, [pair], top="tls_reload_interval: 0")
    replace(pair, authority.issue("after", names=["DNS:localhost"]))
    gw.reload()
    with gw.client(tls=authority.trusted()) as client:
        assert certificate_of(client) == "after"


def test_check_names_the_file_and_the_reason(postern, authority, localhost, tmp_path):
    other = authority.issue("other")
    config = """
        listeners:
          - name: s
            address: "127.0.0.1:0"
            tls:
              certificates: [{cert: "<cert>", key: "<key>"}]
              client_auth: {mode: required, ca: absent.pem}
        plugins: [respond]
        """
    said = postern("check", config=config, cert=localhost.cert, key=other.key)
    assert said.returncode == 1
    assert f"gateway.yaml:5:22: listeners/s/tls/certificates: {other.key}: the key does not belong" in said.stderr
    assert "gateway.yaml:6:20: listeners/s/tls/client_auth: cannot read" in said.stderr and "absent.pem" in said.stderr


def test_check_warns_of_keys_that_others_can_read_and_of_expired_certificates(postern, authority, tmp_path):
    old = authority.expired("localhost")
    os.chmod(old.key, 0o644)
    config = 'listeners: [{name: s, address: "127.0.0.1:0", tls: {certificates: [<pair>]}}]\nplugins: [respond: {body: x}]\n'
    said = postern("check", config=config, pair=old)
    assert said.returncode == 0, said.stderr
    assert "everybody can read it" in said.stderr and "has expired" in said.stderr


def test_certificates_of_one_name_and_two_kinds_of_keys_serve_side_by_side(gateway, authority, localhost):
    names = ["DNS:localhost", "IP:127.0.0.1"]
    rsa, other = authority.issue("localhost", names=names, algorithm="rsa"), authority.issue("other", names=["DNS:other.example"])
    gw = secure(gateway, [other, localhost, rsa])

    def served(name, *options):
        said = subprocess.run(["openssl", "s_client", "-connect", gw.address(), "-servername", name, "-CAfile", authority.pem, *options],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
        return re.search(r"Peer signature type: (\S+)", said).group(1)
    assert served("localhost") == "ECDSA"
    assert served("localhost", "-sigalgs", "rsa_pss_rsae_sha256") == "RSA-PSS"
    assert served("localhost", "-tls1_2", "-cipher", "ECDHE-RSA-AES128-GCM-SHA256") == "RSA-PSS"
    assert served("localhost", "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256") == "ECDSA"
    assert served("other.example") == "ECDSA"
    with gw.client(tls=authority.trusted()) as client:
        assert certificate_of(client) == "localhost"


# ---- Stapling -----------------------------------------------------------------------------------------------------------

def stapled(authority, pair, folder):
    """An entry of `certificates` with a response."""
    request, response = folder / f"{pair.cert.stem}.request", folder / f"{pair.cert.stem}.response"
    openssl("ocsp", "-issuer", authority.pem, "-cert", pair.cert, "-reqout", request)
    openssl("ocsp", "-index", authority.directory / "index", "-CA", authority.pem, "-rsigner", authority.pem, "-rkey",
            authority.directory / "ca.key", "-reqin", request, "-respout", response, "-ndays", "7")
    return f'{{cert: "{pair.cert}", key: "{pair.key}", ocsp: "{response}"}}'


def test_an_ocsp_response_from_a_file_is_stapled(gateway, authority, localhost, tmp_path):
    """Each certificate has its own."""
    rsa = authority.issue("localhost", names=["DNS:localhost", "IP:127.0.0.1"], algorithm="rsa")
    gw = secure(gateway, [stapled(authority, pair, tmp_path) for pair in (localhost, rsa)])
    for algorithm, pair in (("ecdsa_secp256r1_sha256", localhost), ("rsa_pss_rsae_sha256", rsa)):
        said = subprocess.run(["openssl", "s_client", "-connect", gw.address(), "-status", "-CAfile", authority.pem, "-sigalgs", algorithm],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
        assert "OCSP Response Status: successful" in said and "Cert Status: good" in said
        serial = openssl("x509", "-in", pair.cert, "-noout", "-serial").strip().partition("=")[2]
        assert f"Serial Number: {serial}" in said


# ---- Bodies and endings -------------------------------------------------------------------------------------------------

def proxied(gateway, upstream, localhost, top=""):
    return gateway(f"""
        listeners: [{{name: public, address: "127.0.0.1:0", tls: {{certificates: [{localhost}]}}}}]
        upstreams: {{backend: {{targets: ["{upstream}"]}}}}
        routes: [{{id: all, match: {{path: "/*"}}, upstream: backend}}]
        {top}
        """)


def test_large_bodies_pass_both_ways_and_the_upstream_hears_of_https(gateway, upstream, authority, localhost):
    body = os.urandom(1 << 20)
    backend = upstream(lambda exchange: ok(exchange.request.body))
    gw = proxied(gateway, backend, localhost)
    with gw.client(tls=authority.trusted()) as client:
        for _ in range(3):
            assert client.request("POST", body=body).body == body
    assert backend.last.headers["X-Forwarded-Proto"] == "https"


def test_a_client_that_reads_slowly_holds_the_upstream_back(gateway, upstream, authority, localhost):
    sent = []

    @early
    def endless(exchange):
        exchange.connection.socket.settimeout(1)
        exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        piece = b"x" * 100_000
        try:
            while len(sent) < 1000:
                exchange.send(piece)
                sent.append(1)
        except TimeoutError:
            backend.fail_slow = True
        exchange.body_read = True

    backend = upstream(endless)
    gw = proxied(gateway, backend, localhost)
    with gw.client(tls=authority.trusted(), receive_buffer=4096) as client:
        client.send_request()
        assert client.read_head().status == 200
        backend.wait_for(lambda u: getattr(u, "fail_slow", False) or u.requests, "the upstream to stand still")
        assert len(sent) < 500
        client.reset()


def test_a_client_that_has_closed_its_side_is_answered(gateway, upstream, authority, localhost):
    gw = proxied(gateway, upstream(ok("late")), localhost)
    with gw.client(tls=authority.trusted()) as client:
        client.send_request().half_close()
        assert client.read_response().text == "late"
        client.expect_closed()


def test_the_gateway_says_goodbye_with_close_notify(gateway, authority, localhost):
    gw = secure(gateway, [localhost])
    with gw.client(tls=authority.trusted()) as client:
        client.socket.suppress_ragged_eofs = False
        assert client.get(headers={"Connection": "close"}).status == 200
        assert client.socket.recv(1) == b""  # and no SSLEOFError


def test_idle_connections_end_with_close_notify(gateway, authority, localhost):
    gw = secure(gateway, [localhost], top="timeouts: {idle: 1s}")
    with gw.client(tls=authority.trusted()) as client:
        client.socket.suppress_ragged_eofs = False
        assert client.get().status == 200
        assert client.socket.recv(1) == b""


# ---- Bad clients --------------------------------------------------------------------------------------------------------

def raw(gw):
    family, where = parse_address(gw.address())
    sock = socket.socket(family)
    sock.settimeout(TIMEOUT)
    sock.connect(where)
    return sock


def test_plain_http_to_a_tls_port_gets_a_plain_400_and_a_log_line(gateway, localhost):
    gw = secure(gateway, [localhost])
    with Client(gw.address()) as client:
        response = client.get()
        assert (response.status, response.error_code) == (400, "BAD_REQUEST")
        client.expect_closed()
    line = gw.wait_log("a client's handshake failed")
    assert (line["kind"], line["listener"]) == ("plain_http", "public") and line["peer"].startswith("127.0.0.1:")


def test_a_stalled_handshake_is_cut(gateway, localhost):
    gw = secure(gateway, [localhost], top="timeouts: {handshake: 50ms}")
    for piece in (b"", b"\x16\x03\x01\x02\x00\x01"):
        with raw(gw) as sock:
            sock.sendall(piece)
            assert sock.recv(100) == b""
    assert gw.wait_log('"kind":"timeout"', count=2)["reason"] == "the handshake was not finished in time"


def test_stalled_handshakes_do_not_hold_others_back_nor_the_end(gateway, authority, localhost):
    gw = secure(gateway, [localhost], top="timeouts: {handshake: 30s, drain: 100ms}")
    stalled = [raw(gw) for _ in range(50)]
    for sock in stalled:
        sock.sendall(b"\x16\x03\x01\x02\x00")
    assert gw.get(client={"tls": authority.trusted()}).status == 200
    gw.terminate()
    assert gw.wait_exit() == 0
    for sock in stalled:
        sock.close()


def test_noise_is_no_handshake(gateway, authority, localhost):
    gw = secure(gateway, [localhost])
    for noise in (b"\x00" * 400, os.urandom(5000), b"\x16\x03\x01\xff\xff" + os.urandom(70000), b"SSH-2.0-x\r\n"):
        with raw(gw) as sock:
            try:
                sock.sendall(noise)
                sock.shutdown(socket.SHUT_WR)
                while sock.recv(1000):
                    pass
            except OSError:
                pass
    assert gw.get(client={"tls": authority.trusted()}).status == 200


def test_a_renegotiation_is_refused_and_ends_the_connection(gateway, localhost):
    gw = secure(gateway, [localhost])
    asked = subprocess.Popen(["openssl", "s_client", "-connect", gw.address(), "-tls1_2", "-legacy_renegotiation"],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    asked.stdin.write(b"R\n")
    asked.stdin.flush()
    said = asked.stdout.read()  # until the gateway closes
    asked.stdin.close()
    asked.wait(TIMEOUT)
    assert b"no renegotiation" in said or b"RENEGOTIATING" in said, said


def test_failures_and_handshakes_are_counted(gateway, authority, localhost):
    gw = gateway(f"""
        listeners:
          - {{name: public, address: "127.0.0.1:0", tls: {{certificates: [{localhost}]}}}}
          - {{name: plain, address: "127.0.0.1:0"}}
        plugins: [metrics: {{path: /metrics}}]
        """)
    gw.get("/x", client={"tls": authority.trusted()})
    with Client(gw.address()) as client:
        client.get()
    metrics = gw.metrics(listener="plain")
    assert metrics.value("postern_tls_handshakes_total", resumed="no") == 1
    assert metrics.value("postern_tls_handshake_failures_total", reason="plain_http") == 1

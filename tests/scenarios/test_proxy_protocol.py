"""The PROXY protocol: whose address a request has, and what connections without a good header get."""
import socket

import pytest

from support.certificates import server_context, shared
from support.client import Client
from support.upstream import ok

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
V1 = b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 443\r\n"
V2 = SIGNATURE + b"\x21\x11\x00\x0c" + socket.inet_aton("192.0.2.7") + socket.inet_aton("192.0.2.1") + b"\xdc\x04\x01\xbb"
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"


def behind_proxy(gateway, value="true", more="", address="127.0.0.1:0", top="", **how):
    return gateway(f"""
        listeners: [{{name: public, address: "{address}", proxy_protocol: {value}{more}}}]
        routes: [{{id: all, match: {{path: "/*"}}, plugins: [respond: {{body: "${{client.ip}} ${{client.port}}"}}]}}]
        {top}
        """, **how)


@pytest.mark.parametrize("header, client", [
    (V1, "192.0.2.7 56324"),
    (V2, "192.0.2.7 56324"),
    (b"PROXY TCP6 2001:db8::7 ::1 4711 443\r\n", "2001:db8::7 4711"),
])
def test_the_client_is_who_the_header_names(gateway, header, client):
    gw = behind_proxy(gateway)
    with Client(gw.address()) as sender:
        sender.send(header)
        for _ in range(2):
            assert sender.get().text == client


@pytest.mark.parametrize("header", [LOCAL, b"PROXY UNKNOWN\r\n"])
def test_a_proxy_that_speaks_for_itself_keeps_its_address(gateway, header):
    gw = behind_proxy(gateway)
    with Client(gw.address()) as sender:
        assert sender.send(header).get().text == f"127.0.0.1 {sender.local_port}"


def test_a_header_may_come_in_pieces_and_with_the_request(gateway):
    gw = behind_proxy(gateway)
    with Client(gw.address()) as sender:
        for i in range(len(V2)):
            sender.send(V2[i:i + 1])
        assert sender.get().text == "192.0.2.7 56324"
    with Client(gw.address()) as sender:
        sender.send(V1 + b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert [sender.read_response().text for _ in range(2)] == ["192.0.2.7 56324"] * 2


@pytest.mark.parametrize("first", [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"PROXY TCP4 1.2.3.4 x 1 2\r\n", SIGNATURE + b"\x31\x11\x00\x0c" + b"x" * 12, b"PROXY " + b"x" * 200,
])
def test_a_connection_without_a_good_header_is_closed_with_a_log_line(gateway, first):
    gw = behind_proxy(gateway)
    with Client(gw.address()) as sender:
        sender.send(first).expect_closed()
    line = gw.wait_log("a client's handshake failed")
    assert line["kind"] == "proxy_header" and line["peer"].startswith("127.0.0.1:")


def test_a_header_that_does_not_come_is_waited_for_as_long_as_a_handshake(gateway):
    gw = behind_proxy(gateway, top="timeouts: {handshake: 50ms}")
    with Client(gw.address()) as sender:
        sender.send(V1[:10]).expect_closed()
    gw.wait_log('"kind":"timeout"')


def test_only_trusted_senders_may_speak_for_others(gateway):
    gw = behind_proxy(gateway, "{trusted: [10.0.0.0/8]}")
    with Client(gw.address()) as sender:
        sender.send(V1).send_request().expect_closed()
    assert "is not in the listener's proxy_protocol.trusted" in gw.wait_log('"kind":"proxy_header"')["reason"]
    gw = behind_proxy(gateway, "{trusted: [10.0.0.0/8, 127.0.0.1]}")
    with Client(gw.address()) as sender:
        assert sender.send(V1).get().text == "192.0.2.7 56324"


def test_trusted_proxies_go_on_from_the_headers_address(gateway):
    gw = behind_proxy(gateway, top="trusted_proxies: [192.0.2.0/24]")
    with Client(gw.address()) as sender:
        assert sender.send(V1).get(headers={"X-Forwarded-For": "198.51.100.9"}).text == "198.51.100.9 56324"


def test_the_header_comes_before_the_handshake(gateway):
    authority, pair = shared()
    gw = behind_proxy(gateway, more=f", tls: {{certificates: [{pair}]}}")
    for header in (V1, V2):
        with Client(gw.address(), tls=authority.trusted(), before_tls=header) as sender:
            assert sender.get().text == "192.0.2.7 56324"


def test_headers_pass_through_unix_sockets(gateway):
    gw = behind_proxy(gateway, address="unix:<dir>/s")
    with Client(gw.address()) as sender:
        assert sender.send(V2).get().text == "192.0.2.7 56324"


def test_a_wrong_value_is_refused(postern):
    for value in ("v1", "{trusted: []}", "{trusted: [nobody]}"):
        said = postern("check", config=f'listeners: [{{name: a, address: "127.0.0.1:0", proxy_protocol: {value}}}]\nplugins: [respond: {{body: x}}]\n')
        assert said.returncode == 1 and "listeners/0/proxy_protocol" in said.stderr, said.stderr


# ---- To upstreams -------------------------------------------------------------------------------------------------------

def introducing(gateway, backend, version, more="", listener="", address="127.0.0.1:0"):
    return gateway(f"""
        listeners: [{{name: public, address: "{address}"{listener}}}]
        upstreams: {{backend: {{targets: ["{backend}"], proxy_protocol: {version}{more}}}}}
        routes: [{{id: all, match: {{path: "/*"}}, upstream: backend}}]
        """)


def introduced(connection):
    """(address, port) of the client that a header of either version names; None for nobody."""
    header = connection.proxy_header
    if header.startswith(b"PROXY "):
        words = header.decode().split()
        return None if words[1] == "UNKNOWN" else (words[2], int(words[4]))
    assert header[:13] == SIGNATURE + b"\x21"
    return None if header[13] == 0 else (socket.inet_ntoa(header[16:20]), int.from_bytes(header[24:26], "big"))


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_upstreams_hear_who_the_client_is(gateway, upstream, version):
    backend = upstream(proxy_header=True)
    gw = introducing(gateway, backend, version)
    with gw.client() as one, gw.client() as other:
        for client in (one, other, one):
            assert client.get().status == 200
        expected = [("127.0.0.1", client.local_port) for client in (one, other, one)]
    assert [introduced(c) for c in backend.connections] == expected  # and no connection has served two requests
    if version == "v1":
        assert backend.connections[0].proxy_header.split()[5] == gw.address().rsplit(":", 1)[1].encode()


def test_many_clients_at_once_are_each_introduced_on_a_connection_of_their_own(gateway, upstream):
    """Whatever the order in which connections come about, none carries the request of somebody else."""
    def who(exchange):
        return ok("%s %d" % introduced(exchange.connection))

    backend = upstream(who, proxy_header=True)
    gw = introducing(gateway, backend, "v2", more=", pool: {max_connections: 3}")
    clients = [gw.client() for _ in range(20)]
    for round in range(3):
        for client in clients:
            client.send_request(body=b"x" * 10, method="POST")
        for client in clients:
            assert client.read_response().text == f"127.0.0.1 {client.local_port}"
    for client in clients:
        client.close()


def test_a_client_that_leaves_does_not_give_its_connection_to_another(gateway, upstream):
    backend = upstream(lambda exchange: ok("%s %d" % introduced(exchange.connection)), proxy_header=True)
    gw = introducing(gateway, backend, "v1", more=", pool: {max_connections: 1}")
    for _ in range(10):
        with gw.client() as leaver:
            leaver.send_request()
            leaver.reset()
        with gw.client() as client:
            assert client.get().text == f"127.0.0.1 {client.local_port}"


def test_the_introduction_is_passed_on_and_comes_before_tls(gateway, upstream):
    authority, pair = shared()
    backend = upstream(proxy_header=True, tls=server_context(pair))
    gw = introducing(gateway, backend, "v2", more=f', tls: {{ca: "{authority.pem}"}}', listener=", proxy_protocol: true")
    with Client(gw.address()) as sender:
        assert sender.send(V1).get().status == 200
    assert introduced(backend.connections[0]) == ("192.0.2.7", 56324)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_clients_on_unix_sockets_are_nobody(gateway, upstream, version):
    backend = upstream(proxy_header=True, unix=True)
    gw = introducing(gateway, backend, version, address="unix:<dir>/s")
    assert gw.get().status == 200
    assert introduced(backend.connections[0]) is None


def test_an_upstream_that_refuses_is_one_failure_for_each_client(gateway, upstream):
    gw = introducing(gateway, upstream(listen=False), "v1")
    assert [gw.get().status for _ in range(3)] == [502] * 3


def test_http_2_cannot_be_introduced(postern):
    said = postern("check", config='upstreams: {a: {targets: ["127.0.0.1:1"], protocol: h2, proxy_protocol: v1}}\nplugins: [respond: {body: x}]\n')
    assert said.returncode == 1 and "upstreams/a/proxy_protocol: a connection that is introduced" in said.stderr

"""The PROXY protocol: whose address a request has, and what connections without a good header get."""
import socket

import pytest

from support.certificates import shared
from support.client import Client

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
    assert "may speak for others" in gw.wait_log('"kind":"proxy_header"')["reason"]
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

"""SIGTERM drains: what is in flight ends well, what is new is not taken, the exit code is 0."""
import signal
import socket
import threading

import pytest

from support.gateway import proxy_to
from support.upstream import ok

pytestmark = pytest.mark.concurrency


def test_a_request_in_flight_is_answered_and_then_the_connection_closed(gateway, upstream):
    go = threading.Event()
    u = upstream(lambda exchange: exchange.wait(go) or ok("whole"))
    gw = gateway(proxy_to(u))
    with gw.client() as busy, gw.client() as idle:
        assert_idle(idle, u, go)
        busy.send_request()
        u.wait_for(lambda u: u.started == 2)
        gw.terminate()
        idle.expect_closed()
        go.set()
        response = busy.read_response()
        assert response.text == "whole" and response.headers["Connection"].lower() == "close"
        busy.expect_closed()
    assert gw.wait_exit() == 0


def assert_idle(client, u, go):
    """Leaves the client with one answered request on a kept connection."""
    go.set()
    assert client.get().status == 200
    go.clear()


def test_after_sigterm_no_new_connection_is_taken(gateway, upstream):
    go = threading.Event()
    u = upstream(lambda exchange: exchange.wait(go) or ok())
    gw = gateway(proxy_to(u))
    with gw.client() as busy, gw.client() as idle:
        busy.send_request()
        u.wait_for(lambda u: u.started == 1)
        gw.terminate()
        idle.expect_closed()  # from here on the listener is closed, too
        with pytest.raises((ConnectionRefusedError, ConnectionResetError)):
            with gw.client() as late:
                if late.socket.recv(1) == b"":
                    raise ConnectionResetError
        go.set()
        assert busy.read_response().status == 200
    assert gw.wait_exit() == 0


def test_what_does_not_end_in_time_is_cut(gateway, upstream):
    go = threading.Event()
    u = upstream(lambda exchange: exchange.wait(go) or ok())
    gw = gateway(proxy_to(u, timeouts={"drain": "300ms"}))
    with gw.client() as client:
        client.send_request()
        u.wait_for(lambda u: u.started == 1)
        gw.terminate()
        assert gw.wait_exit() == 0
        client.reader.to_end()
        go.set()


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_gateway_ends_at_once(gateway, upstream, how):
    gw = gateway(proxy_to(upstream(), workers=2))
    assert gw.get().status == 200
    gw.process.send_signal(how)
    assert gw.wait_exit() == 0


def test_a_unix_socket_is_removed_at_the_end(gateway, upstream):
    gw = gateway("""
        listeners: [{name: public, address: "unix:<dir>/public"}]
        upstreams: {u: {targets: ["<u>"]}}
        routes: [{id: all, match: {path: "/*"}, upstream: u}]
        """, u=upstream())
    assert gw.get().status == 200
    gw.terminate()
    assert gw.wait_exit() == 0
    assert not (gw.directory / "public").exists()


def test_clients_that_say_nothing_do_not_hold_it_up(gateway, upstream):
    gw = gateway(proxy_to(upstream()))
    silent = [socket.create_connection(("127.0.0.1", int(gw.address().rpartition(":")[2]))) for _ in range(20)]
    silent[0].sendall(b"GET / HT")
    gw.terminate()
    assert gw.wait_exit() == 0
    for one in silent:
        one.close()

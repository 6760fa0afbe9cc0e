"""Bodies of any size pass with bounded memory: a slow reader stops the fast writer."""
import hashlib
import threading

import pytest

from support.gateway import proxy_to
from support.upstream import early, ok
from support.wire import TIMEOUT

SIZE = 64 << 20
PIECE = bytes(range(256)) * 256  # 64 KiB
GROWTH_KIB = 24 << 10  # far below SIZE, far above the watermarks: the sanitizers hold on to freed memory
LEAN = {"ASAN_OPTIONS": "detect_leaks=1:exitcode=99:quarantine_size_mb=1:thread_local_quarantine_size_kb=64"}


def write_until_stalled(sock, count, stalled):
    """Sends `count` bytes; sets `stalled` whenever the peer has taken nothing for a second."""
    sock.settimeout(1)
    while count:
        piece = memoryview(PIECE)[:count]
        while piece:
            try:
                sent = sock.send(piece)
                piece, count = piece[sent:], count - sent
            except TimeoutError:
                stalled.set()
    sock.settimeout(TIMEOUT)  # the next request may take its time


def digest_of(count):
    return hashlib.sha256(PIECE * (count // len(PIECE))).hexdigest()


@pytest.mark.parametrize("framing", ["length", "chunked", "close"])
def test_a_download_waits_for_its_reader(gateway, upstream, framing):
    stalled = threading.Event()

    def download(exchange):
        if framing == "chunked":
            exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % SIZE)
        elif framing == "length":
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % SIZE)
        else:
            exchange.send("HTTP/1.1 200 OK\r\n\r\n")
        write_until_stalled(exchange.connection.socket, SIZE, stalled)
        if framing == "chunked":
            exchange.send("\r\n0\r\n\r\n")
        if framing == "close":
            exchange.close()

    gw = gateway(proxy_to(upstream(download)), env=LEAN)
    with gw.client(receive_buffer=1 << 16) as client:
        before = gw.rss_kib()
        client.send_request()
        assert stalled.wait(60), "the upstream could send everything although nobody reads"
        assert gw.rss_kib() - before < GROWTH_KIB
        assert hashlib.sha256(client.read_response().body).hexdigest() == digest_of(SIZE)
        assert gw.rss_kib() - before < GROWTH_KIB


@pytest.mark.parametrize("chunked", [False, True])
def test_an_upload_waits_for_its_reader(gateway, upstream, chunked):
    stalled = threading.Event()

    @early
    def upload(exchange):
        exchange.wait(stalled)
        return ok(hashlib.sha256(exchange.read_body()).hexdigest())

    gw = gateway(proxy_to(upstream(upload), limits={"body": 0}), env=LEAN)
    with gw.client() as client:
        before = gw.rss_kib()
        framing = "Transfer-Encoding: chunked\r\n\r\n%x" % SIZE + "\r\n" if chunked else "Content-Length: %d\r\n\r\n" % SIZE
        client.send("POST / HTTP/1.1\r\nHost: a\r\n" + framing)
        write_until_stalled(client.socket, SIZE, stalled)
        client.socket.settimeout(60)
        client.send("\r\n0\r\n\r\n" if chunked else "")
        assert client.read_response().text == digest_of(SIZE)
        assert stalled.is_set()
        assert gw.rss_kib() - before < GROWTH_KIB


def test_both_directions_flow_at_once(gateway, upstream):
    @early
    def mirror(exchange):
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (8 << 20))
        left = 8 << 20
        while left:
            data = exchange.read_some()
            exchange.send(data)
            left -= len(data)
        exchange.body_read = True

    with gateway(proxy_to(upstream(mirror))).client() as client:
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % (8 << 20))
        writer = threading.Thread(target=client.send, args=(PIECE * 128,), daemon=True)
        writer.start()
        response = client.read_response()
        writer.join(30)
    assert response.body == PIECE * 128


def test_a_slow_reader_does_not_hold_up_others(gateway, upstream):
    u = upstream(lambda exchange: ok(b"x" * (16 << 20)) if exchange.request.target == "/big" else ok("quick"))
    gw = gateway(proxy_to(u))
    with gw.client(receive_buffer=4096) as slow:
        slow.send_request(target="/big")
        slow.read_head()
        for _ in range(20):
            assert gw.get("/small").text == "quick"

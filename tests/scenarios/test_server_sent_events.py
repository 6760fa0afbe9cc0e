"""Server-sent events pass one by one: the upstream emits the next only when the client has told that it has the one before."""
import contextlib
import os
import pathlib
import threading
import time

import pytest

from support.certificates import shared
from support.gateway import BUILD, ROOT, proxy_to, tls_listener
from support.upstream import early, ok

EVENTS = 20
HEAD = [("Content-Type", "text/event-stream; charset=utf-8"), ("Cache-Control", "no-cache, no-transform"), ("ETag", '"live"')]

# A script that watches the stream go by without holding it.
WATCHER = """
return {
  name = "watcher", version = "1.0.0", response_body = "stream",
  on_response = function(exchange) exchange.response.headers["x-watched"] = "yes" end,
  on_response_body = function(exchange) exchange.state.bytes = (exchange.state.bytes or 0) + #exchange.response.body end,
}
"""
CHAIN = [{"stack": "realtime"}, {"watcher": {}}]


def event(number):
    return f"id: {number}\ndata: event {number}\n\n".encode()


class Emitter:
    """Emits event after event, each when `seen` says that the one before has arrived. Speaks every framing."""

    def __init__(self, count=EVENTS):
        self.count = count
        self.seen = [threading.Event() for _ in range(count)]
        self.gone = threading.Event()

    def each(self, emit):
        for number in range(self.count):
            emit(event(number))
            assert self.seen[number].wait(30), f"event {number} did not arrive before the next"

    def chunked(self, exchange):
        self.send_head(exchange, "Transfer-Encoding: chunked\r\n")
        self.each(lambda data: exchange.send(b"%x\r\n%s\r\n" % (len(data), data)))
        exchange.send("0\r\n\r\n")

    def until_close(self, exchange):
        self.send_head(exchange, "Connection: close\r\n")
        self.each(exchange.send)
        exchange.close()

    def h2(self, stream):
        stream.send_head(200, [(name.lower(), value) for name, value in HEAD])
        self.each(stream.send_data)
        stream.send_data(b"", end=True)

    @staticmethod
    def send_head(exchange, framing):
        fields = "".join(f"{name}: {value}\r\n" for name, value in HEAD)
        exchange.send(f"HTTP/1.1 200 OK\r\n{fields}{framing}\r\n")


class H1Stream:
    """Reads a stream over HTTP/1.1, with or without TLS."""

    def __init__(self, client, **how):
        self.client = client
        self.body = b""
        client.send_request(target="/events", **how)
        self.head = client.read_head()

    def read_until(self, text):
        while text not in self.body:
            piece = self.client.reader.chunk()
            assert piece, f"the stream ended before {text!r}"
            self.body += piece

    def expect_end(self):
        assert self.client.reader.chunk() == b""


class H2Stream:
    def __init__(self, client, **how):
        self.client = client
        client.send_request(target="/events", **how)
        self.stream = client.streams[client.latest]
        client.wait_for(lambda: self.stream.response is not None, "a response head")
        self.head = self.stream.response

    def read_until(self, text):
        self.client.wait_for(lambda: text in self.stream.response.body, f"{text!r}")

    def expect_end(self):
        self.client.wait_for(lambda: self.stream.ended, "the end of the stream")


CLIENTS = ["http1", "tls", "h2", "h2-tls"]


@contextlib.contextmanager
def listening(gw, kind, **how):
    tls = shared()[0].trusted(protocols=["h2"] if kind.startswith("h2") else ["http/1.1"]) if "tls" in kind else None
    where = "secure" if tls else "public"
    client = gw.h2(where, tls=tls) if kind.startswith("h2") else gw.client(where, **({"tls": tls} if tls else {}))
    with client:
        yield (H2Stream if kind.startswith("h2") else H1Stream)(client, **how)


def streaming_to(target, chain=CHAIN, route=None, **top):
    listeners = [{"name": "public", "address": "127.0.0.1:0"}, {"name": "internal", "address": "127.0.0.1:0"},
                 tls_listener(name="secure")]
    return {**proxy_to(target, chain, route), "include": str(ROOT / "config/stacks.yaml"), "listeners": listeners,
            "plugins": [{"stack": "gateway"}], **top}


@pytest.fixture
def stream(gateway):
    """stream(target, ...): a gateway with the usual chain, the preset stacks and a script."""
    return lambda target, *args, **how: gateway(with_scripts(streaming_to(target, *args, **how)), files={"watcher/watcher.lua": WATCHER})


def with_scripts(config):
    return {**config, "plugin_path": [str(BUILD / "plugins"), "<dir>"]}


@pytest.mark.parametrize("framing", ["chunked", "until_close", "h2"])
@pytest.mark.parametrize("kind", CLIENTS)
def test_each_event_arrives_before_the_next_is_emitted(stream, upstream, h2_upstream, kind, framing):
    emitter = Emitter()
    source = h2_upstream(emitter.h2) if framing == "h2" else upstream(getattr(emitter, framing))
    gw = stream({"targets": [str(source)], "protocol": "h2" if framing == "h2" else "http/1.1"})
    with listening(gw, kind, headers={"Accept": "text/event-stream", "Accept-Encoding": "gzip, br", "Last-Event-ID": "41"}) as s:
        for number in range(EVENTS):
            s.read_until(event(number))
            emitter.seen[number].set()
        s.expect_end()
    assert s.head.status == 200
    for name, value in HEAD:
        assert s.head.headers[name] == value
    assert s.head.headers.get("Content-Encoding") is None
    assert s.head.headers.get("Content-Length") is None
    assert s.head.headers["X-Watched"] == "yes"
    request = source.streams[0] if framing == "h2" else source.last
    assert request.headers["Last-Event-ID"] == "41"
    assert request.headers["Accept-Encoding"] == "gzip, br"
    assert request.headers["Accept"] == "text/event-stream"


def test_a_stream_outlives_every_timeout_of_answers(stream, upstream):
    """None of the times between the head and the end is a deadline: neither the route's, nor the upstream's, nor a client's."""
    emitter = Emitter(3)
    short = {"targets": [str(upstream(emitter.chunked))], "timeouts": {"response": "1s", "body": "1s"}}
    timeouts = {"idle": "1s", "write": "1s", "header_read": "1s", "body_read": "1s"}
    gw = stream(short, route={"timeout": "1s"}, timeouts=timeouts)
    with listening(gw, "http1") as s:
        for number in range(3):
            s.read_until(event(number))
            with gw.client() as other:  # idle until the gateway closes it: by then a deadline has passed
                other.expect_closed()
            emitter.seen[number].set()
        s.expect_end()


def test_a_route_may_still_bound_the_silence(stream, upstream):
    u = upstream(early(lambda exchange: Emitter.send_head(exchange, "Transfer-Encoding: chunked\r\n") or exchange.read_some()))
    gw = stream(u, route={"response_body_timeout": "50ms"})
    with listening(gw, "http1") as s:
        s.client.expect_closed()
    gw.wait_for(lambda: any("the response body stood still" in line for line in gw.output), "the line of the access log")


def test_without_streaming_the_upstreams_limit_of_silence_holds(stream, upstream):
    u = upstream(early(lambda exchange: Emitter.send_head(exchange, "Transfer-Encoding: chunked\r\n") or exchange.read_some()))
    gw = stream({"targets": [str(u)], "timeouts": {"body": "50ms"}}, chain=[])
    with listening(gw, "http1") as s:
        s.client.expect_closed()


def test_heartbeats_keep_a_stream_within_its_limit_of_silence(stream, upstream):
    """Comments count as life: the limit begins anew with every byte."""
    enough = threading.Event()

    @early
    def beats(exchange):
        Emitter.send_head(exchange, "Transfer-Encoding: chunked\r\n")
        while not enough.wait(0.02):
            exchange.send(b"3\r\n:\n\n\r\n")
        exchange.send(b"6\r\ndata:x\r\n0\r\n\r\n")
        exchange.read_body()

    gw = stream({"targets": [str(upstream(beats))]}, route={"response_body_timeout": "1500ms"})
    with listening(gw, "http1") as s:
        s.read_until(b":\n\n" * 100)  # more than the limit's time
        enough.set()
        s.read_until(b"data:x")
        s.expect_end()


# ---- The client goes -------------------------------------------------------------------------------------------------

def leaves(stream, how):
    client = stream.client
    if how == "reset":
        client.reset()
    elif how == "closes":
        client.close()
    elif how == "half-closes":
        client.half_close()
    else:
        client.reset_stream(client.latest)


WAYS = [(kind, how) for kind in CLIENTS for how in ("closes", "reset", "half-closes", "resets the stream")
        if (how == "resets the stream") == kind.startswith("h2") or how == "closes" or (how, kind) == ("reset", "http1")]


@pytest.mark.parametrize("framing", ["chunked", "until_close", "h2"])
@pytest.mark.parametrize("kind, how", WAYS, ids=lambda value: value.replace(" ", "-"))
def test_a_client_that_goes_ends_the_upstreams_stream(stream, upstream, h2_upstream, kind, how, framing):
    """Of a stream that is silent: nothing that is sent could tell."""
    gone = threading.Event()

    @early
    def http1(exchange):
        Emitter.send_head(exchange, "Transfer-Encoding: chunked\r\n" if framing == "chunked" else "Connection: close\r\n")
        exchange.send(b"%x\r\n%s\r\n" % (len(event(0)), event(0)) if framing == "chunked" else event(0))
        assert exchange.read_some() == b""  # the gateway closed
        gone.set()
        exchange.close()

    def http2(s):
        s.send_head(200, [("content-type", "text/event-stream")])
        s.send_data(event(0))
        with s.connection.upstream.changed:
            assert s.connection.upstream.changed.wait_for(lambda: s.gone, 30)
        gone.set()

    source = h2_upstream(http2) if framing == "h2" else upstream(http1)
    gw = stream({"targets": [str(source)], "protocol": "h2" if framing == "h2" else "http/1.1"})
    with listening(gw, kind) as s:
        s.read_until(event(0))
        leaves(s, how)
        assert gone.wait(30)
        if how == "half-closes":
            s.client.expect_closed()


def test_open_streams_are_counted(stream, upstream):
    emitter = Emitter(1)
    gw = stream(upstream(emitter.chunked))

    def open_streams():
        return gw.metrics(listener="internal").value("postern_streams", route="all")
    assert open_streams() == 0
    with listening(gw, "h2") as s:
        s.read_until(event(0))
        assert open_streams() == 1
        emitter.seen[0].set()
        s.expect_end()
    assert open_streams() == 0


# What sockets do about peers that vanish: /proc/net/tcp says 02 where the timer that runs is the one of keep-alive.

def timer_of(local_port, remote_port):
    ends = f"{local_port:04X}", f"{remote_port:04X}"
    for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if (fields[1][-4:], fields[2][-4:]) == ends:
            return fields[5][:2]
    raise AssertionError(f"no connection from {local_port} to {remote_port}")


def test_peers_that_vanish_without_a_word_are_noticed_on_both_sides(stream, upstream):
    emitter = Emitter(1)
    u = upstream(emitter.chunked)
    gw = stream(u)
    with listening(gw, "http1") as s:
        s.read_until(event(0))
        port = int(gw.address().rpartition(":")[2])
        connection = u.connections[0].socket
        eventually(lambda: timer_of(port, s.client.local_port) == "02")  # 01 while the kernel waits for an acknowledgement
        eventually(lambda: timer_of(connection.getpeername()[1], connection.getsockname()[1]) == "02")
        emitter.seen[0].set()
        s.expect_end()


def eventually(holds):
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline
        os.sched_yield()


# ---- What may stand in such a chain ----------------------------------------------------------------------------------

def script(name, **fields):
    lines = "".join(f"  {key} = {value},\n" for key, value in fields.items())
    return {f"{name}/{name}.lua": f'return {{\n  name = "{name}", version = "1.0.0",\n{lines}}}\n'}


HOOK = "function() end"
WHOLE = script("collector", response_body='{policy = "buffer", limit = "64k"}', on_response_body=HOOK)
PEEK = script("collector", response_body='{policy = "buffer", limit = "1k", on_overflow = "peek"}', on_response_body=HOOK)
UPLOAD = script("collector", request_body='{policy = "buffer", limit = "8k"}', on_request_body=HOOK)
BY_CONFIG = script("collector", schema="{whole = {type = 'boolean', default = true}}", on_response_body=HOOK,
                   response_body='function(config) return config.whole and "buffer" or "stream" end')
UNUSED = script("collector", response_body='{policy = "buffer", limit = "64k"}', on_request=HOOK)

CONFIG = """
    include: {stacks}
    upstreams:
      app: {{targets: ["127.0.0.1:9"]}}
    {top}
    routes:
      - id: events
        match: {{path: /events}}
        upstream: app
        {keys}
        plugins:
          - stack: {stack}
          - collector: {config}
    plugin_path: [{plugins}, "<dir>"]
"""


def checked(postern, files, keys="", stack="realtime", config="{}", top=""):
    text = CONFIG.format(stacks=ROOT / "config/stacks.yaml", keys=keys or "{}", stack=stack, config=config, top=top,
                         plugins=BUILD / "plugins").replace("        {}\n", "").replace("    \n", "")
    result = postern("check", config=text, files=files)
    return result


@pytest.mark.parametrize("files, held", [(WHOLE, "whole responses (up to 64k)"), (PEEK, "the first 1k of responses"),
                                         (UPLOAD, "whole requests (up to 8k)"), (BY_CONFIG, "whole responses")],
                         ids=["whole", "peek", "upload", "by-config"])
def test_check_refuses_a_plugin_that_holds_bodies_back(postern, files, held):
    result = checked(postern, files)
    assert result.returncode == 1
    assert f"{result.config_path}:10:9: routes/events: \"collector\" waits for {held}" in result.stderr, result.stderr
    assert '(stack "realtime", streaming: both)' in result.stderr
    assert 'Take "collector" out, or give what needs it a route of its own.' in result.stderr
    assert "1 problem\n" in result.stderr


@pytest.mark.parametrize("host_keys", ['{_: {when: "method == \\"POST\\""}}', "{_: {mode: shadow}}"])
def test_what_runs_only_sometimes_is_refused_too(postern, host_keys):
    assert checked(postern, WHOLE, config=host_keys).returncode == 1


@pytest.mark.parametrize("files, keys, stack, config", [
    (BY_CONFIG, "", "realtime", "{whole: false}"),        # streams with this configuration
    (UNUSED, "", "realtime", "{}"),                       # has no hook that would wait
    (WHOLE, "", "realtime", "{_: {enabled: false}}"),
    (WHOLE, "", "api", "{}"),                             # nothing here streams
    (UPLOAD, "streaming: response", "api", "{}"),         # only the answers must
])
def test_what_holds_nothing_back_is_taken(postern, files, keys, stack, config):
    result = checked(postern, files, keys, stack, config)
    assert result.returncode == 0, result.stderr


def test_a_route_may_demand_it_without_a_stack(postern):
    result = checked(postern, WHOLE, keys="streaming: response", stack="api")
    assert result.returncode == 1
    assert "responses must pass piece by piece here (streaming: response)" in result.stderr


def test_a_gateway_wide_plugin_is_told_to_move(postern):
    result = checked(postern, {**WHOLE, **script("quiet", on_request=HOOK)}, top="plugins: [collector]", config="{_: {name: second}}")
    assert 'Move "collector" from the gateway-wide plugins to the routes that need it.' in result.stderr, result.stderr
    assert '"second" waits for' in result.stderr


def test_a_gateway_wide_stack_counts_for_every_route(postern):
    result = checked(postern, WHOLE, stack="api", top="plugins: [{stack: quick}]\n    stacks: {quick: {streaming: response}}")
    assert result.returncode == 1
    assert '(stack "quick", streaming: response)' in result.stderr


def test_a_reload_refuses_it_as_well(stream, upstream):
    u = upstream(ok("fine"))
    gw = stream(u)
    line = gw.reload_fails(with_scripts(streaming_to(u, [*CHAIN, "collector"])), files=WHOLE)
    assert "collector" in line and "waits for whole responses" in line
    assert gw.get().text == "fine"


def test_explain_shows_what_a_preset_brings(postern):
    example = ROOT / "config/examples/preset-stacks.yaml"
    path = f'plugin_path: ["{BUILD / "plugins"}"]\n'
    text = example.read_text().replace("../stacks.yaml", str(ROOT / "config/stacks.yaml")) + path
    said = postern("explain", "GET", "http://a/events", config=text).stdout
    assert "streams requests and responses: no plugin may hold a body back (stack realtime)" in said
    for name in ("cors", "headers", "rate-limit"):
        assert f" {name}: written " in said
    assert said.count("from stack realtime") == 3 and said.count("from stack gateway") == 3
    said = postern("check", config=text).stdout
    assert "routes/events: request-id > access-log > metrics > cors > headers > rate-limit -> upstream app; buffers nothing; streams both ways (stack realtime)" in said
    assert "routes/feed: request-id > access-log > metrics -> upstream app; buffers nothing; streams responses\n" in said

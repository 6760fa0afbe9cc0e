"""JSON clients call gRPC upstreams: stock gRPC servers, and scripted ones that answer what no server should."""
import contextlib
import json
import pathlib
import re
import subprocess
import threading
from concurrent import futures

import grpc
import h2.exceptions
import pytest
from google.protobuf import descriptor_pb2

from support.descriptors import compiled, messages, of_readme
from support.gateway import BUILD, over_h2, proxy_to
from support.grpc_calls import channel_to, frame, serving
from support.h2_upstream import Gone
from support.upstream import Upstream, ok
from support.wire import TIMEOUT, Truncated

DESCRIPTORS = BUILD / "plugins" / "grpc-transcode" / "library.pb"
BOOK = "/v1/shelves/1/books/2"


M = messages(DESCRIPTORS.read_bytes(), "library.v1")


class Library(grpc.GenericRpcHandler):
    """A stock server. `calls`: (method, request, metadata) of each call."""

    def __init__(self):
        self.calls, self.next = [], threading.Semaphore(0)

    def service(self, details):
        name = details.method.removeprefix("/library.v1.Library/")
        kinds = {"GetBook": ("GetBookRequest", self.book), "DeleteBook": ("GetBookRequest", self.book),
                 "ListBooks": ("ListBooksRequest", self.books), "CreateBook": ("CreateBookRequest", lambda r, c: r.book),
                 "UpdateBook": ("CreateBookRequest", lambda r, c: r.book), "Lend": ("LendRequest", lambda r, c: r),
                 "Read": ("ReadRequest", self.pages)}
        if name not in kinds:
            return None
        kind, function = kinds[name]

        def handle(request, context):
            self.calls.append((name, request, dict(context.invocation_metadata())))
            return function(request, context)

        make = grpc.unary_stream_rpc_method_handler if name == "Read" else grpc.unary_unary_rpc_method_handler
        return make(handle, M[kind].FromString, lambda message: message.SerializeToString())

    def book(self, request, context):
        if "missing" in request.name:
            context.set_trailing_metadata((("x-why", "because"),))
            context.abort(grpc.StatusCode.NOT_FOUND, "no such b\u00f6\u00f6k: \"%s\"" % request.name)
        context.send_initial_metadata((("x-shelf", "1"),))
        return M["Book"](name=request.name, pages=[1, 2**40], genre=1, author=M["Author"](full_name="Ann"), cover=b"\0\xff")

    def books(self, request, context):
        return M["ListBooksResponse"](books=[M["Book"](name=request.parent + "/books/1")])

    def pages(self, request, context):
        if request.path == "none":
            context.abort(grpc.StatusCode.PERMISSION_DENIED, "not for you")
        for i in range(request.number):
            yield M["Page"](text="page %d" % i, number=i)
            self.next.acquire(timeout=TIMEOUT)
        if request.path == "torn":
            context.abort(grpc.StatusCode.DATA_LOSS, "the rest is lost")

    @property
    def last(self):
        return self.calls[-1]


@pytest.fixture
def library():
    with serving(Library()) as one:
        yield one


def transcode(**config):
    return {"grpc-transcode": {"descriptors": str(DESCRIPTORS), **config}}


@pytest.fixture
def gw(gateway, library):
    return gateway(proxy_to(over_h2(library.address), [transcode()]))


def failure(response, code, http):
    """The message of an error."""
    assert (response.status, response.headers["Content-Type"]) == (http, "application/json")
    told = response.json()
    assert (told["code"], told["details"], set(told)) == (code, [], {"code", "message", "details"})
    return told["message"]


def test_a_get_calls_and_its_answer_is_json(gw, library):
    response = gw.get(BOOK)
    assert response.status == 200 and response.headers["Content-Type"] == "application/json"
    assert response.json() == {"name": "shelves/1/books/2", "author": {"fullName": "Ann"}, "pages": ["1", "1099511627776"], "genre": "NOVEL",
                               "cover": "AP8="}
    assert response.headers["X-Shelf"] == "1"  # initial metadata are headers
    assert [name for name, _ in response.headers if name.lower().startswith("grpc-")] == [] and list(response.trailers) == []
    assert library.last[1].name == "shelves/1/books/2"


@pytest.mark.protocol
def test_a_post_sends_its_body(gw, library):
    book = {"name": "x", "printed": "2020-01-02T03:04:05Z", "signed": True, "labels": {"a": "b"}, "loan": "3s", "notes": {"a": [1, None]},
            "sequel": {"name": "y"}, "extra": {"@type": "type.googleapis.com/library.v1.Author", "born": 1900}}
    response = gw.request("POST", "/v1/shelves/7/books?id=new", headers={"Content-Type": "application/json"}, body=json.dumps(book))
    assert response.status == 200 and response.json() == book
    _, request, _ = library.last
    assert (request.parent, request.id, request.book.signed.value, request.book.sequel.name) == ("shelves/7", "new", True, "y")


def test_a_body_may_be_the_whole_message_and_the_path_stands_over_it(gw, library):
    for how in ({"body": '{"days": 3}'}, {"chunks": [b'{"da', b'ys"', b": 3}"]}, {"body": '{"days": 3, "name": "other"}'}):
        assert gw.request("POST", BOOK + ":lend", **how).json() == {"name": "shelves/1/books/2", "days": 3}


def test_the_path_stands_over_the_body_with_a_zero_too(gw, library):
    assert gw.request("PUT", "/v1/days/0", body='{"days": 3, "reader": "Ann"}').json() == {"reader": "Ann"}


def test_no_body_is_an_empty_message(gw, library):
    for how in ({}, {"headers": {"Content-Length": "0"}}, {"chunks": []}):
        assert gw.request("POST", BOOK + ":lend", **how).json() == {"name": "shelves/1/books/2"}


def test_a_patch_binds_inside_a_field(gw, library):
    response = gw.request("PATCH", BOOK, body='{"book": {"lent": true, "name": "other"}, "id": "7"}')
    assert response.json() == {"name": "shelves/1/books/2", "lent": True}
    assert gw.request("DELETE", BOOK).status == 200 and library.last[0] == "DeleteBook"


def test_query_parameters_are_fields(gw, library):
    assert gw.get("/v1/shelves/1/books?page_size=5&genre=NOVEL&genre=2&author.full_name=Ann+B%26C&author.born=-1&leastPages=7"
                  "&since=2020-01-01T00:00:00Z&").status == 200
    request = library.last[1]
    assert (request.parent, request.page_size, list(request.genre), request.author.full_name, request.author.born, request.least_pages.value,
            request.since.seconds) == ("shelves/1", 5, [1, 2], "Ann B&C", -1, 7, 1577836800)
    assert gw.get(BOOK + "?fields=name,author.fullName").status == 200
    assert list(library.last[1].fields.paths) == ["name", "author.full_name"]


REFUSED = [  # method, target, body, what the error says
    ("GET", BOOK + "?colour=red", None, '"colour" is no field'),
    ("GET", BOOK + "?name=other", None, '"name" is said elsewhere'),
    ("GET", "/v1/shelves/1/books?page_size=1&pageSize=2", None, '"pageSize" is said elsewhere'),
    ("GET", "/v1/shelves/1/books?page_size=many", None, '"page_size" cannot have that value'),
    ("GET", "/v1/shelves/1/books?author=Ann", None, '"author" is a message'),
    ("GET", "/v1/shelves/1/books?page_size=%zz", None, "the query is malformed"),
    ("GET", "/v1/shelves/1/books?since=%FF", None, '"since" cannot have that value'),
    ("GET", BOOK, "{}", "the call takes no body"),
    ("POST", "/v1/shelves/1/books?book.name=x", "{}", '"book.name" is said elsewhere'),
    ("POST", BOOK + ":lend?days=1", "{}", '"days": the call takes its fields from the body'),
    ("POST", BOOK + ":lend", '{"day": 1}', "the body: "),
    ("POST", BOOK + ":lend", '{"days": "x"}', "the body: "),
    ("POST", BOOK + ":lend", "[]", "the body: "),
    ("POST", BOOK + ":lend", "{days: 1}", "the body is not JSON"),
    ("POST", BOOK + ":lend", '{"days": 1} {}', "the body is not JSON"),
    ("POST", BOOK + ":lend", b'{"reader": "\xff"}', "the body is not JSON"),
    ("POST", "/v1/shelves/1/books", '{"name": "x"}, "parent": "y"', "the body is not JSON"),
    ("POST", "/v1/shelves/1/books", '{"notes": ' + '{"a":' * 5000 + "1" + "}" * 5001, "nested too deeply"),
    ("POST", "/v1/shelves/1/books", "[" * 100_000, "nested too deeply"),
    ("PUT", "/v1/days/many", "{}", '"days" in the path cannot have that value'),
]


@pytest.mark.protocol
def test_what_does_not_fit_is_refused_and_never_reaches_the_upstream(gw, library):
    for method, target, body, problem in REFUSED:
        assert problem in failure(gw.request(method, target, **({} if body is None else {"body": body})), 3, 400)
    assert library.calls == []


def test_a_body_must_not_be_compressed_nor_too_long(gateway, library):
    gw = gateway(proxy_to(over_h2(library.address), [transcode(request_limit="1k")]))
    assert failure(gw.request("POST", BOOK + ":lend", headers={"Content-Encoding": "gzip"}, body="x"), 3, 400) == "the body must not be compressed"
    assert gw.request("POST", BOOK + ":lend", headers={"Content-Encoding": "identity"}, body='{"days": 1}').status == 200
    assert gw.request("POST", BOOK + ":lend", body='{"reader": "%s"}' % ("x" * 1024)).status == 413


def test_variables_are_decoded_by_how_many_segments_they_are(gw, library):
    for path, name in (("/v1/books/a%2Fb%20c%25", "a/b c%"), ("/v1/shelves/a%2Fb/books/c%20d", "shelves/a%2Fb/books/c d"), ("/v1/books/%E2%82%AC", "\u20ac")):
        assert gw.get(path).json()["name"] == name
    assert failure(gw.get("/v1/books/%FF"), 3, 400)


def test_what_no_annotation_takes_is_refused(gw, library):
    assert failure(gw.get("/v2/nothing"), 5, 404) == "no call has this path"
    assert failure(gw.get("/library.v1.Library/Hidden"), 5, 404)
    response = gw.request("PUT", BOOK)
    assert failure(response, 12, 405) == "no call of this path has this method"
    assert response.headers["Allow"] == "GET, PATCH, DELETE"
    assert failure(gw.request("POST", BOOK, headers={"X-HTTP-Method-Override": "GET"}), 12, 405)
    assert failure(gw.request("POST", "/v1/write", body="[]"), 12, 501)
    assert library.calls == []


def test_or_it_passes_as_it_is(gateway, upstream):
    u = upstream()
    gw = gateway(proxy_to(u, [transcode(unmatched="pass", request_limit="1k", response_limit="1k")]))
    assert gw.request("POST", "/v2/nothing?a=b", headers={"Accept": "x/y"}, body="x" * 5000).text == "ok"
    assert (u.last.method, u.last.target, u.last.headers["Accept"], len(u.last.body)) == ("POST", "/v2/nothing?a=b", "x/y", 5000)


@pytest.mark.protocol
def test_head_is_answered_as_get_is(gw, library):
    response = gw.request("HEAD", BOOK)
    assert (response.status, response.body, response.headers["Content-Type"]) == (200, b"", "application/json")
    assert gw.request("HEAD", "/v1/books/missing").status == 404
    assert [name for name, _, _ in library.calls] == ["GetBook"] * 2


def test_head_does_not_wait_for_a_stream(gateway, h2_upstream):
    def respond(stream):
        stream.read_body()
        stream.send_head(200, [GRPC, ("x-shelf", "1")])
        with contextlib.suppress(Gone, h2.exceptions.StreamClosedError):
            stream.send_data(frame(PAGE))
        stream.wait(lambda: stream.reset_code is not None, "RST_STREAM")
        left.release()

    left = threading.Semaphore(0)
    gw = gateway(proxy_to(over_h2(h2_upstream(respond)), [transcode()]))
    with gw.http1() as client:
        for _ in range(2):
            client.send_request("HEAD", "/v1/read/a")
            head = client.read_head()
            assert (head.status, head.headers["Content-Type"], head.headers["X-Shelf"]) == (200, "application/x-ndjson", "1")
            assert "Content-Length" not in head.headers
            assert left.acquire(timeout=TIMEOUT)  # the upstream need not go on


def test_a_held_answer_has_its_length(gw, library):
    with gw.http1() as client:
        client.send_request("GET", BOOK)
        assert "Transfer-Encoding" not in client.read_response().headers


def test_response_body_and_custom_methods(gateway, library):
    gw = gateway(proxy_to(over_h2(library.address), [transcode()]))
    assert gw.request("REPORT", BOOK + ":author").json() == {"fullName": "Ann"}
    assert gw.get("/v1/shelves/1/books:only").json() == [{"name": "shelves/1/books/1"}]
    assert gw.get("/v1/shelves/1/books:total").json() == 0


def test_how_messages_are_printed(gateway, library):
    options = {"always_print_primitive_fields": True, "preserve_proto_field_names": True, "always_print_enums_as_ints": True}
    gw = gateway(proxy_to(over_h2(library.address), [transcode(print=options)]))
    book = gw.get(BOOK).json()
    assert (book["author"], book["genre"], book["lent"], book["labels"]) == ({"full_name": "Ann", "born": 0}, 1, False, {})
    assert gw.get("/v1/shelves/1/books:total").json() == 0


def test_errors_of_the_call_have_the_status_of_their_code(gw, library):
    assert failure(gw.get("/v1/books/missing"), 5, 404) == 'no such b\u00f6\u00f6k: "missing"'
    assert library.last[0] == "GetBook"


@pytest.mark.protocol
def test_metadata_come_and_go(gw, library):
    gw.get(BOOK, headers={"X-Tenant": "blue", "Authorization": "Bearer x", "grpc-timeout": "10S", "grpc-encoding": "gzip", "Accept": "a/b"})
    metadata = library.last[2]
    assert (metadata["x-tenant"], metadata["authorization"]) == ("blue", "Bearer x")
    assert "accept" not in metadata and "grpc-encoding" not in metadata and metadata["x-forwarded-for"] == "127.0.0.1"


def test_only_the_named_services_are_called(postern):
    result = postern("check", config=proxy_to("127.0.0.1:9", [transcode(services=["library.v1.Library", "library.v1.Archive"])]))
    assert result.returncode == 1 and "it has no service library.v1.Archive" in result.stderr


def test_the_route_may_rewrite_the_path_of_the_client(gateway, library):
    gw = gateway(proxy_to(over_h2(library.address), [transcode()], route={"strip_prefix": "/v1"}))
    assert gw.get(BOOK).json()["name"] == "shelves/1/books/2"


def test_ordinary_grpc_shares_the_route(gateway, library):
    gw = gateway(proxy_to(over_h2(library.address), [transcode()], listeners=[{"name": "public", "address": "127.0.0.1:0"}]))
    with channel_to(gw) as channel:
        call = channel.unary_unary("/library.v1.Library/GetBook", lambda message: message.SerializeToString(), M["Book"].FromString)
        assert call(M["GetBookRequest"](name="x"), timeout=TIMEOUT).name == "x"


def test_browsers_with_messages_of_their_own_share_it_too(gateway, library):
    gw = gateway(proxy_to(over_h2(library.address), ["grpc-web", transcode()]))
    body = frame(M["GetBookRequest"](name="x").SerializeToString())
    response = gw.request("POST", "/library.v1.Library/GetBook", headers={"Content-Type": "application/grpc-web"}, body=body)
    assert response.headers["Content-Type"] == "application/grpc-web" and b"grpc-status: 0\r\n" in response.body
    assert gw.get(BOOK).status == 200


@pytest.mark.concurrency
def test_workers_share_what_is_compiled(gateway, library):
    gw = gateway(proxy_to(over_h2(library.address), [transcode()], workers=2))

    def ask(i):
        assert gw.get(f"/v1/shelves/{i}/books/2?fields=name").json()["pages"] == ["1", "1099511627776"]
        assert gw.request("POST", f"/v1/shelves/{i}/books", body='{"notes": {"a": [1]}, "signed": true}').json() == {"notes": {"a": [1]}, "signed": True}
        assert gw.get(f"/v1/shelves/{i}/books?pages=1").status == 400
        assert gw.get("/v1/books/missing").status == 404

    with futures.ThreadPoolExecutor(4) as clients:
        list(clients.map(ask, range(20)))


def test_those_below_see_the_message_and_those_above_the_json(gateway, library):
    script = """return {name = 'NAME', version = '1.0.0', request_body = {policy = 'buffer', limit = '1k'}, response_body = 'stream',
      on_request_body = function(exchange) postern.log.info('NAME sends', {bytes = #exchange.request.body}) end,
      on_response_body = function(exchange)
        if #exchange.response.body > 0 then postern.log.info('NAME gets', {first = exchange.response.body:byte(1)}) end
      end}"""
    files = {f"{name}/{name}.lua": script.replace("NAME", name) for name in ("above", "below")}
    gw = gateway(proxy_to(over_h2(library.address), ["above", transcode(), "below"], plugin_path=[str(BUILD / "plugins"), "<dir>"]), files=files)
    assert gw.request("POST", BOOK + ":lend", body='{"days":3}').status == 200
    assert (gw.wait_log("above sends")["bytes"], gw.wait_log("below sends")["bytes"]) == (10, 26)
    assert (gw.wait_log("above gets")["first"], gw.wait_log("below gets")["first"]) == (ord("{"), 0)


# --- Streams ---


def read_stream(gw, library, target, headers=()):
    """Piece by piece, while the server waits for each to have come."""
    with gw.http1() as client:
        client.send_request("GET", target, headers=dict(headers))
        head = client.read_head()
        pieces = []
        while piece := client.reader.chunk():
            pieces.append(piece.decode())
            library.next.release()
        return head, pieces


@pytest.mark.protocol
def test_each_message_of_a_stream_is_a_line_when_it_comes(gw, library):
    head, pieces = read_stream(gw, library, "/v1/read/a/b?number=3")
    assert (head.status, head.headers["Content-Type"]) == (200, "application/x-ndjson")
    assert [json.loads(piece) for piece in pieces] == [{"result": {"text": "page 0"}}, {"result": {"text": "page 1", "number": "1"}},
                                                       {"result": {"text": "page 2", "number": "2"}}]
    assert library.last[1].path == "a/b" and all(piece.endswith("\n") for piece in pieces)
    assert read_stream(gw, library, "/v1/read/x:text?number=1")[1] == ['{"result":"page 0"}\n']


def test_or_an_event(gw, library):
    head, pieces = read_stream(gw, library, "/v1/read/a?number=2", {"Accept": "application/json;q=0.5, Text/Event-Stream"})
    assert (head.headers["Content-Type"], head.headers["Cache-Control"]) == ("text/event-stream", "no-cache")
    assert "".join(pieces) == 'data: {"text":"page 0"}\n\ndata: {"text":"page 1","number":"1"}\n\nevent: end\ndata: {}\n\n'


@pytest.mark.protocol
def test_a_stream_that_fails_says_so_at_its_end(gw, library):
    lost = {"code": 15, "message": "the rest is lost", "details": []}
    assert json.loads(read_stream(gw, library, "/v1/read/torn?number=1")[1][-1]) == {"error": lost}
    text = "".join(read_stream(gw, library, "/v1/read/torn?number=1", {"Accept": "text/event-stream"})[1])
    assert text.endswith("\n\nevent: error\ndata: " + json.dumps(lost, separators=(",", ":")) + "\n\n")


def test_one_that_fails_before_its_first_message_is_never_empty(gw, library):
    response = gw.get("/v1/read/none")
    told = response.json() if response.status == 403 else json.loads(response.text)["error"]  # as the server sends its head first, or not
    assert (told["code"], told["message"]) == (7, "not for you")


def test_an_empty_stream_is_empty(gw, library):
    response = gw.get("/v1/read/a")
    assert (response.status, response.text) == (200, "")


# --- Answers that no server should give ---


GRPC = ("content-type", "application/grpc")
GOOD = [("grpc-status", "0")]
PAGE = b"\x0a\x01x"  # a Page, and a Book: field 1 is "x"


class Scripted:
    """An upstream that answers every call as it is told, and a gateway in front of it."""

    def __init__(self, gateway, h2_upstream, **config):
        self.upstream = h2_upstream(self.respond)
        self.gw = gateway(proxy_to(over_h2(self.upstream), [transcode(**config)]))

    def answers(self, head=(GRPC,), body=b"", trailers=GOOD, status=200):
        """`body` None: the head is all. `trailers` None: the stream ends without."""
        self.head, self.body, self.trailers, self.status = head, body, trailers, status
        return self.gw

    def respond(self, stream):
        stream.read_body()
        stream.send_head(self.status, list(self.head), end=self.body is None)
        if self.body is None:
            return
        with contextlib.suppress(h2.exceptions.StreamClosedError):  # the gateway may have seen enough
            stream.send_data(self.body, end=self.trailers is None)
            if self.trailers is not None:
                stream.send_trailers(self.trailers)


@pytest.fixture
def scripted(gateway, h2_upstream):
    return lambda **config: Scripted(gateway, h2_upstream, **config)


def test_what_the_upstream_sees(scripted):
    server = scripted()
    gw = server.answers(body=frame(PAGE))
    headers = {"Accept-Encoding": "gzip", "Content-Type": "application/json"}
    assert gw.request("POST", "/v1/shelves/1/books?id=7", headers=headers, body='{"name": "x"}').status == 200
    seen, after = server.upstream.streams[0], server.upstream.streams
    assert (seen.pseudo("method"), seen.path, seen.body) == ("POST", "/library.v1.Library/CreateBook", frame(b"\x0a\x09shelves/1\x12\x03\x0a\x01x\x1a\x017"))
    assert (seen.headers["content-type"], seen.headers["te"]) == ("application/grpc", "trailers")
    for name in ("accept", "accept-encoding", "content-encoding"):
        assert name not in seen.headers
    assert gw.get(BOOK).status == 200
    assert (after[1].pseudo("method"), after[1].body) == ("POST", frame(b"\x0a\x11shelves/1/books/2"))


BROKEN = [  # how, code, status of HTTP, words
    ({"body": frame(PAGE, size=100)}, 13, 500, "ends inside a message"),
    ({"body": b"\0\0\0"}, 13, 500, "ends inside a message"),
    ({"body": frame(PAGE, flags=1)}, 13, 500, "compressed"),
    ({"body": frame(PAGE, flags=2)}, 13, 500, "unknown flag"),
    ({"body": frame(b"", size=2**32 - 1)}, 13, 500, "longer than the gateway takes"),
    ({"body": frame(b"\x0a\x05x")}, 13, 500, "no library.v1.Book"),
    ({"body": frame(b"\x0a\x01\xff")}, 13, 500, "no library.v1.Book"),
    ({"body": frame(b"\x6a\x06\x0a\x01x\x12\x010")}, 13, 500, "has no JSON"),  # an Any of a type that nobody knows
    ({"body": frame(PAGE) * 2}, 13, 500, "more than one message"),
    ({"body": b""}, 13, 500, "without a message"),
    ({"body": None, "head": (GRPC, ("grpc-status", "0"))}, 13, 500, "without a message"),
    ({"body": frame(PAGE), "trailers": None}, 2, 500, "without a status"),
    ({"body": frame(PAGE), "trailers": [("x-a", "b")]}, 2, 500, "without a status"),
    ({"body": None}, 2, 500, "without a status"),
    ({"body": frame(PAGE), "head": (("content-type", "application/json"),)}, 2, 500, 'its content-type is "application/json"'),
    ({"body": frame(PAGE), "head": ()}, 2, 500, 'its content-type is ""'),
    ({"body": b"<h1>come back later</h1>", "head": (("content-type", "text/html"),), "status": 503}, 14, 503, "HTTP status 503"),
    ({"body": None, "status": 404}, 12, 501, "HTTP status 404"),
    ({"body": None, "head": (GRPC, ("grpc-status", "8"), ("grpc-message", "slow%20down")), "status": 429}, 8, 429, "slow down"),
    ({"body": frame(PAGE), "trailers": [("grpc-status", "6"), ("grpc-message", "%zz 100% \"")]}, 6, 409, '%zz 100% "'),
    ({"body": None, "head": (GRPC, ("grpc-status", "5"), ("x-why", "gone"))}, 5, 404, ""),
    ({"body": b"", "trailers": [("grpc-status", "77")]}, 2, 500, ""),
    ({"body": b"", "trailers": [("grpc-status", "-1")]}, 2, 500, ""),
]


def test_an_answer_that_is_none_becomes_an_error(scripted):
    server = scripted()
    for how, code, http, words in BROKEN:
        response = server.answers(**how).get(BOOK)
        assert words in failure(response, code, http)
        assert response.headers.get("x-why") == dict(how.get("head", ())).get("x-why")
        assert list(response.trailers) == [] and "grpc-status" not in response.headers


TORN = [  # how, code, words
    ({"body": frame(PAGE) + frame(PAGE, size=100)}, 13, "ends inside a message"),
    ({"body": frame(PAGE) + frame(PAGE, flags=1)}, 13, "compressed"),
    ({"body": frame(PAGE) + frame(b"", size=2**20)}, 13, "longer than the gateway takes"),
    ({"body": frame(PAGE) + frame(b"\x0a\x05x")}, 13, "no library.v1.Page"),
    ({"body": frame(PAGE), "trailers": None}, 2, "without a status"),
    ({"body": frame(PAGE), "trailers": [("grpc-status", "14")]}, 14, ""),
]


def test_in_a_stream_it_becomes_the_last_line(scripted):
    server = scripted(response_limit="1k")
    for how, code, words in TORN:
        response = server.answers(**how).get("/v1/read/a")
        lines = [json.loads(line) for line in response.text.splitlines()]
        assert response.status == 200 and lines[0] == {"result": {"text": "x"}} and len(lines) == 2
        assert lines[1]["error"]["code"] == code and words in lines[1]["error"]["message"]


def test_a_status_in_the_head_of_a_stream(scripted):
    server = scripted()
    gw = server.answers(body=None, head=(GRPC, ("grpc-status", "16"), ("grpc-message", "who are you")))
    assert failure(gw.get("/v1/read/a"), 16, 401) == "who are you"
    server.answers(body=None, head=(GRPC, ("grpc-status", "0")))
    response = gw.get("/v1/read/a", headers={"Accept": "text/event-stream"})
    assert (response.status, response.text) == (200, "event: end\ndata: {}\n\n")


def test_an_answer_that_is_too_long_is_refused(scripted):
    server = scripted(response_limit="1k")
    assert server.answers(body=frame(b"\x0a\x80\x10" + b"x" * 2048)).get(BOOK).status == 502
    assert server.answers(body=frame(b"\x0a\xfd\x07" + b"x" * 1021)).get(BOOK).status == 200  # to the last byte


def failing_stream(more, came):
    """A message, one that is none, and `more` at once; from `came` on whatever the gateway takes."""
    def at_once(h2c, stream):
        for data in (frame(PAGE) + frame(PAGE, flags=1), *more):
            h2c.send_data(stream.id, data)

    def respond(stream):
        stream.read_body()
        stream.send_head(200, [GRPC])
        with contextlib.suppress(Gone, h2.exceptions.StreamClosedError):
            stream.connection.act(lambda h2c: at_once(h2c, stream), stream)
            came.wait(TIMEOUT)
            while True:
                stream.send_data(frame(PAGE) * 1000)

    return respond


after_the_error = pytest.mark.parametrize("more", [[], [frame(PAGE)], [b"x" * 16_000] * 3], ids=["silence", "a message", "much"])


@after_the_error
def test_the_error_of_a_stream_comes_before_its_end(gateway, h2_upstream, more):
    came = threading.Event()
    gw = gateway(proxy_to(over_h2(h2_upstream(failing_stream(more, came))), [transcode()]))
    with gw.http1() as client:
        client.send_request("GET", "/v1/read/a")
        client.read_head()
        text = b""
        while b'"code":13' not in text:
            text += client.reader.chunk()
        assert text.count(b"\n") == 2
        came.set()
        with pytest.raises(Truncated):
            client.reader.chunk()


@after_the_error
def test_so_it_does_over_http2(gateway, h2_upstream, more):
    came = threading.Event()
    gw = gateway(proxy_to(over_h2(h2_upstream(failing_stream(more, came))), [transcode()], listeners=[{"name": "public", "address": "127.0.0.1:0"}]))
    with gw.h2() as client:
        stream = client.streams[client.send_request("GET", "/v1/read/a").latest]
        client.wait_for(lambda: stream.reset_code is not None or (stream.response and b'"code":13' in stream.response.body), "the error")
        assert stream.response.body.count(b"\n") == 2
        came.set()
        client.expect_reset(client.latest)


def test_messages_told_in_turns_are_whole(gateway, h2_upstream):
    def respond(stream):
        stream.read_body()
        stream.send_head(200, [GRPC])
        stream.send_data((frame(b"") * 99 + frame(PAGE)) * 200)
        stream.send_trailers(GOOD)

    gw = gateway(proxy_to(over_h2(h2_upstream(respond)), [transcode()]))
    response = gw.get("/v1/read/a", headers={"Accept": "text/event-stream"})
    assert response.text == ("data: {}\n\n" * 99 + 'data: {"text":"x"}\n\n') * 200 + "event: end\ndata: {}\n\n"


def test_an_upstream_that_breaks_off_breaks_the_stream(gateway, h2_upstream):
    def respond(stream):
        stream.read_body()
        stream.send_head(200, [GRPC])
        stream.send_data(frame(PAGE))
        came.wait(TIMEOUT)
        stream.reset()

    came = threading.Event()
    gw = gateway(proxy_to(over_h2(h2_upstream(respond)), [transcode()]))
    with gw.http1() as client:
        client.send_request("GET", "/v1/read/a")
        client.read_head()
        assert client.reader.chunk() == b'{"result":{"text":"x"}}\n'
        came.set()
        with pytest.raises(Truncated):
            client.reader.chunk()


def test_the_gateways_own_errors_keep_their_form(gateway, upstream):
    nobody = Upstream(listen=False)
    gw = gateway(proxy_to(over_h2(nobody), [transcode()]))
    assert (gw.get(BOOK).status, gw.get(BOOK).json()["error"]["code"]) == (502, "PROXY_ERROR")
    nobody.stop()
    gw = gateway(proxy_to(upstream(ok("a page")), [transcode()]))  # without protocol: h2
    assert "no gRPC" in failure(gw.get(BOOK), 2, 500)


def test_another_attempt_sends_the_message_again(gateway, h2_upstream):
    def respond(stream):
        stream.read_body()
        if stream.index == 0:
            return stream.reset()
        stream.respond(headers=[GRPC], body=frame(PAGE), trailers=GOOD)

    again = """return {name = 'again', version = '1.0.0', on_upstream_result = function(exchange, config, result)
      if result.outcome ~= 'response' then exchange:retry(0) end end}"""
    u = h2_upstream(respond)
    gw = gateway(proxy_to(over_h2(u), ["again", transcode()], plugin_path=[str(BUILD / "plugins"), "<dir>"]), files={"again/again.lua": again})
    assert gw.get(BOOK).json() == {"name": "x"}
    assert [(s.path, s.body) for s in u.streams] == [("/library.v1.Library/GetBook", frame(b"\x0a\x11shelves/1/books/2"))] * 2


def test_a_response_of_another_plugin_passes(gateway, library):
    script = """return {name = 'instead', version = '1.0.0', on_response = function(exchange)
      return exchange:respond(418, {kind = 'teapot'}) end}"""
    gw = gateway(proxy_to(over_h2(library.address), ["instead", transcode()], plugin_path=[str(BUILD / "plugins"), "<dir>"]), files={"instead/instead.lua": script})
    assert (gw.get(BOOK).status, gw.get(BOOK).json()) == (418, {"kind": "teapot"})
    assert gw.get("/v1/read/a?number=1").status == 418


@pytest.mark.parametrize("rule, problem", [
    ('get: "/v1/{name}"', 'is no field'),
    ('get: "/v1/{pages}"', "pages is repeated"),
    ('get: "/v1/{author}"', "is a message"),
    ('get: "/v1/**/x"', "last segment"),
    ('get: "v1"', "does not begin"),
    ('post: "/v1/x" body: "title"', "has no field title"),
    ('get: "/v1/x" response_body: "title"', "has no field title"),
    ('get: "/v1/x" additional_bindings { get: "/v1/x" }', "takes the same requests as /test.S/Call"),
    ('custom { kind: "*" path: "/v1/x" }', "names no method"),
    ('body: "*"', "names no method"),
])
def test_annotations_that_cannot_be_are_told(postern, rule, problem):
    proto = '''syntax = "proto3"; package test; import "google/api/annotations.proto";
      message Author { string full = 1; } message M { Author author = 1; repeated string pages = 2; }
      service S { rpc Call(M) returns (M) { option (google.api.http) = { %s }; } }''' % rule
    result = postern("check", config=proxy_to("127.0.0.1:9", [{"grpc-transcode": {"descriptors": "test.pb"}}]), files={"test.pb": compiled(proto)})
    assert result.returncode == 1 and problem in result.stderr and "test.S.Call" in result.stderr


@pytest.mark.parametrize("bytes_, problem", [(None, "cannot read"), (b"", "no set of descriptors"), (b"\xff\xff", "no set of descriptors"),
                                             (b"not one", "no set of descriptors")])
def test_files_that_are_no_descriptors_are_told(postern, bytes_, problem):
    files = {} if bytes_ is None else {"test.pb": bytes_}
    result = postern("check", config=proxy_to("127.0.0.1:9", [{"grpc-transcode": {"descriptors": "test.pb"}}]), files=files)
    assert result.returncode == 1 and problem in result.stderr and "test.pb" in result.stderr


def test_a_set_without_its_imports_is_told(postern):
    whole = descriptor_pb2.FileDescriptorSet.FromString(DESCRIPTORS.read_bytes())
    part = descriptor_pb2.FileDescriptorSet(file=whole.file[-1:]).SerializeToString()
    result = postern("check", config=proxy_to("127.0.0.1:9", [{"grpc-transcode": {"descriptors": "test.pb"}}]), files={"test.pb": part})
    assert result.returncode == 1 and "--include_imports" in result.stderr


def test_the_file_may_change_with_a_reload(gateway, library):
    gw = gateway(proxy_to(over_h2(library.address), [{"grpc-transcode": {"descriptors": "library.pb"}}]), files={"library.pb": DESCRIPTORS.read_bytes()})
    assert gw.get(BOOK).status == 200
    gw.reload()
    assert gw.get(BOOK).status == 200


class Shop(grpc.GenericRpcHandler):
    """The service of the README."""

    def __init__(self, descriptors):
        self.messages = messages(descriptors, "shop.v1")

    def service(self, details):
        item, wanted = self.messages["Item"], self.messages["GetItemRequest"]

        def get(request, context):
            if request.name != "items/tea":
                context.abort(grpc.StatusCode.NOT_FOUND, "no such item")
            return item(name=request.name, in_stock=7)

        def watch(request, context):
            yield item(name=request.name, in_stock=7)
            yield item(name=request.name, in_stock=6)

        def to_bytes(message):
            return message.SerializeToString()

        return {"/shop.v1.Shop/GetItem": grpc.unary_unary_rpc_method_handler(get, wanted.FromString, to_bytes),
                "/shop.v1.Shop/PutItem": grpc.unary_unary_rpc_method_handler(lambda request, context: request, item.FromString, to_bytes),
                "/shop.v1.Shop/WatchItem": grpc.unary_stream_rpc_method_handler(watch, wanted.FromString, to_bytes)}[details.method]


def test_the_examples_of_the_readme(gateway):
    readme = pathlib.Path(__file__).parents[1] / "README.md"
    blocks = dict(re.findall(r"^```(yaml|console)\n(.*?)^```", readme.read_text().replace("```yaml\n- ", "```part\n"), re.M | re.S))
    files = of_readme(readme)
    with serving(Shop(files["shop.pb"])) as shop:
        plain = "listeners: [{name: public, address: '127.0.0.1:0'}]\n"
        gw = gateway(plain + blocks["yaml"].replace("127.0.0.1:50051", shop.address), files=files)
        said = re.findall(r"^\$ (.*)\n((?:[^$\n].*\n)*)", blocks["console"], re.M)
        assert len(said) == 5
        for command, expected in said:
            command = command.replace("127.0.0.1:8080", gw.address()).replace("curl ", "curl --noproxy '*' ")
            got = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=True).stdout
            assert got.rstrip("\n") == expected.rstrip("\n")

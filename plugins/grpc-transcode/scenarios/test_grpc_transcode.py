"""JSON clients call gRPC upstreams: stock gRPC servers, and scripted ones that answer what no server should."""
import base64
import contextlib
import json
import pathlib
import re
import subprocess
import threading
from concurrent import futures

import grpc
import pytest

from support.descriptors import messages, of_readme
from support.gateway import BUILD, proxy_to
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
    with contextlib.ExitStack() as stack:
        one = Library()
        server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[one], options=[("grpc.so_reuseport", 0)])
        one.address = "127.0.0.1:%d" % server.add_insecure_port("127.0.0.1:0")
        server.start()
        stack.callback(lambda: server.stop(None).wait(TIMEOUT))
        yield one


def h2(address, **more):
    return {"targets": [str(address)], "protocol": "h2", **more}


def transcode(**config):
    return {"grpc-transcode": {"descriptors": str(DESCRIPTORS), **config}}


@pytest.fixture
def gw(gateway, library):
    return gateway(proxy_to(h2(library.address), [transcode()]))


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


def test_a_post_sends_its_body(gw, library):
    book = {"name": "x", "printed": "2020-01-02T03:04:05Z", "signed": True, "labels": {"a": "b"}, "loan": "3s", "notes": {"a": [1, None]},
            "sequel": {"name": "y"}}
    response = gw.request("POST", "/v1/shelves/7/books?id=new", headers={"Content-Type": "application/json"}, body=json.dumps(book))
    assert response.status == 200 and response.json() == book
    _, request, _ = library.last
    assert (request.parent, request.id, request.book.signed.value, request.book.sequel.name) == ("shelves/7", "new", True, "y")


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
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[Shop(files["shop.pb"])], options=[("grpc.so_reuseport", 0)])
    address = "127.0.0.1:%d" % server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        plain = "listeners: [{name: public, address: '127.0.0.1:0'}]\n"
        gw = gateway(plain + blocks["yaml"].replace("127.0.0.1:50051", address), files=files)
        said = re.findall(r"^\$ (.*)\n((?:[^$\n].*\n)*)", blocks["console"], re.M)
        assert len(said) == 5
        for command, expected in said:
            command = command.replace("127.0.0.1:8080", gw.address()).replace("curl ", "curl --noproxy '*' ")
            got = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60, check=True).stdout
            assert got.rstrip("\n") == expected.rstrip("\n")
    finally:
        server.stop(None).wait(TIMEOUT)

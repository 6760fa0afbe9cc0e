#include "exchange/local_reply.h"

#include <doctest/doctest.h>

namespace postern::proxy {
namespace {

struct Memory {
  BlockPool pool;
  Arena arena{pool};
};

TEST_CASE("an answer that is made here has a length, a date, and the gateway as its origin") {
  Memory m;
  LocalAnswer answer = make_answer(200, "text/plain", "hello", m.arena);
  CHECK(answer.head->status == 200);
  CHECK(answer.head->body.kind == http::BodyKind::length);
  CHECK(answer.head->body.length == 5);
  CHECK(answer.head->headers.get("Content-Type") == "text/plain");
  CHECK(answer.head->headers.get("Date")->ends_with(" GMT"));
  CHECK(answer.body == "hello");
  CHECK(answer.code.empty());
  CHECK(answer.origin == POSTERN_ORIGIN_LOCAL);
  CHECK(make_answer(204, "", "", m.arena).head->headers.find("Content-Type") == nullptr);
}

TEST_CASE("an error is told as an envelope, and when to come back in a field as well") {
  Memory m;
  LocalAnswer answer = make_error_answer(429, {"RATE_LIMITED", "too \"many\"", "id-7", 60}, m.arena);
  CHECK(answer.body ==
        R"({"error":{"code":"RATE_LIMITED","message":"too \"many\"","request_id":"id-7","retry_after":60}})");
  CHECK(answer.code == "RATE_LIMITED");
  CHECK(answer.message == "too \"many\"");
  CHECK(answer.head->headers.get("Retry-After") == "60");
  CHECK(make_error_answer(404, {"NOT_FOUND", "no", {}, 0}, m.arena).body ==
        R"({"error":{"code":"NOT_FOUND","message":"no"}})");
}

TEST_CASE("a response keeps the date that it has") {
  Memory m;
  http::ResponseHead head(m.arena);
  head.headers.add("Date", "Sun, 06 Nov 1994 08:49:37 GMT");
  add_date(head, m.arena);
  CHECK(head.headers.count("Date") == 1);
}

}  // namespace
}  // namespace postern::proxy

// What the gateway knows of gRPC: whose call it is, how long it may take, and how it is refused.
#include "exchange/grpc.h"

#include <doctest/doctest.h>

#include "exchange/local_reply.h"

namespace postern::proxy {
namespace {

struct Memory {
  BlockPool pool;
  Arena arena{pool};
};

TEST_CASE("a gRPC call is a POST of its content type") {
  Memory m;
  auto call = [&](std::string_view method, std::string_view type) {
    http::RequestHead head(m.arena);
    head.method = method;
    if (!type.empty()) head.headers.add("content-type", type);
    return is_grpc(head);
  };
  CHECK(call("POST", "application/grpc"));
  CHECK(call("POST", "Application/gRPC+proto"));
  CHECK(call("POST", "application/grpc; charset=x"));
  CHECK_FALSE(call("POST", "application/grpc-web+proto"));
  CHECK_FALSE(call("POST", "application/grpcx"));
  CHECK_FALSE(call("POST", "application/json"));
  CHECK_FALSE(call("POST", ""));
  CHECK_FALSE(call("GET", "application/grpc"));
}

TEST_CASE("grpc-timeout is a number and a unit") {
  CHECK(parse_grpc_timeout("2H") == 7'200'000);
  CHECK(parse_grpc_timeout("3M") == 180'000);
  CHECK(parse_grpc_timeout("5S") == 5'000);
  CHECK(parse_grpc_timeout("250m") == 250);
  CHECK(parse_grpc_timeout("1500u") == 2);  // no earlier than the client
  CHECK(parse_grpc_timeout("1n") == 1);
  CHECK(parse_grpc_timeout("0S") == 0);
  CHECK(parse_grpc_timeout("99999999H") == 99'999'999ull * 3'600'000);
  for (std::string_view bad : {"", "5", "S", "123456789S", "-1S", "+1S", "1.5S", "1s", "1 S", " 1S", "1SS"}) {
    CAPTURE(bad);
    CHECK_FALSE(parse_grpc_timeout(bad));
  }
}

TEST_CASE("HTTP statuses map by the standard table") {
  const struct {
    std::uint16_t http;
    std::uint32_t grpc;
  } cases[] = {{400, 13}, {401, 16}, {403, 7},  {404, 12}, {429, 14},
               {502, 14}, {503, 14}, {504, 14}, {413, 2},  {500, 2}};
  for (auto [http, grpc] : cases) CHECK(grpc_status_of(http, false) == grpc);
  CHECK(grpc_status_of(504, true) == 4);
}

TEST_CASE("a refusal says all in its head") {
  Memory m;
  http::ResponseHead local(m.arena);
  local.status = 403;
  local.headers.add("Content-Type", "application/json");
  local.headers.add("X-Request-Id", "7");
  auto* head = grpc_refusal(local, "100% \xC3\xA9\n", false, m.arena);
  CHECK(head->status == 200);
  CHECK(head->headers.get("Content-Type") == "application/grpc");
  CHECK(head->headers.get("grpc-status") == "7");
  CHECK(head->headers.get("grpc-message") == "100%25 %C3%A9%0A");
  CHECK(head->headers.get("X-Request-Id") == "7");
  CHECK(grpc_refusal(local, "", false, m.arena)->headers.get("grpc-message") == "Forbidden");
  local.headers.add("grpc-status", "5");
  CHECK(grpc_refusal(local, "", false, m.arena)->headers.count("grpc-status") == 1);
}

}  // namespace
}  // namespace postern::proxy

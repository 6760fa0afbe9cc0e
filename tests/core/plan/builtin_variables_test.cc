// The table of built-in variables: names, families, and what is read when something is not there.
#include "plan/builtin_variables.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "base/arena.h"

using namespace postern;
using namespace postern::proxy;

namespace {

// A request for /users/7?page=2 that came through the listener "public" and has no answer yet.
class Request final : public VariableSource {
 public:
  Request() {
    head_.method = "GET";
    head_.path = "/users/7";
    head_.query = "page=2";
    head_.authority = "api.example.com:8080";
    head_.headers.add("X-Team", "blue");
    head_.headers.add("Cookie", "theme=dark");
  }
  const http::RequestHead* request_head() const noexcept override { return &head_; }
  std::string_view listener() const noexcept override { return "public"; }
  std::optional<std::string_view> path_parameter(std::string_view name) const noexcept override {
    return name == "id" ? std::optional<std::string_view>("7") : std::nullopt;
  }

 private:
  BlockPool blocks_;
  Arena arena_{blocks_};
  http::RequestHead head_{arena_};
};

Value read(const VariableSource& source, std::string_view name) {
  const VariableInfo& info = variable_info(variable_id(name));
  REQUIRE(info.builtin != nullptr);
  return info.builtin->read(source, info.argument);
}

}  // namespace

TEST_CASE("no two built-in variables share a name, and each is found by it") {
  std::set<std::string_view> names;
  for (const BuiltinVariable& variable : builtin_variables()) {
    CAPTURE(std::string(variable.name));
    CHECK(names.insert(variable.name).second);
    std::string asked = std::string(variable.name) + (variable.is_family() ? "x" : "");
    CHECK(find_builtin_variable(asked) == &variable);
  }
}

TEST_CASE("other names, and families without a name, are plugins' variables") {
  for (const char* name : {"consumer.id", "request", "request.header.", "request.methods", "path.", "latency.x"})
    CHECK(find_builtin_variable(name) == nullptr);
}

TEST_CASE("a request tells its own variables and its families' members") {
  Request request;
  CHECK(read(request, "request.method").string == "GET");
  CHECK(read(request, "request.host").string == "api.example.com");
  CHECK(read(request, "request.header.x-team").string == "blue");
  CHECK(read(request, "request.cookie.theme").string == "dark");
  CHECK(read(request, "request.query.page").string == "2");
  CHECK(read(request, "path.id").string == "7");
  CHECK(read(request, "listener.name").string == "public");
}

TEST_CASE("what is not there is unset, whatever is asked") {
  class Nothing final : public VariableSource {
  } nothing;
  for (const BuiltinVariable& variable : builtin_variables()) {
    CAPTURE(std::string(variable.name));
    CHECK(variable.read(nothing, "x").kind == Value::Kind::none);
  }
  Request request;
  for (const char* name :
       {"response.status", "client.ip", "tls.version", "client.cert.subject", "upstream.latency", "worker"})
    CHECK(read(request, name).kind == Value::Kind::none);
}

TEST_CASE("only what the request alone tells counts as known beforehand") {
  using Kind = BuiltinVariable::Kind;
  CHECK(find_builtin_variable("request.path")->kind == Kind::of_request);
  CHECK(find_builtin_variable("route.id")->kind == Kind::of_request);
  CHECK(find_builtin_variable("client.ip")->kind == Kind::of_exchange);
  CHECK(find_builtin_variable("latency")->kind == Kind::made_to_order);
}

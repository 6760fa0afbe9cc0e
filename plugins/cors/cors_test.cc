#include <doctest/doctest.h>
#include <postern/testing.h>

#include <string>
#include <vector>

using postern::testing::FakeExchange;
using postern::testing::FakeGateway;
using postern::testing::FakeHeaders;
using Values = std::vector<std::string>;

namespace {

constexpr const char* kShop =
    R"({"allowed_origins": ["https://shop.example.com"], "credentials": true,
                                     "exposed_headers": ["X-Total", "X-Page"]})";

std::string problem_of(const char* config) {
  FakeGateway gateway;
  return gateway.configure_json(config).problem_text();
}

FakeExchange& preflight(FakeGateway& gateway, std::string origin, FakeHeaders more = {}) {
  more.add("Origin", origin);
  more.add("Access-Control-Request-Method", "PUT");
  return gateway.request("OPTIONS", "/", more).send();
}

FakeExchange& answered(FakeGateway& gateway, FakeHeaders request, FakeHeaders response = {}) {
  return gateway.request("GET", "/", std::move(request)).send().reply(200, std::move(response));
}

std::size_t cors_headers(const FakeExchange& x) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < x.response_headers().size(); ++i)
    count += x.response_headers().at(i).first.starts_with("Access-Control-") ? 1 : 0;
  return count;
}

}  // namespace

TEST_CASE("a preflight is answered and never reaches the upstream") {
  FakeGateway gateway;
  gateway.configure_json(R"({"allowed_origins": ["https://shop.example.com"], "allowed_methods": ["GET", "PUT"],
                             "allowed_headers": ["X-A", "X-B"], "max_age": "1h", "credentials": true})");
  auto& x = preflight(gateway, "https://shop.example.com");
  CHECK_FALSE(x.at_upstream());
  CHECK(x.status() == 204);
  const auto& headers = x.response_headers();
  CHECK(headers.all("Access-Control-Allow-Origin") == Values{"https://shop.example.com"});
  CHECK(headers.all("Access-Control-Allow-Credentials") == Values{"true"});
  CHECK(headers.all("Access-Control-Allow-Methods") == Values{"GET, PUT"});
  CHECK(headers.all("Access-Control-Allow-Headers") == Values{"X-A, X-B"});
  CHECK(headers.all("Access-Control-Max-Age") == Values{"3600"});
  CHECK(headers.all("Vary") == Values{"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"});
  x.finish();
}

TEST_CASE("one from elsewhere is answered too, without a permission") {
  FakeGateway gateway;
  gateway.configure_json(kShop);
  auto& x = preflight(gateway, "https://evil.example.com");
  CHECK(x.status() == 204);
  CHECK(cors_headers(x) == 0);
  CHECK(x.response_headers().get("Vary").value().starts_with("Origin, "));
  x.finish();
}

TEST_CASE("an OPTIONS that is no preflight is the upstream's") {
  FakeGateway gateway;
  gateway.configure_json(kShop);
  for (FakeHeaders headers : {FakeHeaders{}, FakeHeaders{{"Origin", "https://shop.example.com"}},
                              FakeHeaders{{"Access-Control-Request-Method", "GET"}}}) {
    auto& x = gateway.request("OPTIONS", "/", headers).send();
    CHECK(x.at_upstream());
    x.run();
  }
}

TEST_CASE("asterisks allow what a preflight asks for") {
  FakeGateway gateway;
  gateway.configure_json(R"({"allowed_methods": ["*"], "allowed_headers": ["*"]})");
  auto& x = preflight(gateway, "https://a.example", {{"Access-Control-Request-Headers", "x-one,authorization"}});
  CHECK(x.response_headers().get("Access-Control-Allow-Origin") == "*");
  CHECK(x.response_headers().get("Access-Control-Allow-Methods") == "PUT");
  CHECK(x.response_headers().get("Access-Control-Allow-Headers") == "x-one,authorization");
  x.finish();
  auto& y = preflight(gateway, "https://a.example");
  CHECK_FALSE(y.response_headers().contains("Access-Control-Allow-Headers"));
  y.finish();
}

TEST_CASE("the defaults: everybody, without credentials") {
  FakeGateway gateway;
  gateway.configure_json("{}");
  auto& x = preflight(gateway, "https://a.example");
  CHECK(x.response_headers().get("Access-Control-Allow-Origin") == "*");
  CHECK(x.response_headers().get("Access-Control-Allow-Methods") == "GET, HEAD, POST");
  CHECK(x.response_headers().get("Access-Control-Allow-Headers") == "Authorization, Content-Type");
  CHECK(x.response_headers().get("Access-Control-Max-Age") == "600");
  CHECK_FALSE(x.response_headers().contains("Access-Control-Allow-Credentials"));
  x.finish();
  auto& y = answered(gateway, {});  // the same to all, so that a cache may keep it
  CHECK(y.response_headers().get("Access-Control-Allow-Origin") == "*");
  CHECK_FALSE(y.response_headers().contains("Vary"));
  y.finish();
}

TEST_CASE("a response names the origin, also when the request lost it on its way") {
  FakeGateway gateway;
  gateway.configure_json(kShop);
  auto& x = answered(gateway, {{"Origin", "https://shop.example.com"}});
  CHECK(x.response_headers().all("Access-Control-Allow-Origin") == Values{"https://shop.example.com"});
  CHECK(x.response_headers().all("Access-Control-Allow-Credentials") == Values{"true"});
  CHECK(x.response_headers().all("Access-Control-Expose-Headers") == Values{"X-Total, X-Page"});
  CHECK(x.response_headers().all("Vary") == Values{"Origin"});
  CHECK(cors_headers(x) == 3);
  x.finish();
}

TEST_CASE("what the upstream says of CORS is replaced, or taken away") {
  FakeGateway gateway;
  gateway.configure_json(kShop);
  const FakeHeaders upstreams = {{"access-control-allow-origin", "*"},
                                 {"Access-Control-Allow-Origin", "https://other.example"},
                                 {"Access-Control-Allow-Credentials", "true"},
                                 {"Access-Control-Allow-Methods", "DELETE"},
                                 {"Access-Control-Allow-Headers", "X"},
                                 {"Access-Control-Expose-Headers", "Y"},
                                 {"Access-Control-Max-Age", "1"}};
  auto& good = answered(gateway, {{"Origin", "https://shop.example.com"}}, upstreams);
  CHECK(good.response_headers().all("Access-Control-Allow-Origin") == Values{"https://shop.example.com"});
  CHECK(cors_headers(good) == 3);
  good.finish();
  for (FakeHeaders request :
       {FakeHeaders{}, FakeHeaders{{"Origin", "https://evil.example"}}, FakeHeaders{{"Origin", "null"}}}) {
    auto& bad = answered(gateway, request, upstreams);
    CHECK(cors_headers(bad) == 0);
    CHECK_FALSE(bad.response_headers().contains("access-control-allow-origin"));
    CHECK(bad.response_headers().all("Vary") == Values{"Origin"});
    bad.finish();
  }
}

TEST_CASE("Vary is appended to, never overwritten, never doubled") {
  FakeGateway gateway;
  gateway.configure_json(kShop);
  auto vary_of = [&](FakeHeaders response) {
    auto& x = answered(gateway, {{"Origin", "https://shop.example.com"}}, std::move(response));
    auto values = x.response_headers().all("Vary");
    x.finish();
    return values;
  };
  CHECK(vary_of({{"Vary", "Accept-Encoding"}}) == Values{"Accept-Encoding", "Origin"});
  CHECK(vary_of({{"vary", "accept, origin"}}) == Values{"accept, origin"});
  CHECK(vary_of({{"Vary", "Accept"}, {"Vary", "Origin"}}) == Values{"Accept", "Origin"});
  CHECK(vary_of({{"Vary", "*"}}) == Values{"*"});
}

TEST_CASE("the gateway's own errors can be read by the page") {
  FakeGateway gateway;
  gateway.configure_json(kShop);
  auto& x = gateway.request("GET", "/", {{"Origin", "https://shop.example.com"}}).send();
  x.fail_upstream(POSTERN_OUTCOME_CONNECT_FAILED);
  CHECK(x.status() == 502);
  CHECK(x.response_headers().get("Access-Control-Allow-Origin") == "https://shop.example.com");
  x.finish();
}

TEST_CASE("it asks to stand before what refuses") {
  FakeGateway gateway;
  std::vector<std::string> names;
  for (const auto& declared : gateway.configure_json("{}").before()) {
    names.push_back(declared.name);
    CHECK_FALSE(declared.reason.empty());
  }
  CHECK(names == Values{"key-auth", "jwt", "rate-limit"});
}

TEST_CASE("what cannot work is refused where it stands") {
  CHECK(problem_of(R"({"credentials": true})") ==
        "credentials: credentials cannot go with allowed_origins \"*\": name the origins that may send them");
  CHECK(problem_of(R"({"credentials": true, "allowed_origins": ["https://a.example", "*"]})")
            .starts_with("credentials: "));
  CHECK(problem_of(R"({"credentials": true, "allowed_origins": ["https://a.example"], "exposed_headers": ["*"]})")
            .starts_with("exposed_headers: "));
  CHECK(problem_of(R"({"allowed_origins": ["https://a.example", "https://b.example/"]})")
            .starts_with("allowed_origins[1]: an origin ends with"));
  CHECK(problem_of(
            R"({"credentials": true, "allowed_origins": ["https://*.example.com"], "allowed_headers": ["*"]})") == "");
}

// What plugin.h makes of a class: its hooks, its state, its errors.
#include <doctest/doctest.h>

#include <array>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "query.h"

using postern::Exchange;
using postern::Verdict;
using postern::testing::Config;
using postern::testing::FakeExchange;
using postern::testing::FakeGateway;

namespace {

struct OnlyResponse {
  static constexpr auto kHooks = postern::detail::named_hooks("on_response");
  Verdict on_response(Exchange& x) {
    x.response().headers().set("x-seen", "yes").or_fail();
    return Verdict::CONTINUE;
  }
};

TEST_CASE("hooks that a class does not define are null in its table") {
  using Hooks = postern::detail::Hooks<OnlyResponse, OnlyResponse::kHooks>;
  const postern_plugin table = Hooks::table("only-response", "1.0.0", {});
  CHECK(Hooks::in_chain() == POSTERN_HOOK_RESPONSE);
  CHECK((table.on_response != nullptr));
  CHECK((table.on_request == nullptr));
  CHECK((table.on_complete == nullptr));
  CHECK((table.on_worker_start == nullptr));
  CHECK(table.slot_size == 0);
}

struct Counting {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request, on_complete");
  struct State {
    State() { ++alive; }
    ~State() { --alive; }
    int requests = 0;
  };
  inline static int alive = 0;
  inline static int requests_at_end = 0;
  Verdict on_request(Exchange&, State& state) {
    ++state.requests;
    return Verdict::CONTINUE;
  }
  void on_complete(Exchange&, State& state, const postern::Completion&) { requests_at_end = state.requests; }
};

TEST_CASE("the state of an exchange is made on first use and destroyed after on_complete") {
  FakeGateway gateway;
  gateway.load(query<Counting>).configure();
  FakeExchange& x = gateway.request("GET", "/");
  CHECK(Counting::alive == 0);
  x.send();
  CHECK(Counting::alive == 1);
  x.abort();
  CHECK(Counting::alive == 0);
  CHECK(Counting::requests_at_end == 1);
}

struct StateAlone {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request");
  struct State {
    std::string text = "long enough to live on the heap, so that a leak shows";
  };
  explicit StateAlone(postern::Setup& setup, postern::Node) { setup.disable(POSTERN_HOOK_COMPLETE); }
  Verdict on_request(Exchange&, State& state) {
    state.text += "!";
    return Verdict::CONTINUE;
  }
};

TEST_CASE("a state with a destructor is destroyed even when the plugin disables on_complete") {
  FakeGateway gateway;
  gateway.load(query<StateAlone>).configure();
  CHECK(gateway.get("/").ended());
}

struct Throws {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request, on_response, on_complete");
  explicit Throws(postern::Setup&, postern::Node config) : where_(config["in"].string()) {
    if (where_ == "configure") throw std::runtime_error("thrown in configure");
  }
  Verdict on_request(Exchange&) {
    if (where_ == "request") throw std::runtime_error("thrown in a hook");
    return Verdict::CONTINUE;
  }
  Verdict on_response(Exchange&) {
    if (where_ == "response") throw 7;
    return Verdict::CONTINUE;
  }
  void on_complete(Exchange&, const postern::Completion&) {
    if (where_ == "complete") throw std::runtime_error("thrown at the end");
  }
  std::string where_;
};

TEST_CASE("an exception never leaves the plugin") {
  FakeGateway gateway;
  gateway.load(query<Throws>);
  SUBCASE("in a request hook: the exchange gets 500, and what() is logged") {
    gateway.configure({{"in", "request"}});
    CHECK(gateway.get("/").status() == 500);
    CHECK(gateway.logged("thrown in a hook"));
    CHECK(gateway.logged("on_request"));
  }
  SUBCASE("in a response hook, and not a std::exception") {
    gateway.configure({{"in", "response"}});
    CHECK(gateway.get("/").status() == 500);
    CHECK(gateway.logged("on_response"));
  }
  SUBCASE("in on_complete: the exchange ends all the same") {
    gateway.configure({{"in", "complete"}});
    CHECK(gateway.get("/").ended());
    CHECK(gateway.logged("thrown at the end"));
  }
  SUBCASE("in configure: the instance is refused") {
    CHECK_FALSE(gateway.configure({{"in", "configure"}}).ok());
    CHECK(gateway.logged("thrown in configure"));
  }
}

struct Strict {
  static constexpr auto kHooks = postern::detail::named_hooks("no_hooks");
  static postern::Result<std::unique_ptr<Strict>> configure(postern::Setup& setup, postern::Node config) {
    if (config["limit"].integer() < 1) setup.error(config["limit"], "must be at least 1");
    for (postern::Node rule : config["rules"]) {
      if (!rule["name"]) setup.error(rule, "needs a name");
    }
    setup.provides("tested.value");
    setup.consumes("consumer.id", "limits are kept by consumer");
    return std::make_unique<Strict>();
  }
};

TEST_CASE("configure reports all errors, each at its place") {
  FakeGateway gateway;
  gateway.load(query<Strict>);
  auto& instance = gateway.configure({{"limit", 0}, {"rules", Config::list({Config{{"name", "a"}}, Config::map()})}});
  CHECK_FALSE(instance.ok());
  CHECK(instance.problem_text() == "limit: must be at least 1\nrules[1]: needs a name");
}

TEST_CASE("configure declares what the instance provides and consumes") {
  FakeGateway gateway;
  auto& instance = gateway.load(query<Strict>).configure({{"limit", 5}});
  CHECK(instance.ok());
  CHECK(instance.provides("tested.value"));
  CHECK(instance.consumes("consumer.id"));
}

struct Judges {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request");
  explicit Judges(postern::Setup& setup, postern::Node config)
      : premium_(setup.compile_expression(config["premium"])),
        score_(setup.reads("agent.score", POSTERN_HOOK_RESPONSE)) {
    setup.offers("tested/main", 3);
    setup.needs("quota/main", 2, "counts are kept there");
    setup.refuses(POSTERN_REFUSES_ANONYMOUS, "wants a key");
  }
  Verdict on_request(Exchange& x) {
    static constexpr std::uint32_t kStatus[] = {403, 200, 500};  // no, yes, unjudged
    return x.respond(kStatus[static_cast<std::size_t>(x.holds(premium_))]);
  }
  postern::Expression premium_;
  postern::Variable score_;
};

TEST_CASE("configure declares services, what is read and who is refused; an expression has three answers") {
  FakeGateway gateway;
  auto& instance = gateway.load(query<Judges>).configure({{"premium", "consumer.tier == \"gold\""}});
  REQUIRE(instance.ok());
  CHECK(instance.reads().at(0).hook == POSTERN_HOOK_RESPONSE);
  CHECK(instance.offers().at(0).version == 3);
  CHECK(instance.needs().at(0).reason == "counts are kept there");
  CHECK(instance.refuses() == POSTERN_REFUSES_ANONYMOUS);
  CHECK(gateway.get("/").status() == 500);
  for (bool holds : {false, true}) {
    gateway.expression_holds("consumer.tier == \"gold\"", holds);
    CHECK(gateway.get("/").status() == (holds ? 200 : 403));
  }
}

struct Views {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request");
  explicit Views(postern::Setup& setup, postern::Node) : seen_(setup.provides("tested.seen")) {}
  Verdict on_request(Exchange& x) {
    std::string names;
    for (const auto& [name, value] : x.request().headers()) names += std::string(name) + "=" + std::string(value) + ";";
    x.set(seen_, names).or_fail();
    x.request().headers().remove("x-secret");
    x.request().headers().set("x-path", x.request().path()).or_fail();
    if (x.request().query() == "stop") return x.respond_error(403, "FORBIDDEN", "not today", 7);
    return Verdict::CONTINUE;
  }
  postern::Variable seen_;
};

TEST_CASE("views read and change the real header list") {
  FakeGateway gateway;
  gateway.load(query<Views>).configure();
  FakeExchange& x = gateway.request("GET", "/a", {{"Host", "h"}, {"X-Secret", "1"}, {"x-secret", "2"}}).send();
  CHECK(x.variable("tested.seen") == "Host=h;X-Secret=1;x-secret=2;");
  CHECK_FALSE(x.upstream_headers().contains("x-secret"));
  CHECK(x.upstream_headers().get("X-Path") == "/a");
}

struct CountsHeaders {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request");
  Verdict on_request(Exchange& x) {
    walked.clear();
    for (auto header : x.request().headers()) walked += header.name;
    return Verdict::CONTINUE;
  }
  inline static std::string walked;
};

TEST_CASE("a walk over headers sees each of them once, however many there are") {
  FakeGateway gateway;
  gateway.load(query<CountsHeaders>).configure();
  for (std::size_t count : {1, 2, 15, 16, 17, 31, 32, 33}) {
    postern::testing::FakeHeaders headers{{"host", "h"}};
    std::string names = "host";
    for (std::size_t i = 1; i < count; ++i) {
      headers.add("x-" + std::to_string(i), "v");
      names += headers.at(i).first;
    }
    gateway.request("GET", "/", headers).send();
    CHECK(CountsHeaders::walked == names);
  }
}

struct ReadsSeveral {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request");
  explicit ReadsSeveral(postern::Setup& setup, postern::Node)
      : read_{setup.variable("request.path"), setup.variable("test.unset"), setup.variable("request.method")},
        seen_(setup.provides("tested.seen")) {}
  Verdict on_request(Exchange& x) {
    auto [path, unset, method] = x.get(read_);
    std::string seen = std::string(*method.string()) + " " + std::string(*path.string());
    x.set(seen_, unset ? "set" : std::string_view(seen)).or_fail();
    return Verdict::CONTINUE;
  }
  std::array<postern::Variable, 3> read_;
  postern::Variable seen_;
};

TEST_CASE("several variables are read in one call") {
  FakeGateway gateway;
  gateway.load(query<ReadsSeveral>).configure();
  CHECK(gateway.request("GET", "/a").send().variable("tested.seen") == "GET /a");
}

TEST_CASE("several variables are read one by one where the gateway is older than the call") {
  FakeGateway gateway;
  gateway.load(query<ReadsSeveral>).configure();
  const auto* now = postern::detail::host.exchange;
  postern_exchange_table older = *now;
  older.struct_size = offsetof(postern_exchange_table, variable_list);
  older.variable_list = nullptr;  // what lies there is not the table's
  postern::detail::host.exchange = &older;
  CHECK(gateway.request("GET", "/a").send().variable("tested.seen") == "GET /a");
  postern::detail::host.exchange = now;
}

struct Asks {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request, on_response");
  Verdict on_request(Exchange& x) {
    auto headers = x.request().headers();
    CHECK(headers.set("TE", "gzip") == postern::Status(POSTERN_E_STATE));
    CHECK(headers.add("TE", "trailers") == postern::Status(POSTERN_E_STATE));
    CHECK(headers.set("te", "trailers") == postern::Status(POSTERN_OK));
    return Verdict::CONTINUE;
  }
  Verdict on_response(Exchange& x) {
    CHECK(x.response().headers().set("TE", "trailers") == postern::Status(POSTERN_E_STATE));
    return Verdict::CONTINUE;
  }
};

TEST_CASE("a request may say that trailers are welcome, and nothing else of the upstream's connection") {
  FakeGateway gateway;
  gateway.load(query<Asks>).configure();
  CHECK(gateway.get("/").upstream_headers().get("TE") == "trailers");
}

TEST_CASE("respond_error answers with the gateway's envelope") {
  FakeGateway gateway;
  gateway.load(query<Views>).configure();
  FakeExchange& x = gateway.get("/a?stop");
  CHECK(x.status() == 403);
  CHECK(x.error_code() == "FORBIDDEN");
  CHECK(x.response_headers().get("retry-after") == "7");
}

struct Upper {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request_body, on_response_body");
  explicit Upper(postern::Setup& setup, postern::Node) {
    setup.request_body(postern::BodyPolicy::stream(true));
    setup.response_body(postern::BodyPolicy::buffer(8, postern::BodyPolicy::Overflow::reject, true));
  }
  Verdict on_request_body(Exchange& x, postern::BodyPart part) {
    x.request_body().replace(upper(part.bytes)).or_fail();
    return Verdict::CONTINUE;
  }
  Verdict on_response_body(Exchange& x, postern::BodyPart part) {
    if (part.whole()) x.response_body().replace(upper(part.bytes)).or_fail();
    return Verdict::CONTINUE;
  }
  static std::string upper(std::string_view text) {
    std::string result(text);
    for (char& c : result) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return result;
  }
};

TEST_CASE("a streamed body is replaced however it is cut") {
  postern::testing::every_split("hello, world", [](FakeExchange::Chunks chunks) {
    FakeGateway gateway;
    gateway.load(query<Upper>).configure();
    CHECK(gateway.request("POST", "/").body(chunks).send().upstream_body() == "HELLO, WORLD");
  });
}

TEST_CASE("a buffered body comes whole, and one that is too long is refused") {
  FakeGateway gateway;
  gateway.load(query<Upper>).configure();
  CHECK(gateway.request("GET", "/").send().reply(200, {}, {"abc", "def"}).response_body() == "ABCDEF");
  CHECK(gateway.request("GET", "/").send().reply(200, {}, {"abcde", "fghij"}).status() == 502);
}

TEST_CASE("a gateway without an optional table answers POSTERN_E_STATE; without a required one it is refused") {
  FakeGateway gateway;
  SUBCASE("optional") {
    gateway.without("dict");
    gateway.load(query<OnlyResponse>);
    CHECK_FALSE(postern::Dict::open(postern::Instance(), "d", 1024));
    CHECK(postern::Dict().set("key", "value") == postern::Status(POSTERN_E_STATE));
  }
  SUBCASE("required") {
    gateway.without("exchange");
    CHECK_THROWS(gateway.load(query<OnlyResponse>));
  }
}

// Gives every request without a body one, and streams what it said it would hold.
struct Chooser {
  static constexpr auto kHooks =
      postern::detail::named_hooks("on_request, on_request_body, on_response, on_response_body");
  static postern::Result<std::unique_ptr<Chooser>> configure(postern::Setup& setup, postern::Node) {
    setup.request_body(postern::BodyPolicy::buffer(4, postern::BodyPolicy::Overflow::reject, true));
    setup.response_body(postern::BodyPolicy::buffer(4, postern::BodyPolicy::Overflow::reject, true));
    return std::make_unique<Chooser>();
  }
  Verdict on_request(Exchange& x) {
    bodiless = x.info().request_bodiless != 0;
    given = x.request_body().give("given");
    CHECK(x.info().request_bodiless == 0);
    CHECK(x.request_body().give("again") == postern::Status(POSTERN_E_STATE));
    CHECK(x.response_body().give("response") == postern::Status(POSTERN_E_INVALID));
    return Verdict::CONTINUE;
  }
  Verdict on_request_body(Exchange& x, postern::BodyPart) {
    x.request_body().replace("seen").or_fail();
    return Verdict::CONTINUE;
  }
  Verdict on_response(Exchange& x) {
    CHECK(x.response_body().stream());
    return Verdict::CONTINUE;
  }
  Verdict on_response_body(Exchange& x, postern::BodyPart part) {
    CHECK(x.response_body().stream() == postern::Status(POSTERN_E_STATE));
    x.response_body().replace(std::string(part.bytes) + (part.end() ? "." : ",")).or_fail();
    return Verdict::CONTINUE;
  }
  static inline bool bodiless = false;
  static inline postern::Status given;
};

TEST_CASE("a request without a body is given one, and a body streams although it was to be held") {
  FakeGateway gateway;
  gateway.load(query<Chooser>).configure();
  auto& x = gateway.request("GET", "/").send();
  CHECK(Chooser::bodiless);
  CHECK(Chooser::given);
  CHECK(x.upstream_body() == "given");
  CHECK(x.reply(200, {}, {"longer", "than four"}).response_body() == "longer,than four.");

  auto& has = gateway.request("POST", "/", {}, "own").send();
  CHECK_FALSE(Chooser::bodiless);
  CHECK(Chooser::given == postern::Status(POSTERN_E_STATE));
  CHECK(has.upstream_body() == "seen");
}

struct Lists {
  static constexpr auto kHooks = postern::detail::named_hooks("on_request");
  inline static std::vector<std::string> paths, peers;
  Verdict on_request(Exchange& x) {
    paths.clear();
    peers.clear();
    for (Exchange one : postern::OpenExchanges(x.instance())) paths.emplace_back(one.request().path());
    for (postern::Connection c : postern::OpenConnections(x.instance())) peers.emplace_back(c.peer_address());
    return Verdict::CONTINUE;
  }
};

TEST_CASE("a plugin can walk over what is open") {
  FakeGateway gateway;
  gateway.load(query<Lists>).configure();
  gateway.connect({.peer_address = "192.0.2.1"});
  FakeExchange& first = gateway.request("GET", "/first").send();
  gateway.request("GET", "/not-sent");
  gateway.request("GET", "/second").send();
  CHECK(Lists::paths == std::vector<std::string>{"/first", "/second"});
  CHECK(Lists::peers == std::vector<std::string>{"192.0.2.1"});
  first.abort();
  gateway.get("/third");
  CHECK(Lists::paths == std::vector<std::string>{"/second", "/third"});
}

TEST_CASE("a walk over connections is empty where there is no such table") {
  FakeGateway gateway;
  gateway.without("connection");
  gateway.load(query<Lists>).configure();
  gateway.connect();
  gateway.get("/");
  CHECK(Lists::peers.empty());
}

}  // namespace

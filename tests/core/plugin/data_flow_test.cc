#include "plugin/data_flow.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "plugin/instance.h"

using namespace postern;
using plugin::Declaration;

namespace {

// A chain told in a table: one row for each instance, whose first hook is on_request.
struct Row {
  std::string name;
  std::vector<Declaration> provides, consumes, reads;
  std::string when;
  bool shadow = false;
};

std::vector<std::string> problems_of(const std::vector<Row>& rows) {
  std::vector<std::unique_ptr<postern_instance_s>> owned;
  std::vector<std::unique_ptr<config::PluginUse>> uses;
  std::vector<postern_instance> chain;
  auto file = std::make_shared<const std::string>("g.yaml");
  for (const auto& row : rows) {
    auto* use = uses.emplace_back(std::make_unique<config::PluginUse>()).get();
    use->when = row.when;
    use->shadow = row.shadow;
    owned.push_back(std::make_unique<postern_instance_s>());
    auto* i = chain.emplace_back(owned.back().get());
    i->name = row.name;
    i->use = use;
    i->position = {file, static_cast<int>(chain.size()), 7};
    i->declared.provides = row.provides;
    i->declared.consumes = row.consumes;
    i->declared.reads = row.reads;
  }
  config::Problems problems;
  plugin::check_data_flow(chain, "routes/orders", problems);
  std::vector<std::string> lines;
  for (const auto& p : problems) lines.push_back(p.line());
  return lines;
}

using Lines = std::vector<std::string>;
const Declaration kConsumer{"consumer.id", "", 0};
const Row kJwt{"jwt", {kConsumer}, {}, {}, "", false};

std::string only(const Lines& lines) {
  REQUIRE(lines.size() == 1);
  const std::string_view begin = "routes/orders: ";
  return lines[0].substr(lines[0].find(begin) + begin.size());
}

}  // namespace

TEST_CASE("a consumer behind its provider is in order") {
  CHECK(problems_of({kJwt, {"rate-limit", {}, {kConsumer}, {}, "", false}}) == Lines{});
}

TEST_CASE("a consumer before its provider is refused with how much later and what to move") {
  CHECK(problems_of({{"rate-limit", {}, {{"consumer.id", "by: consumer", 0}}, {}, "", false},
                     {"cors", {}, {}, {}, "", false},
                     kJwt}) ==
        Lines{"g.yaml:1:7: routes/orders: \"rate-limit\" needs consumer.id (by: consumer), which \"jwt\" provides two "
              "places later. Move \"jwt\" above it."});
}

TEST_CASE("the first of several providers is the one to move") {
  auto line =
      only(problems_of({{"limit", {}, {kConsumer}, {}, "", false}, {"key", {kConsumer}, {}, {}, "", false}, kJwt}));
  CHECK(line.find("\"key\" provides one place later") != line.npos);
}

TEST_CASE("a consumer without any provider is refused") {
  auto line = only(problems_of({{"rate-limit", {}, {kConsumer}, {}, "", false}}));
  CHECK(line.find("no plugin in this chain provides") != line.npos);
}

TEST_CASE("what an instance provides itself is not there when it starts") {
  CHECK(problems_of({{"a", {kConsumer}, {kConsumer}, {}, "", false}}).size() == 1);
}

TEST_CASE("built-in variables need no provider") {
  CHECK(problems_of(
            {{"a", {}, {{"client.ip", "", 0}, {"request.header.x-user", "", 0}, {"path.id", "", 0}}, {}, "", false}}) ==
        Lines{});
}

TEST_CASE("names that end in .* stand for all that begin so") {
  const Row jwt{"jwt", {{"jwt.claims.*", "", 0}}, {}, {}, "", false};
  CHECK(problems_of({jwt, {"a", {}, {{"jwt.claims.role", "", 0}, {"jwt.claims.*", "", 0}}, {}, "", false}}) == Lines{});
  CHECK(problems_of({jwt, {"a", {}, {{"jwt.claim", "", 0}}, {}, "", false}}).size() == 1);
}

// F16: `check` passed these chains, and the variable was absent.
TEST_CASE("a provider in shadow mode sets nothing, but for another in shadow mode") {
  Row jwt = kJwt, limit{"limit", {}, {kConsumer}, {}, "", false};
  jwt.shadow = true;
  CHECK(only(problems_of({jwt, limit})) ==
        "\"limit\" needs consumer.id, which \"jwt\" provides, but it is in shadow mode, where it sets nothing. Take "
        "\"mode: "
        "shadow\" off \"jwt\", or give it to \"limit\", too.");
  limit.shadow = true;
  CHECK(problems_of({jwt, limit}) == Lines{});
}

TEST_CASE("a provider must run whenever its consumer does") {
  Row jwt = kJwt, limit{"limit", {}, {kConsumer}, {}, "", false};
  jwt.when = "header.x-key";
  CHECK(only(problems_of({jwt, limit})) ==
        "\"limit\" needs consumer.id, which \"jwt\" provides only when header.x-key. Give \"limit\" that \"when\", "
        "too, or "
        "take it off \"jwt\".");
  limit.when = "path starts_with \"/api\" && request.header.x-key";
  CHECK(problems_of({jwt, limit}) == Lines{});
}

TEST_CASE("a provider must not provide in a later hook than its consumer needs") {
  const Row late{"late", {{"score", "", POSTERN_HOOK_RESPONSE}}, {}, {}, "", false};
  CHECK(only(problems_of({late, {"early", {}, {{"score", "", 0}}, {}, "", false}})) ==
        "\"early\" needs score, which \"late\" provides in on_response, after on_request, where \"early\" wants it. No "
        "order "
        "mends that: configure \"early\" without score.");
  CHECK(problems_of({{"log", {}, {{"score", "", POSTERN_HOOK_COMPLETE}}, {}, "", false}, late}) == Lines{});
}

TEST_CASE("responses pass a chain backwards, and so do their variables") {
  const Row provider{"provider", {{"score", "", POSTERN_HOOK_RESPONSE}}, {}, {}, "", false};
  const Row consumer{"consumer", {}, {{"score", "", POSTERN_HOOK_RESPONSE}}, {}, "", false};
  CHECK(problems_of({consumer, provider}) == Lines{});
  CHECK(only(problems_of({provider, consumer})) ==
        "\"consumer\" needs score, which \"provider\" provides one place above it, and responses pass a chain "
        "backwards. Move "
        "\"provider\" below it.");
}

TEST_CASE("what is only read may be unset, but not in vain") {
  Row jwt = kJwt;
  const Row reader{"headers", {}, {}, {kConsumer}, "", false};
  CHECK(problems_of({reader}) == Lines{});
  jwt.when = "header.x-key";
  CHECK(problems_of({jwt, reader}) == Lines{});
  CHECK(only(problems_of({reader, jwt})) ==
        "\"headers\" reads consumer.id, which \"jwt\" provides one place later. Move \"jwt\" above it.");
  jwt.shadow = true;
  CHECK(problems_of({jwt, reader}).size() == 1);
}

TEST_CASE("a condition reads its variables at the first hook of its instance") {
  const Row guard{"guard", {}, {}, {}, "consumer.id == \"\"", false};
  CHECK(problems_of({kJwt, guard}) == Lines{});
  CHECK(only(problems_of({guard, kJwt})) ==
        "\"guard\" reads consumer.id (its \"when\"), which \"jwt\" provides one place later. Move \"jwt\" above it.");
}

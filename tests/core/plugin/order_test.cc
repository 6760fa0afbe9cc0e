#include "plugin/order.h"

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "plugin/instance.h"

using namespace postern;

namespace {

// A chain told in a table: one row for each instance.
struct Row {
  std::string name;
  std::vector<plugin::Declaration> provides, consumes, before, after;
};

std::vector<std::string> problems_of(const std::vector<Row>& rows) {
  std::vector<std::unique_ptr<postern_instance_s>> owned;
  std::vector<postern_instance> chain;
  auto file = std::make_shared<const std::string>("g.yaml");
  for (const auto& row : rows) {
    owned.push_back(std::make_unique<postern_instance_s>());
    auto* i = chain.emplace_back(owned.back().get());
    i->name = i->plugin = row.name;
    i->position = {file, static_cast<int>(chain.size()), 7};
    i->declared.provides = row.provides;
    i->declared.consumes = row.consumes;
    i->declared.before = row.before;
    i->declared.after = row.after;
  }
  config::Problems problems;
  plugin::check_order(chain, "routes/orders", problems);
  std::vector<std::string> lines;
  for (const auto& p : problems) lines.push_back(p.line());
  return lines;
}

using Lines = std::vector<std::string>;
const plugin::Declaration kConsumer{"consumer.id", ""};

}  // namespace

TEST_CASE("a consumer behind its provider is in order") {
  CHECK(problems_of({{"jwt", {kConsumer}, {}, {}, {}}, {"rate-limit", {}, {kConsumer}, {}, {}}}) == Lines{});
}

TEST_CASE("a consumer before its provider is refused with how much later and what to move") {
  CHECK(problems_of({{"rate-limit", {}, {{"consumer.id", "by: consumer"}}, {}, {}},
                     {"cors", {}, {}, {}, {}},
                     {"jwt", {kConsumer}, {}, {}, {}}}) ==
        Lines{"g.yaml:1:7: routes/orders: \"rate-limit\" needs consumer.id (by: consumer), which \"jwt\" provides two "
              "places "
              "later. Move \"jwt\" above it."});
}

TEST_CASE("the first of several providers is the one to move") {
  auto lines = problems_of(
      {{"limit", {}, {kConsumer}, {}, {}}, {"key", {kConsumer}, {}, {}, {}}, {"jwt", {kConsumer}, {}, {}, {}}});
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("\"key\" provides one place later") != std::string::npos);
}

TEST_CASE("a consumer without any provider is refused") {
  auto lines = problems_of({{"rate-limit", {}, {kConsumer}, {}, {}}});
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].find("no plugin in this chain provides") != std::string::npos);
}

TEST_CASE("what an instance provides itself is not there when it starts") {
  CHECK(problems_of({{"a", {kConsumer}, {kConsumer}, {}, {}}}).size() == 1);
}

TEST_CASE("built-in variables need no provider") {
  CHECK(problems_of({{"a", {}, {{"client.ip", ""}, {"request.header.x-user", ""}, {"path.id", ""}}, {}, {}}}) ==
        Lines{});
}

TEST_CASE("before and after hold against plugins of the same chain, whoever says so") {
  CHECK(
      problems_of({{"cache", {}, {}, {}, {{"auth", "answers are private"}}}, {"auth", {}, {}, {}, {}}}) ==
      Lines{
          "g.yaml:1:7: routes/orders: \"cache\" must stand after \"auth\" (answers are private). Move \"cache\" below "
          "\"auth\"."});
  CHECK(problems_of({{"auth", {}, {}, {}, {}}, {"cors", {}, {}, {{"auth", "preflights carry no credentials"}}, {}}})
            .size() == 1);
  CHECK(problems_of({{"cache", {}, {}, {}, {{"absent", "x"}}}}) == Lines{});
}

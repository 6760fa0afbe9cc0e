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
  std::vector<plugin::Declaration> before, after;
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

}  // namespace

TEST_CASE("before and after hold against plugins of the same chain, whoever says so") {
  CHECK(
      problems_of({{"cache", {}, {{"auth", "answers are private"}}}, {"auth", {}, {}}}) ==
      Lines{
          "g.yaml:1:7: routes/orders: \"cache\" must stand after \"auth\" (answers are private). Move \"cache\" below "
          "\"auth\"."});
  CHECK(problems_of({{"auth", {}, {}}, {"cors", {{"auth", "preflights carry no credentials"}}, {}}}).size() == 1);
  CHECK(problems_of({{"cache", {}, {{"absent", "x"}}}}) == Lines{});
}

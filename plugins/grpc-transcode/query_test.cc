#include "query.h"

#include <doctest/doctest.h>

namespace {

std::string read(std::string_view query) {
  auto parameters = read_query(query);
  if (!parameters) return "malformed";
  std::string told;
  for (const auto& [name, value] : *parameters) told.append("(").append(name).append("=").append(value).append(")");
  return told;
}

}  // namespace

TEST_CASE("queries") {
  CHECK(read("") == "");
  CHECK(read("a.b=1&c=x+y%20z&d&=e&&f==&") == "(a.b=1)(c=x y z)(d=)(=e)(f==)");
  CHECK(read("%61=%26%3d") == "(a=&=)");
  for (std::string_view bad : {"a=%", "a=%4", "%zz=1", "a=%4g"}) CHECK(read(bad) == "malformed");
  std::string many;
  for (int i = 0; i < 100; ++i) many += "a&";
  CHECK(read(many).size() == 400);
  CHECK(read(many + "a") == "malformed");
}

#include "json_text.h"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("JSON is what RFC 8259 says, and not too deep") {
  for (const char* good : {"{}", "[1, -2.5e3, \"a\", null, true]", " 1 ", "\"{[\""}) CHECK(is_strict_json(good));
  for (const char* bad : {"", "{a: 1}", "{'a': 1}", "[1,]", "{} {}", "01", "nul", "\"\xff\"", "[", "\"\\"})
    CHECK_FALSE(is_strict_json(bad));
  CHECK(is_strict_json(std::string(100, '[') + std::string(100, ']')));
  CHECK_FALSE(is_strict_json(std::string(101, '[') + std::string(101, ']')));
  CHECK_FALSE(is_strict_json(std::string(1'000'000, '[')));
  std::string many = "[";
  for (int i = 0; i < 99'998; ++i) many += "1,";
  CHECK(is_strict_json(many + "1]"));
  CHECK_FALSE(is_strict_json(many + "1,1]"));
  CHECK(is_strict_json("\"" + std::string(1'000, '[') + "\""));
}

TEST_CASE("a member as it is written") {
  const char* object = R"({"a":{"b":"}\"]"},"b":[1,{"c":2}],"c":"x,y","":0})";
  CHECK(member(object, "a") == R"({"b":"}\"]"})");
  CHECK(member(object, "b") == R"([1,{"c":2}])");
  CHECK(member(object, "c") == R"("x,y")");
  CHECK(member(object, "") == "0");
  CHECK_FALSE(member(object, "d"));
  CHECK_FALSE(member("{}", "a"));
  CHECK_FALSE(member("\"a\"", "a"));
}

TEST_CASE("where there may be an Any, a value counts once for each level: it is kept at every one of them") {
  auto nested = [](int depth, const std::string& last) {
    std::string list = "[1";
    for (int i = 0; i < 9'000; ++i) list += ",1";
    std::string text = "{\"a\":" + list + "]" + last + "}";
    for (int i = 1; i < depth; ++i) text = "{\"a\":" + text + "}";
    return text;
  };
  CHECK(is_strict_json(nested(50, "")));
  CHECK(is_strict_json(nested(20, ",\"@type\":\"x\"")));
  CHECK_FALSE(is_strict_json(nested(50, ",\"@type\":\"x\"")));
  CHECK_FALSE(is_strict_json(nested(50, ",\"\\u0040type\":\"x\"")));
}

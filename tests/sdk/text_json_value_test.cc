#include <doctest/doctest.h>
#include <postern/text/json_value.h>

using namespace postern;

namespace {

// As it is written again; "refused" when it is no JSON.
std::string again(std::string_view text) {
  const auto value = Json::parse(text);
  return value ? value->text() : "refused";
}

}  // namespace

TEST_CASE("JSON is read and written again") {
  CHECK(again(R"( {"b": [1, -2, 0.5, 1e3], "a": {"t": true, "f": false, "n": null}} )") ==
        R"({"a":{"f":false,"n":null,"t":true},"b":[1,-2,0.5,1000]})");
  CHECK(again(R"("\"\\\/\b\f\n\r\t\u00e4\ud83d\ude00ä")") == R"("\"\\/\u0008\u000c\n\r\tä😀ä")");
  CHECK(again("9223372036854775807") == "9223372036854775807");
  CHECK(again("9223372036854775808") == "9223372036854775808");  // as a double
  CHECK(again("[]") == "[]");
  CHECK(again("{}") == "{}");
}

TEST_CASE("values are what they are, and nothing else") {
  const auto value = Json::parse(R"({"user": "bob", "age": 7, "score": 0.5, "tags": ["a"], "ok": true})");
  REQUIRE(value);
  CHECK(*value->find("user")->string() == "bob");
  CHECK(value->find("user")->integer() == nullptr);
  CHECK(*value->find("age")->integer() == 7);
  CHECK(value->find("age")->number() == 7.0);
  CHECK(value->find("score")->number() == 0.5);
  CHECK(value->find("tags")->list()->size() == 1);
  CHECK(*value->find("ok")->boolean());
  CHECK(value->find("absent") == nullptr);
  CHECK(Json(Json::Object{{"list", Json::List{1, "x", Json()}}}).text() == R"({"list":[1,"x",null]})");
  CHECK(Json(1.0 / 0.0).text() == "null");
}

TEST_CASE("what could be read in two ways is refused") {
  for (std::string_view text : {"",
                                " ",
                                "{",
                                "[1",
                                "[1,]",
                                "{,}",
                                "{\"a\":1,}",
                                "{\"a\":1,\"a\":2}",
                                "{a:1}",
                                "01",
                                "+1",
                                "1.",
                                ".5",
                                "1e",
                                "-",
                                "1e999",
                                "NaN",
                                "tru",
                                "\"",
                                "\"\x01\"",
                                "\"\\x\"",
                                "\"\\u12\"",
                                "\"\\ud800\"",
                                "\"\\ud800\\u0041\"",
                                "\"\\udc00\"",
                                "\"\xff\"",
                                "1 2",
                                "[1]]",
                                "'a'",
                                "// x\n1"})
    CHECK_MESSAGE(again(text) == "refused", text);
}

TEST_CASE("depth is bounded") {
  CHECK(again(std::string(64, '[') + std::string(64, ']')) != "refused");
  CHECK(again(std::string(65, '[') + std::string(65, ']')) == "refused");
  CHECK(again(std::string(1'000'000, '[')) == "refused");
}

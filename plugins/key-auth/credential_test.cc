#include "credential.h"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("parameters are found by their decoded names and counted") {
  struct Row {
    std::string_view query;
    unsigned count;
    std::string_view value;
  };
  for (const Row& row :
       {Row{"", 0, ""}, Row{"key=abc", 1, "abc"}, Row{"a=1&key=abc&b=2", 1, "abc"}, Row{"%6bey=abc", 1, "abc"},
        Row{"key=a&k%65y=b", 2, "b"}, Row{"key", 1, ""}, Row{"key=", 1, ""}, Row{"xkey=abc&keyx=1&Key=2", 0, ""},
        Row{"key=a=b", 1, "a=b"}, Row{"&&key=a&", 1, "a"}, Row{"ke%=1&ke%7", 0, ""}}) {
    CAPTURE(row.query);
    auto found = find_parameters(row.query, "key");
    CHECK(found.count == row.count);
    CHECK(found.value == row.value);
  }
}

TEST_CASE("a parameter is taken out and the others stay as written") {
  struct Row {
    std::string_view query, rest;
  };
  for (const Row& row : {Row{"key=abc", ""}, Row{"a=1&key=abc", "a=1"}, Row{"key=abc&a=%20", "a=%20"},
                         Row{"a=1&%6bey=abc&b", "a=1&b"}, Row{"a=1&&b=2", "a=1&&b=2"}}) {
    CAPTURE(row.query);
    std::string out(row.query.size(), '?');
    CHECK(without_parameter(row.query, "key", out.data()) == row.rest);
  }
}

TEST_CASE("values are decoded into what they have room for") {
  char buffer[4];
  CHECK(decoded_value("a%2Bb", buffer) == "a+b");
  CHECK(decoded_value("a+b", buffer) == "a b");
  CHECK(decoded_value("%4", buffer) == "%4");
  CHECK(decoded_value("%41%41%41%41", buffer) == "AAAA");
  CHECK_FALSE(decoded_value("abcde", buffer).has_value());
}

TEST_CASE("cookies are found and counted") {
  struct Row {
    std::string_view header;
    unsigned count;
    std::string_view value;
  };
  for (const Row& row :
       {Row{"key=abc", 1, "abc"}, Row{"a=1; key=abc; b=2", 1, "abc"}, Row{"key=a;key=b", 2, "b"},
        Row{" key = abc ", 1, "abc"}, Row{"Key=abc", 0, ""}, Row{"xkey=1; key", 1, ""}, Row{"", 0, ""}}) {
    CAPTURE(row.header);
    auto found = find_cookies(row.header, "key");
    CHECK(found.count == row.count);
    CHECK(found.value == row.value);
  }
}

TEST_CASE("the cookies that are left are one header's") {
  std::string out(CookiesBut::room_for("a;b;key=x") + CookiesBut::room_for(";key=y;c=3"), '?');
  CookiesBut rest("key", out.data());
  rest.add("a;b;key=x");
  rest.add(";key=y;c=3");
  CHECK(rest.text() == "a; b; c=3");
}

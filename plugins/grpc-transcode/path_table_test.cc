#include "path_table.h"

#include <doctest/doctest.h>

namespace {

struct Table {
  std::optional<std::size_t> add(const std::string& method, std::string_view text) {
    std::string problem;
    auto path = PathTemplate::parse(text, problem);
    REQUIRE_MESSAGE(path.has_value(), problem);
    texts.emplace_back(text);
    return table.add(method, *path, texts.size() - 1);
  }
  // The template, "-" for none, "-GET,PUT" for none of this method.
  std::string find(std::string_view method, std::string_view path) const {
    auto found = table.find(method, path);
    if (found.value) return texts[*found.value];
    std::string methods;
    for (auto one : found.methods) methods.append(methods.empty() ? "" : ",").append(one);
    return "-" + methods;
  }
  PathTable table;
  std::vector<std::string> texts;
};

}  // namespace

TEST_CASE("the most exact template takes a path") {
  Table t;
  for (std::string_view text : {"/v1/**", "/v1/{a=**}:verb", "/v1/*/books", "/v1/shelves/{b}", "/v1/shelves/books",
                                "/v1/{c}/{d}", "/v1/shelves/{e}:verb"})
    CHECK_FALSE(t.add("GET", text).has_value());
  CHECK(t.find("GET", "/v1/shelves/books") == "/v1/shelves/books");
  CHECK(t.find("GET", "/v1/shelves/7") == "/v1/shelves/{b}");
  CHECK(t.find("GET", "/v1/boxes/books") == "/v1/*/books");
  CHECK(t.find("GET", "/v1/boxes/7") == "/v1/{c}/{d}");
  CHECK(t.find("GET", "/v1/a/b/c") == "/v1/**");
  CHECK(t.find("GET", "/v1") == "/v1/**");
  CHECK(t.find("GET", "/v1/shelves/") == "/v1/**");
  CHECK(t.find("GET", "/v1/shelves/7:verb") == "/v1/shelves/{e}:verb");
  CHECK(t.find("GET", "/v1/a/b/c:verb") == "/v1/{a=**}:verb");
  CHECK(t.find("GET", "/v1/shelves/7:other") == "/v1/shelves/{b}");
  CHECK(t.find("GET", "/v2") == "-");
  CHECK(t.find("GET", "") == "-");
  CHECK(t.find("GET", "v1") == "-");
}

TEST_CASE("where a way leads nowhere another is tried") {
  Table t;
  t.add("GET", "/a/b/c");
  t.add("GET", "/a/*/d");
  t.add("GET", "/*/b/e");
  CHECK(t.find("GET", "/a/b/d") == "/a/*/d");
  CHECK(t.find("GET", "/a/b/e") == "/*/b/e");
  CHECK(t.find("GET", "/a/b/f") == "-");
}

TEST_CASE("a method that nobody takes is told from a path that nobody takes") {
  Table t;
  t.add("GET", "/v1/{a}");
  t.add("PUT", "/v1/{a}");
  t.add("POST", "/v1/**");
  CHECK(t.find("PUT", "/v1/x") == "/v1/{a}");
  CHECK(t.find("POST", "/v1/x") == "/v1/**");
  CHECK(t.find("PATCH", "/v1/x") == "-GET,PUT,POST");
}

TEST_CASE("two templates that take the same requests are told") {
  Table t;
  CHECK_FALSE(t.add("GET", "/v1/{a=shelves/*}"));
  CHECK(t.add("GET", "/v1/shelves/{b}") == 0);
  CHECK_FALSE(t.add("PUT", "/v1/shelves/{b}"));
  CHECK_FALSE(t.add("GET", "/v1/shelves/{b}:verb"));
}

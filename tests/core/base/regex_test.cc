#include "base/regex.h"

#include <doctest/doctest.h>

#include "base/regex_set.h"

using namespace postern;

namespace {

std::string error_of(std::string_view pattern) {
  auto regex = Regex::compile(pattern);
  return regex ? "" : regex.error().text;
}

std::string named(std::string_view pattern, std::string_view text) {
  auto regex = Regex::compile(pattern);
  REQUIRE_MESSAGE(regex.has_value(), pattern);
  std::array<std::string_view, Regex::kMaxGroups> groups;
  if (!regex->search(text, groups)) return "no match";
  std::string said;
  for (const auto& [name, number] : regex->names()) said += name + "=" + std::string(groups[number]) + " ";
  return said;
}

// The texts of expressions that match, joined.
std::string matching(const std::vector<std::string>& patterns, std::string_view text, std::int64_t max_memory) {
  RegexSet set(max_memory);
  for (const auto& pattern : patterns) set.add(*Regex::compile(pattern));
  set.compile();
  std::string said;
  for (int number : set.matching(text)) said += patterns[static_cast<std::size_t>(number)] + " ";
  return said;
}

}  // namespace

TEST_CASE("named groups may be written as elsewhere, but for what only looks like one") {
  CHECK(named("^/v(?<version>[0-9]+)/(?P<rest>.*)$", "/v17/a") == "rest=a version=17 ");
  CHECK(in_re2_spelling("a(?<b>c)") == "a(?P<b>c)");
  for (std::string_view same : {"\\(?<b>c", "[(?<b>]", "[](?<b>]", "[^](?<b>]", "[[:alpha:](?<b>]", "\\Q(?<b>\\E",
                                "\\Q(?<b>", "(?<=b)", "(?<!b)", "(?<", "\\"})
    CHECK_MESSAGE(in_re2_spelling(same) == same, same);
  CHECK(in_re2_spelling("\\Qx\\E(?<b>c)[x](?<d>e)") == "\\Qx\\E(?P<b>c)[x](?P<d>e)");
}

TEST_CASE("what cannot be had is said, and where") {
  CHECK(error_of("^/(?=a)") == "look-around is not supported: \"(?=\" at character 3 of \"^/(?=a)\"");
  CHECK(error_of("(?<=a)b").starts_with("look-around is not supported"));
  CHECK(error_of("(?<!a)b").starts_with("look-around is not supported"));
  CHECK(error_of("(a)\\1") == "back references are not supported: \"\\1\" at character 4 of \"(a)\\1\"");
  CHECK(error_of("^/(") == "missing ): \"^/(\"");
  CHECK(error_of("a**b").find("at character 2") != std::string::npos);
  CHECK_FALSE(error_of(std::string(Regex::kLongestPattern + 1, 'a')).empty());
  CHECK_FALSE(error_of("((((a{100}){100}){100}){100})").empty());
  CHECK_FALSE(
      error_of("(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)(a)")
          .empty());
}

TEST_CASE("bytes are matched, whatever they are") {
  auto any = Regex::compile("^a.b$");
  REQUIRE(any);
  CHECK(
      any->matches("a\xFF"
                   "b"));
  CHECK(any->matches(std::string_view("a\0b", 3)));
  CHECK_FALSE(any->matches("a\nb"));
  CHECK_FALSE(
      any->matches("a\xC3\xA4"
                   "b"));
}

// F24: with a matcher that tries and goes back, a client could bring an expression to its bounds, and a guard counted as not meant.
TEST_CASE("no text makes an expression give up") {
  auto guard = Regex::compile("^/(?:([a-z0-9]+-?)+/internal|.*/admin$)");
  REQUIRE(guard);
  CHECK(guard->matches("/" + std::string(40, 'a') + "/admin"));
  CHECK(guard->matches("/" + std::string(40'000, 'a') + "/admin"));
  CHECK_FALSE(guard->matches("/" + std::string(40'000, 'a') + "/other"));
  CHECK(guard->try_match("/x/admin") == true);
  CHECK_FALSE(guard->try_match(std::string(Regex::kLongestText + 1, 'a')).has_value());
}

TEST_CASE("a set tells all that match, in the order of adding") {
  const std::vector<std::string> patterns{"^/c", "^/(a|b|c)", "x$", "^/nothing"};
  CHECK(matching(patterns, "/cx", RegexSet::kMaxMemory) == "^/c ^/(a|b|c) x$ ");
  CHECK(matching(patterns, "/", RegexSet::kMaxMemory).empty());
}

TEST_CASE("a set that has run out of memory tells the same") {
  std::vector<std::string> patterns;
  for (char c = 'a'; c <= 'p'; ++c) patterns.push_back(std::string("^/.*") + c + "[^/]{12}$");
  std::string text = "/";
  for (int i = 0; i < 4'000; ++i) text += static_cast<char>('a' + (i * i + i / 7) % 16);
  const std::string all = matching(patterns, text, RegexSet::kMaxMemory);
  CHECK_FALSE(all.empty());
  CHECK(matching(patterns, text, 100'000) == all);  // room for the program, not for the states
  CHECK(matching(patterns, text, 1'000) == all);    // not even for the program
}

#include "config/path_pattern.h"

#include <doctest/doctest.h>

#include <string>

using namespace postern::config;

TEST_CASE("patterns") {
  struct Row {
    std::string text;
    const char* canonical;  // null: refused
  };
  const Row rows[] = {
      {"/", "/"},
      {"/*", "/*"},
      {"/a", "/a"},
      {"/a/", "/a/"},
      {"/a/{id}/b/*", "/a/{}/b/*"},
      {"/a/:id", "/a/{}"},
      {"/a%2Fb", "/a%2Fb"},
      {"/v1.0:batch", "/v1.0:batch"},
      {"", nullptr},
      {"a", nullptr},
      {"//", nullptr},
      {"/a//b", nullptr},
      {"/a*", nullptr},
      {"/*/b", nullptr},
      {"/{a}b", nullptr},
      {"/{}", nullptr},
      {"/:", "/:"},
      {"/{a}/{a}", nullptr},
      {"/a b", nullptr},
      {"/a?b", nullptr},
      {"/a/../b", nullptr},
      {"/%2f", nullptr},
      {"/%41", nullptr},
      {"/%", nullptr},
      {"/\xC3\xA9", nullptr},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    PathPattern pattern;
    std::string problem;
    bool good = parse_path_pattern(row.text, pattern, problem);
    CHECK(good == (row.canonical != nullptr));
    if (good && row.canonical) CHECK(pattern.canonical() == row.canonical);
    if (!good) CHECK(problem != "");
  }
}

TEST_CASE("parameters and segments are bounded") {
  std::string parameters, segments;
  for (int i = 0; i < 17; ++i) parameters += "/{p" + std::to_string(i) + "}";
  for (int i = 0; i < 65; ++i) segments += "/s";
  PathPattern pattern;
  std::string problem;
  CHECK_FALSE(parse_path_pattern(parameters, pattern, problem));
  CHECK_FALSE(parse_path_pattern(segments, pattern, problem));
}

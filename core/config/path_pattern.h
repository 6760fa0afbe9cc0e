// The pattern language of `match: {path}`: static segments, one-segment parameters and a trailing wildcard.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace postern::config {

struct PathPattern {
  static constexpr std::size_t kMaxParameters = 16;
  static constexpr std::size_t kMaxSegments = 64;

  struct Segment {
    std::string text;  // static text, or the parameter's name
    bool parameter = false;
  };
  std::vector<Segment> segments;  // of "/a/{id}": a, {id}; a trailing slash is one empty static segment at the end
  bool wildcard = false;          // ends with "/*": any rest, none included

  // The same path for two patterns that match the same requests, parameter names left out: "/a/{}/*".
  std::string canonical() const;
};

// "/users", "/users/{id}", "/users/:id/posts", "/static/*", "/*". On failure `problem` says what was expected.
bool parse_path_pattern(std::string_view text, PathPattern& pattern, std::string& problem);

}  // namespace postern::config

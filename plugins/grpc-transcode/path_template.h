// Path templates of google.api.http: "/v1/{name=shelves/*}/books/{book}:publish" (google/api/http.proto, "Path template
// syntax"). Which request paths one takes, and what its variables are then.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct PathVariable {
  std::string field;  // "book.name"
  std::string value;  // percent-decoded; in one of several segments %2F stays as it is
};

// The segments of what stands behind a path's first '/'; at least one.
std::vector<std::string_view> split_path(std::string_view path);

class PathTemplate {
 public:
  struct Segment {
    enum class Kind { literal, one, rest };  // "shelves", "*", "**"
    Kind kind = Kind::literal;
    std::string text;  // of a literal
  };

  // Nothing when malformed; `problem` says why.
  static std::optional<PathTemplate> parse(std::string_view text, std::string& problem);

  // The variables, in order; nothing when `path` is not one of the template's. Time is linear in the path.
  std::optional<std::vector<PathVariable>> match(std::string_view path) const;

  // Names of the fields that its variables bind.
  std::vector<std::string_view> fields() const;
  const std::vector<Segment>& segments() const { return segments_; }
  const std::string& verb() const { return verb_; }  // empty: none

 private:
  friend class PathTemplateParser;
  struct Variable {
    std::string field;
    std::size_t first = 0, end = 0;  // its segments
  };
  std::vector<Segment> segments_;
  std::vector<Variable> variables_;
  std::string verb_;
};

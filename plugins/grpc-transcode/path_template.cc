#include "path_template.h"

#include <postern/text/percent.h>

#include <algorithm>

namespace {

constexpr std::size_t kMaxSegments = 64;

bool is_field_character(char c) { return postern::is_letter(c) || postern::is_digit(c) || c == '_' || c == '.'; }

// `keeps_slashes`: %2F stays, so that a value of several segments can be taken apart again.
std::string decoded(std::string_view text, bool keeps_slashes) {
  std::string value;
  while (!text.empty()) {
    const std::string_view written = text;
    const char c = postern::take_decoded(text);
    if (c == '/' && keeps_slashes)
      value += written.substr(0, written.size() - text.size());
    else
      value += c;
  }
  return value;
}

}  // namespace

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> segments;
  while (true) {
    auto slash = path.find('/');
    segments.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash + 1);
  }
}

// Reads one template from left to right.
class PathTemplateParser {
 public:
  explicit PathTemplateParser(std::string_view text) : rest_(text) {}

  bool parse(PathTemplate& made) {
    if (!take('/')) return fail("it does not begin with '/'");
    do {
      if (!segment(made)) return false;
    } while (take('/'));
    if (take(':')) {
      made.verb_ = literal();
      if (made.verb_.empty()) return fail("its verb is empty");
    }
    if (!rest_.empty()) return fail("it cannot be read from \"" + std::string(rest_) + "\" on");
    return check(made);
  }
  const std::string& problem() const { return problem_; }

 private:
  using Segment = PathTemplate::Segment;

  bool segment(PathTemplate& made) {
    if (take('{')) return variable(made);
    return plain(made);
  }

  bool plain(PathTemplate& made) {
    Segment segment;
    if (take('*')) {
      segment.kind = take('*') ? Segment::Kind::rest : Segment::Kind::one;
    } else {
      segment.text = literal();
      if (segment.text.empty()) return fail("a segment is empty");
    }
    made.segments_.push_back(std::move(segment));
    return made.segments_.size() <= kMaxSegments || fail("it has more than 64 segments");
  }

  bool variable(PathTemplate& made) {
    auto end = std::find_if_not(rest_.begin(), rest_.end(), is_field_character);
    PathTemplate::Variable variable;
    variable.field = std::string(rest_.begin(), end);
    rest_.remove_prefix(variable.field.size());
    if (variable.field.empty()) return fail("a variable has no name");
    variable.first = made.segments_.size();
    if (take('=')) {
      do {
        if (!plain(made)) return false;
      } while (take('/'));
    } else {
      made.segments_.push_back({Segment::Kind::one, {}});
    }
    variable.end = made.segments_.size();
    made.variables_.push_back(std::move(variable));
    return take('}') || fail("a variable does not end with '}'");
  }

  bool check(const PathTemplate& made) {
    for (std::size_t i = 0; i + 1 < made.segments_.size(); ++i)
      if (made.segments_[i].kind == Segment::Kind::rest) return fail("\"**\" is not its last segment");
    for (std::size_t i = 0; i < made.variables_.size(); ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (made.variables_[i].field == made.variables_[j].field)
          return fail("it binds " + made.variables_[i].field + " twice");
    return true;
  }

  std::string literal() {
    auto size = std::min(rest_.find_first_of("/{}*:"), rest_.size());
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool fail(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }

  std::string_view rest_;
  std::string problem_;
};

std::optional<PathTemplate> PathTemplate::parse(std::string_view text, std::string& problem) {
  PathTemplate made;
  PathTemplateParser parser(text);
  if (parser.parse(made)) return made;
  problem = parser.problem();
  return std::nullopt;
}

std::optional<std::vector<PathVariable>> PathTemplate::match(std::string_view path) const {
  if (path.empty() || path.front() != '/') return std::nullopt;
  path.remove_prefix(1);
  if (!verb_.empty()) {
    if (path.size() <= verb_.size() || !path.ends_with(verb_) || path[path.size() - verb_.size() - 1] != ':')
      return std::nullopt;
    path.remove_suffix(verb_.size() + 1);
  }
  auto given = split_path(path);
  bool open = segments_.back().kind == Segment::Kind::rest;
  if (open ? given.size() + 1 < segments_.size() : given.size() != segments_.size()) return std::nullopt;
  for (std::size_t i = 0; i < segments_.size(); ++i) {
    if (segments_[i].kind == Segment::Kind::rest) break;
    if (given[i].empty()) return std::nullopt;
    if (segments_[i].kind == Segment::Kind::literal && segments_[i].text != given[i]) return std::nullopt;
  }
  std::vector<PathVariable> variables;
  for (const auto& v : variables_) {
    bool to_the_end = segments_[v.end - 1].kind == Segment::Kind::rest;
    bool several = to_the_end || v.end - v.first > 1;
    std::size_t end = to_the_end ? given.size() : v.end;
    std::string value;
    for (std::size_t i = v.first; i < end; ++i) {
      if (i > v.first) value += '/';
      value += decoded(given[i], several);
    }
    variables.push_back({v.field, std::move(value)});
  }
  return variables;
}

std::vector<std::string_view> PathTemplate::fields() const {
  std::vector<std::string_view> names;
  for (const auto& v : variables_) names.push_back(v.field);
  return names;
}

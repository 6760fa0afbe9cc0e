#include "config/path_pattern.h"

#include <postern/text/percent.h>

#include "config/report.h"

namespace postern::config {
namespace {

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (char c : name) {
    if (!is_letter(c) && !is_digit(c) && c != '_' && c != '-') return false;
  }
  return true;
}

// An escape that normalisation leaves as it is: upper-case hexadecimal, not of an unreserved character.
bool is_escape(std::string_view text) {
  const int byte = escaped_byte(text);
  return byte >= 0 && !is_lower(text[1]) && !is_lower(text[2]) && !is_unreserved(static_cast<char>(byte));
}

// Static text is compared with normalised paths, so it has to be written the way normalisation leaves it.
bool check_static(std::string_view segment, std::string& problem) {
  if (segment == "." || segment == "..") {
    problem = "\".\" and \"..\" never remain in a normalised path";
    return false;
  }
  for (std::size_t i = 0; i < segment.size(); ++i) {
    char c = segment[i];
    if (c == '%' && !is_escape(segment.substr(i))) {
      problem =
          "\"%\" begins an escape of two upper-case hexadecimal digits, as in \"%2F\"; letters, digits and -._~ are "
          "written plainly";
      return false;
    }
    if (static_cast<unsigned char>(c) >= 0x80) {
      problem = "characters beyond ASCII are written percent-encoded, as in \"%C3%A9\"";
      return false;
    }
    bool bad = c <= ' ' || c == 0x7F || c == '\\' || c == '?' || c == '#' || c == '*' || c == '{' || c == '}';
    if (!bad) continue;
    problem = c == '*'               ? "\"*\" may only be the whole last segment, as in \"/api/*\""
              : c == '{' || c == '}' ? "a parameter takes a whole segment, as in \"/users/{id}\""
                                     : "the character " + shown(std::string_view(&c, 1)) + " cannot stand in a path";
    return false;
  }
  return true;
}

bool parse_segment(std::string_view text, PathPattern::Segment& segment, std::string& problem) {
  bool braces = text.size() >= 2 && text.front() == '{' && text.back() == '}';
  bool colon = text.size() >= 2 && text.front() == ':';
  if (!braces && !colon) {
    segment = {std::string(text), false};
    return check_static(text, problem);
  }
  std::string_view name = braces ? text.substr(1, text.size() - 2) : text.substr(1);
  segment = {std::string(name), true};
  if (is_name(name)) return true;
  problem = "a parameter's name has letters, digits, \"_\" and \"-\", found " + shown(text);
  return false;
}

bool check_parameters(const PathPattern& pattern, std::string& problem) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < pattern.segments.size(); ++i) {
    if (!pattern.segments[i].parameter) continue;
    ++count;
    for (std::size_t j = 0; j < i; ++j) {
      if (!pattern.segments[j].parameter || pattern.segments[j].text != pattern.segments[i].text) continue;
      problem = "the parameter " + shown(pattern.segments[i].text) + " occurs twice";
      return false;
    }
  }
  if (count <= PathPattern::kMaxParameters) return true;
  problem = "a path has at most 16 parameters";
  return false;
}

}  // namespace

std::string PathPattern::canonical() const {
  std::string out;
  for (const Segment& s : segments) out.append("/").append(s.parameter ? "{}" : s.text);
  return wildcard ? out + "/*" : out;
}

bool parse_path_pattern(std::string_view text, PathPattern& pattern, std::string& problem) {
  pattern = {};
  if (!text.starts_with('/')) {
    problem = "a path begins with \"/\", found " + shown(text);
    return false;
  }
  for (std::string_view rest = text.substr(1);;) {
    std::size_t slash = rest.find('/');
    std::string_view segment = rest.substr(0, slash);
    bool last = slash == std::string_view::npos;
    if (last && segment == "*") {
      pattern.wildcard = true;
      break;
    }
    if (!last && segment.empty()) {
      problem = "empty segments never remain in a normalised path; write one \"/\"";
      return false;
    }
    if (pattern.segments.size() >= PathPattern::kMaxSegments) {
      problem = "a path has at most 64 segments";
      return false;
    }
    PathPattern::Segment parsed;
    if (!parse_segment(segment, parsed, problem)) return false;
    pattern.segments.push_back(std::move(parsed));
    if (last) break;
    rest.remove_prefix(slash + 1);
  }
  return check_parameters(pattern, problem);
}

}  // namespace postern::config

// The path that the upstream sees: `strip_prefix` and `rewrite` of a route.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/regex.h"
#include "base/result.h"
#include "config/config.h"
#include "plan/template.h"
#include "plan/variables.h"

namespace postern::proxy {

// Immutable after compile; for any thread. Default: changes nothing.
class Rewrite {
 public:
  static constexpr std::size_t kLongestPath = 64 * 1024;

  // Errors name the key and what is wrong with it.
  static Result<Rewrite> compile(const config::Route& route);

  std::vector<VariableId> variables() const { return path_.variables(); }
  bool empty() const noexcept { return strip_prefix_.empty() && path_.empty() && !regex_; }

  // `path` is normalised; so is the result, which is `path` itself when nothing changes, else lives in `arena`.
  // - strip_prefix takes whole segments off: "/api" makes "/api/x" "/x" and "/api" "/", and leaves "/apix" alone.
  // - then a template replaces the path. Values other than path.NAME and request.path are percent-encoded, "/"
  // included; an
  //   unset or empty one, and one that is "." or "..", is an error: it would name another place.
  // - or a regular expression replaces its first match ($0 to $9, $$ for "$"); a path it does not match stays.
  // Errors are the client's (bad_request, uri_too_long).
  Result<std::string_view> apply(const VariableReader& reader, std::string_view path, Arena& arena) const;

 private:
  // A piece of a replacement: text, then a group (-1: none).
  struct Reference {
    std::string text;
    int group = -1;
  };
  static Result<std::vector<Reference>> compile_replacement(std::string_view text, std::size_t groups);

  std::string_view strip(std::string_view path) const noexcept;
  Result<std::string_view> expand(const VariableReader& reader, Arena& arena) const;
  std::string_view replace(std::string_view path, Arena& arena) const;

  std::string strip_prefix_;
  Template path_;
  std::optional<Regex> regex_;
  std::vector<Reference> replacement_;
};

}  // namespace postern::proxy

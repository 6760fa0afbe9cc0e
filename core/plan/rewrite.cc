#include "plan/rewrite.h"

#include <postern/text/percent.h>

#include <algorithm>
#include <array>

#include "http/target.h"
#include "plan/builtin_variables.h"

namespace postern::proxy {
namespace {

constexpr std::size_t kMaxReferences = 64;

// Values that come from a normalised path are part of one already.
bool is_path_text(VariableId variable) {
  const BuiltinVariable* builtin = variable_info(variable).builtin;
  return builtin != nullptr && (builtin->name == "path." || builtin->name == "request.path");
}

std::string_view encode(std::string_view text, Arena& arena) {
  if (std::all_of(text.begin(), text.end(), is_unreserved)) return text;
  char* begin = static_cast<char*>(arena.allocate(text.size() * 3, 1));
  return {begin, static_cast<std::size_t>(write_encoded(begin, text, is_unreserved) - begin)};
}

std::string_view join(std::span<const std::string_view> parts, Arena& arena) {
  std::size_t size = 0;
  for (std::string_view part : parts) size += part.size();
  char* begin = static_cast<char*>(arena.allocate(size, 1));
  char* to = begin;
  for (std::string_view part : parts) to = std::copy(part.begin(), part.end(), to);
  return {begin, size};
}

bool has_query(std::string_view text) { return text.find_first_of("?#") != std::string_view::npos; }

Error refused(std::string_view key, std::string_view text) {
  return Error::gateway(std::string(key) + ": " + std::string(text));
}

}  // namespace

Result<Rewrite> Rewrite::compile(const config::Route& route) {
  constexpr std::string_view kNoQuery = "\"?\" and \"#\" cannot stand here; the query is passed on as it is";
  Rewrite rewrite;
  rewrite.strip_prefix_ = route.strip_prefix;
  if (!route.rewrite.path.empty()) {
    auto path = Template::compile(route.rewrite.path);
    if (!path) return fail(refused("rewrite/path", path.error().text));
    for (const Template::Piece& piece : path->pieces())
      if (has_query(piece.text)) return fail(refused("rewrite/path", kNoQuery));
    rewrite.path_ = std::move(*path);
  }
  if (!route.rewrite.regex.empty()) {
    auto regex = Regex::compile(route.rewrite.regex);
    if (!regex) return fail(refused("rewrite/regex", regex.error().text));
    if (has_query(route.rewrite.replacement)) return fail(refused("rewrite/replacement", kNoQuery));
    auto replacement = compile_replacement(route.rewrite.replacement, regex->group_count());
    if (!replacement) return fail(refused("rewrite/replacement", replacement.error().text));
    rewrite.regex_ = std::move(*regex);
    rewrite.replacement_ = std::move(*replacement);
  }
  return rewrite;
}

Result<std::vector<Rewrite::Reference>> Rewrite::compile_replacement(std::string_view text, std::size_t groups) {
  std::vector<Reference> references(1);
  for (std::size_t i = 0; i < text.size(); ++i) {
    char next = i + 1 < text.size() ? text[i + 1] : '\0';
    if (text[i] != '$') {
      references.back().text += text[i];
      continue;
    }
    ++i;
    if (next == '$') {
      references.back().text += '$';
    } else if (is_digit(next)) {
      references.back().group = next - '0';
      if (static_cast<std::size_t>(next - '0') >= groups)
        return fail(Error::gateway("there is no group " + std::string(1, next) + " in the regular expression"));
      references.emplace_back();
    } else {
      return fail(Error::gateway("after \"$\" a group's number 0 to 9 is expected, or \"$\" for the character itself"));
    }
  }
  if (references.size() > kMaxReferences) return fail(Error::gateway("at most 64 groups can be named"));
  return references;
}

Result<std::string_view> Rewrite::apply(const VariableReader& reader, std::string_view path, Arena& arena) const {
  if (empty() || !path.starts_with('/')) return path;  // "*" names the whole server
  std::string_view changed = strip(path);
  if (!path_.empty()) {
    auto expanded = expand(reader, arena);
    if (!expanded) return expanded;
    changed = *expanded;
  } else if (regex_) {
    changed = replace(changed, arena);
  }
  if (changed.data() == path.data() && changed.size() == path.size()) return path;
  if (!changed.starts_with('/')) {
    std::array<std::string_view, 2> parts = {"/", changed};
    changed = join(parts, arena);
  }
  if (changed.size() > kLongestPath)
    return fail(Error::client(ErrorCode::uri_too_long, "the path is longer than 64 KiB when it is rewritten"));
  auto target = http::parse_target("GET", changed, arena);
  if (!target) return fail(target.error());
  return target->path;
}

std::string_view Rewrite::strip(std::string_view path) const noexcept {
  if (strip_prefix_.empty() || !path.starts_with(strip_prefix_)) return path;
  std::string_view rest = path.substr(strip_prefix_.size());
  if (rest.empty()) return "/";
  return rest.front() == '/' ? rest : path;
}

Result<std::string_view> Rewrite::expand(const VariableReader& reader, Arena& arena) const {
  std::span<const Template::Piece> pieces = path_.pieces();
  std::span<std::string_view> parts = arena.array<std::string_view>(pieces.size() * 2);
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Template::Piece& piece = pieces[i];
    parts[2 * i] = piece.text;
    parts[2 * i + 1] = {};
    if (piece.variable == 0) continue;
    std::string_view value = text_of(reader.variable(piece.variable), arena);
    if (value.empty() || value == "." || value == "..") {
      return fail(Error::client(ErrorCode::bad_request,
                                "the path cannot be rewritten: " + std::string(variable_name(piece.variable)) +
                                    (value.empty() ? " is not set" : " is not a path segment")));
    }
    parts[2 * i + 1] = is_path_text(piece.variable) ? value : encode(value, arena);
  }
  return join(parts, arena);
}

std::string_view Rewrite::replace(std::string_view path, Arena& arena) const {
  std::array<std::string_view, Regex::kMaxGroups> groups{};
  if (!regex_->search(path, groups)) return path;
  std::span<std::string_view> parts = arena.array<std::string_view>(replacement_.size() * 2 + 2);
  std::size_t begin = static_cast<std::size_t>(groups[0].data() - path.data());
  parts.front() = path.substr(0, begin);
  for (std::size_t i = 0; i < replacement_.size(); ++i) {
    const Reference& reference = replacement_[i];
    parts[2 * i + 1] = reference.text;
    parts[2 * i + 2] = reference.group >= 0 ? groups[static_cast<std::size_t>(reference.group)] : std::string_view();
  }
  parts.back() = path.substr(begin + groups[0].size());
  return join(parts, arena);
}

}  // namespace postern::proxy

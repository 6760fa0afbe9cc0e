#include "config/reader.h"

#include <algorithm>

#include "config/report.h"

namespace postern::config {
namespace {

bool is_scalar(const Node& node) { return node.kind != Node::Kind::list && node.kind != Node::Kind::map; }

bool looks_numeric(const Node& node) {
  return node.quoted && !node.string.empty() && node.string.find_first_not_of("0123456789.-") == std::string::npos;
}

}  // namespace

void Cursor::problem(std::string text) const { problem_at(node_->position, std::move(text)); }

void Cursor::problem_at(const Position& position, std::string text) const {
  add_problem(*problems_, position, path_, std::move(text));
}

bool Cursor::expected(std::string_view what, std::string_view mend) const {
  if (node_->broken) return false;
  std::string text = "expected " + std::string(what) + ", found " + shown(*node_);
  if (!mend.empty()) text.append("; ").append(mend);
  problem(std::move(text));
  return false;
}

Cursor Cursor::below(const Node& child, std::string_view key) const {
  std::string path = path_;
  if (!path.empty()) path += '/';
  if (key.find_first_of("\n\r\t\x1b") == std::string_view::npos && key.size() <= 128)
    path += key;
  else
    path += shown(key);
  return Cursor(child, std::move(path), *problems_);
}

bool Cursor::read(std::string& to) const {
  if (node_->broken) return false;
  if (!is_scalar(*node_) || node_->kind == Node::Kind::null || node_->string.empty()) return expected("a string");
  to = node_->string;
  return true;
}

bool Cursor::read_bool(bool& to) const {
  if (node_->kind != Node::Kind::boolean) return expected("true or false", node_->quoted ? "remove the quotes" : "");
  to = node_->boolean;
  return true;
}

bool Cursor::read_integer(std::int64_t& to, std::int64_t min, std::int64_t max) const {
  bool good = node_->kind == Node::Kind::integer && node_->integer >= min && node_->integer <= max;
  if (!good)
    return expected("an integer from " + std::to_string(min) + " to " + std::to_string(max),
                    looks_numeric(*node_) ? "remove the quotes" : "");
  to = node_->integer;
  return true;
}

bool Cursor::read_duration(std::int64_t& to, std::int64_t min_ms, std::int64_t max_ms) const {
  std::string what = "a duration from " + show_duration(min_ms) + " to " + show_duration(max_ms) + " (250ms, 10s, 5m)";
  if (node_->kind == Node::Kind::integer && node_->integer != 0)
    return expected(what, "write the unit: " + node_->string + "s or " + node_->string + "ms");
  std::int64_t value = 0;
  bool good = is_scalar(*node_) && parse_duration_ms(node_->string, value) && value >= min_ms && value <= max_ms;
  if (!good) return expected(what);
  to = value;
  return true;
}

bool Cursor::read_size(std::int64_t& to, std::int64_t min, std::int64_t max) const {
  std::string what = "a size from " + show_size(min) + " to " + show_size(max) + " (512b, 64k, 10m)";
  if (node_->kind == Node::Kind::integer && node_->integer != 0)
    return expected(what, "write the unit: " + (node_->integer > 0 ? show_size(node_->integer) : node_->string + "k"));
  std::int64_t value = 0;
  bool good = is_scalar(*node_) && parse_size(node_->string, value) && value >= min && value <= max;
  if (!good) return expected(what);
  to = value;
  return true;
}

bool Cursor::read_choice(std::size_t& index, const std::vector<std::string>& names) const {
  auto found = std::find(names.begin(), names.end(), node_->string);
  if (!is_scalar(*node_) || found == names.end()) {
    if (node_->broken) return false;
    std::string near = is_scalar(*node_) ? suggestion(node_->string, names) : "";
    problem("expected " + listed(names) + ", found " + shown(*node_) + near);
    return false;
  }
  index = static_cast<std::size_t>(found - names.begin());
  return true;
}

bool Cursor::read_strings(std::vector<std::string>& to) const {
  if (node_->kind != Node::Kind::list) {
    std::string one;
    if (is_scalar(*node_) && node_->kind != Node::Kind::null && !node_->string.empty()) {
      to.assign(1, node_->string);
      return !node_->broken;
    }
    return expected("a string or a list of strings");
  }
  if (node_->items.empty()) return expected("at least one value");
  std::vector<std::string> all;
  bool good = true;
  for (const Cursor& item : items()) {
    std::string one;
    good = item.read(one) && good;
    all.push_back(std::move(one));
  }
  if (good) to = std::move(all);
  return good;
}

bool Cursor::is_list() const {
  if (node_->kind == Node::Kind::null || node_->kind == Node::Kind::list) return true;
  return expected("a list");
}

bool Cursor::is_map() const {
  if (node_->kind == Node::Kind::null || node_->kind == Node::Kind::map) return true;
  return expected("a map");
}

std::vector<Cursor> Cursor::items() const {
  std::vector<Cursor> all;
  all.reserve(node_->items.size());
  for (std::size_t i = 0; i < node_->items.size(); ++i) all.push_back(below(node_->items[i], std::to_string(i)));
  return all;
}

std::optional<Cursor> Fields::find(std::string_view key) {
  known_.emplace_back(key);
  const Node* node = usable_ ? map_.node().find(key) : nullptr;
  if (!node) return std::nullopt;
  return map_.below(*node, key);
}

std::optional<Cursor> Fields::require(std::string_view key) {
  auto found = find(key);
  if (!found && usable_) map_.problem("\"" + std::string(key) + "\" is missing");
  return found;
}

void Fields::finish() {
  if (!usable_) return;
  const Node& map = map_.node();
  for (std::size_t i = 0; i < map.members.size(); ++i) {
    const std::string& key = map.members[i].first;
    if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
    if (is_full(map_.problems())) return;
    std::string near = suggestion(key, known_);
    if (near.empty()) near = "; known here: " + listed(known_);
    map_.problem_at(map.key_positions[i], "unknown key " + shown(key) + near);
  }
}

}  // namespace postern::config

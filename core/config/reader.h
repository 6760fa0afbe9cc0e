// Typed reading of nodes. Whatever does not fit becomes a problem that says what was expected and what was found; the
// target then keeps its default, so that one bad value does not hide the next.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/node.h"

namespace postern::config {

// A node on its way into a struct: where it stands in the key path, and where its problems go.
class Cursor {
 public:
  Cursor(const Node& node, std::string path, Problems& problems)
      : node_(&node), path_(std::move(path)), problems_(&problems) {}

  const Node& node() const { return *node_; }
  const std::string& path() const { return path_; }
  const Position& position() const { return node_->position; }
  Problems& problems() const { return *problems_; }

  void problem(std::string text) const;                               // at this node
  void problem_at(const Position& position, std::string text) const;  // elsewhere, with this node's path
  // "expected WHAT, found ..." and, after a semicolon, the mend. Always false.
  bool expected(std::string_view what, std::string_view mend = {}) const;

  Cursor below(const Node& child, std::string_view key) const;
  Cursor renamed(std::string path) const { return Cursor(*node_, std::move(path), *problems_); }

  // True when the value was good and `to` has been set.
  bool read(std::string& to) const;  // any scalar, as written; not empty
  bool read_bool(bool& to) const;
  bool read_integer(std::int64_t& to, std::int64_t min, std::int64_t max) const;
  bool read_duration(std::int64_t& to, std::int64_t min_ms, std::int64_t max_ms) const;
  bool read_size(std::int64_t& to, std::int64_t min, std::int64_t max) const;
  bool read_choice(std::size_t& index, const std::vector<std::string>& names) const;
  // One string or a list of them, none empty.
  bool read_strings(std::vector<std::string>& to) const;

  bool is_list() const;               // reports when it is not; nothing counts as an empty list
  bool is_map() const;                // the same
  std::vector<Cursor> items() const;  // of a list: paths end with the index

 private:
  const Node* node_;
  std::string path_;
  Problems* problems_;
};

// The members of a map. Every key asked for is known; `finish` reports the others.
class Fields {
 public:
  explicit Fields(const Cursor& map) : map_(map), usable_(map.is_map()) {}

  std::optional<Cursor> find(std::string_view key);
  std::optional<Cursor> require(std::string_view key);  // reports when it is absent
  void finish();

  void read(std::string_view key, std::string& to) {
    if (auto c = find(key)) c->read(to);
  }
  void read_bool(std::string_view key, bool& to) {
    if (auto c = find(key)) c->read_bool(to);
  }
  void read_integer(std::string_view key, std::int64_t& to, std::int64_t min, std::int64_t max) {
    if (auto c = find(key)) c->read_integer(to, min, max);
  }
  void read_duration(std::string_view key, std::int64_t& to, std::int64_t min_ms, std::int64_t max_ms) {
    if (auto c = find(key)) c->read_duration(to, min_ms, max_ms);
  }
  void read_size(std::string_view key, std::int64_t& to, std::int64_t min, std::int64_t max) {
    if (auto c = find(key)) c->read_size(to, min, max);
  }
  void read_strings(std::string_view key, std::vector<std::string>& to) {
    if (auto c = find(key)) c->read_strings(to);
  }

 private:
  Cursor map_;
  bool usable_;
  std::vector<std::string> known_;
};

}  // namespace postern::config

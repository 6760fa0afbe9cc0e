// Node: a place in an instance's configuration. Already checked against the plugin's schema, with defaults filled in,
// durations in milliseconds and sizes in bytes.
#pragma once

#include <cstddef>
#include <iterator>

#include "postern/detail/host.h"

namespace postern {

// Cheap to copy; valid until the instance is destroyed. A Node that does not exist reads as null, empty and 0.
class Node {
 public:
  enum class Kind : std::uint32_t {
    null = POSTERN_NODE_NULL,
    boolean = POSTERN_NODE_BOOL,
    integer = POSTERN_NODE_INT,
    number = POSTERN_NODE_DOUBLE,
    string = POSTERN_NODE_STRING,
    list = POSTERN_NODE_LIST,
    map = POSTERN_NODE_MAP,
  };
  struct Member;

  explicit Node(postern_node raw = nullptr) : raw_(raw) {}

  postern_node raw() const { return raw_; }
  Kind kind() const { return static_cast<Kind>(table().kind(raw_)); }
  bool exists() const { return raw_ != nullptr && kind() != Kind::null; }
  explicit operator bool() const { return exists(); }
  bool is(Kind kind_wanted) const { return kind() == kind_wanted; }

  // The value under `key` of a map.
  Node operator[](std::string_view key) const { return Node(raw_ ? table().get(raw_, detail::to_str(key)) : nullptr); }
  // The value at `index` of a list or map, in written order.
  Node at(std::uint64_t index) const { return Node(raw_ ? table().at(raw_, index) : nullptr); }
  std::string_view key_at(std::uint64_t index) const { return detail::to_view(table().key_at(raw_, index)); }
  std::uint64_t size() const { return raw_ ? table().size(raw_) : 0; }
  bool empty() const { return size() == 0; }

  // Scalars; `fallback` when the node does not exist.
  std::string_view string(std::string_view fallback = {}) const {
    return exists() ? detail::to_view(table().as_string_view(raw_)) : fallback;
  }
  std::int64_t integer(std::int64_t fallback = 0) const { return exists() ? table().as_int(raw_) : fallback; }
  double number(double fallback = 0) const { return exists() ? table().as_double(raw_) : fallback; }
  bool boolean(bool fallback = false) const { return exists() ? table().as_bool(raw_) != 0 : fallback; }

  // "file:line:column" as the operator wrote it.
  std::string_view position() const { return raw_ ? detail::to_view(table().position_view(raw_)) : std::string_view(); }

  // for (postern::Node item : list) and for (auto [key, value] : map.members())
  template <class Item>
  class Iterator;
  Iterator<Node> begin() const;
  Iterator<Node> end() const;
  class Members;
  Members members() const;

 private:
  static const postern_config_table& table() { return *detail::host.config; }
  postern_node raw_;
};

struct Node::Member {
  std::string_view key;
  Node value;
};

template <class Item>
class Node::Iterator {
 public:
  using value_type = Item;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::input_iterator_tag;
  using pointer = const Item*;
  using reference = Item;

  Iterator() = default;
  Iterator(Node node, std::uint64_t index) : node_(node), index_(index) {}
  Item operator*() const {
    if constexpr (std::is_same_v<Item, Node>) {
      return node_.at(index_);
    } else {
      return Item{node_.key_at(index_), node_.at(index_)};
    }
  }
  Iterator& operator++() {
    ++index_;
    return *this;
  }
  Iterator operator++(int) {
    Iterator before = *this;
    ++index_;
    return before;
  }
  bool operator==(const Iterator& other) const { return index_ == other.index_; }

 private:
  Node node_;
  std::uint64_t index_ = 0;
};

class Node::Members {
 public:
  explicit Members(Node node) : node_(node) {}
  Iterator<Member> begin() const { return {node_, 0}; }
  Iterator<Member> end() const { return {node_, node_.is(Kind::map) ? node_.size() : 0}; }

 private:
  Node node_;
};

inline Node::Iterator<Node> Node::begin() const { return {*this, 0}; }
inline Node::Iterator<Node> Node::end() const { return {*this, size()}; }
inline Node::Members Node::members() const { return Members(*this); }

}  // namespace postern

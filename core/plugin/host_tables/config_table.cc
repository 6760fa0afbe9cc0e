// "config": an instance's configuration, read in place.
#include <mutex>

#include "plugin/host.h"
#include "plugin/host_tables/host_tables.h"
#include "plugin/instance.h"

namespace postern::plugin {
namespace {

using Kind = config::Node::Kind;

bool is(postern_node node, Kind kind) { return node != nullptr && node->value->kind == kind; }

std::uint32_t kind(postern_node node) {
  if (node == nullptr) return POSTERN_NODE_NULL;
  switch (node->value->kind) {
    case Kind::null:
      return POSTERN_NODE_NULL;
    case Kind::boolean:
      return POSTERN_NODE_BOOL;
    case Kind::integer:
      return POSTERN_NODE_INT;
    case Kind::number:
      return POSTERN_NODE_DOUBLE;
    case Kind::string:
      return POSTERN_NODE_STRING;
    case Kind::list:
      return POSTERN_NODE_LIST;
    case Kind::map:
      return POSTERN_NODE_MAP;
  }
  return POSTERN_NODE_NULL;
}

std::uint64_t size(postern_node node) { return node == nullptr ? 0 : node->children.size(); }

postern_node get(postern_node map, postern_str key) {
  if (!is(map, Kind::map)) return nullptr;
  const auto& members = map->value->members;
  for (std::size_t i = 0; i < members.size(); ++i)
    if (members[i].first == view(key)) return &map->children[i];
  return nullptr;
}

postern_node at(postern_node node, std::uint64_t index) {
  return index < size(node) ? &node->children[index] : nullptr;
}

postern_str key_at(postern_node map, std::uint64_t index) {
  if (!is(map, Kind::map) || index >= map->value->members.size()) return {};
  return str(map->value->members[index].first);
}

postern_str as_string_view(postern_node node) {
  return is(node, Kind::string) ? str(node->value->string) : postern_str{};
}

// A double that an int64_t cannot hold becomes the nearest that it can.
std::int64_t truncated(double number) {
  constexpr double kLimit = 9223372036854775808.0;
  if (!(number > -kLimit)) return number <= -kLimit ? INT64_MIN : 0;
  return number >= kLimit ? INT64_MAX : static_cast<std::int64_t>(number);
}

std::int64_t as_int(postern_node node) {
  if (is(node, Kind::integer)) return node->value->integer;
  if (is(node, Kind::boolean)) return node->value->boolean ? 1 : 0;
  return is(node, Kind::number) ? truncated(node->value->number) : 0;
}

double as_double(postern_node node) {
  if (is(node, Kind::integer)) return static_cast<double>(node->value->integer);
  return is(node, Kind::number) ? node->value->number : 0;
}

std::int32_t as_bool(postern_node node) { return is(node, Kind::boolean) && node->value->boolean ? 1 : 0; }

postern_str position_view(postern_node node) {
  if (node == nullptr) return {};
  static std::mutex mutex;  // instances are read from all workers
  std::lock_guard lock(mutex);
  if (node->position.empty()) node->position = node->value->position.text();
  return str(node->position);
}

}  // namespace

const postern_config_table& config_table() {
  static const postern_config_table table{sizeof(table),   1,       &kind,      &size,    &get,          &at, &key_at,
                                          &as_string_view, &as_int, &as_double, &as_bool, &position_view};
  return table;
}

}  // namespace postern::plugin

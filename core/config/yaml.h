// YAML text to a tree of nodes with positions. Bounded: hostile text costs bounded time and memory.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "config/node.h"

namespace postern::config {

// What may still be read; shared by all files of one configuration.
struct YamlBudget {
  static constexpr std::size_t kFileBytes = 4 * 1024 * 1024;  // of one file
  static constexpr int kDepth = 64;
  std::size_t nodes = 200'000;                  // copies made by aliases count
  std::size_t scalar_bytes = 16 * 1024 * 1024;  // the same
};

// Reads one document. Duplicate keys, merge keys, tags other than !!str, keys that are not plain text, control
// characters and text that is not UTF-8 are problems. True when the tree is usable (`root` is null for an empty
// document).
bool parse_yaml(std::string_view text, const std::string& file, YamlBudget& budget, Node& root, Problems& problems);

// Gives a plain scalar's text its type (YAML 1.2 core schema, without octal and hexadecimal forms); used again when an
// environment reference has been replaced.
void resolve_plain(Node& scalar);

}  // namespace postern::config

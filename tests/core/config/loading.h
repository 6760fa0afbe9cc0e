// Loads configuration texts in tests, and shows problems as one text.
#pragma once

#include <string>
#include <string_view>

#include "config/config.h"

namespace postern::config {

struct Loaded {
  Config config;
  Problems problems;
  std::string text() const {  // all problems, a line each
    std::string out;
    for (const Problem& p : problems) out += p.line() + "\n";
    return out;
  }
};

inline Loaded load(std::string_view text) {
  Loaded loaded;
  loaded.config = load_text(text, "test.yaml", loaded.problems);
  return loaded;
}

// What most texts begin with: a listener and an upstream, `users`.
inline const std::string kHead =
    "version: 1\n"
    "listeners: [{name: public, address: \"127.0.0.1:8080\"}]\n"
    "upstreams: {users: {targets: [\"127.0.0.1:9001\"]}}\n";

}  // namespace postern::config

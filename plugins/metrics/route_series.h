// The series of one route, found once and kept: counting a request is then a few additions. One table per worker thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

// Keeps what `make` gives for a key. Lookups allocate nothing once a key is known.
template <class Value>
class KeptByName {
 public:
  template <class Make>
  Value& get(std::string_view name, Make&& make) {
    if (auto found = all_.find(name); found != all_.end()) return found->second;
    return all_.emplace(std::string(name), make(name)).first->second;
  }
  std::size_t size() const { return all_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, Value, Hash, std::equal_to<>> all_;
};

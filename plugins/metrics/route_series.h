// The series of one route, found once and kept: counting a request is then a few additions. One table per worker thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

// Keeps what `make` gives for a key. Lookups allocate nothing once a key is known, and one key after another is mostly the
// same.
template <class Value>
class KeptByName {
 public:
  template <class Make>
  Value& get(std::string_view name, Make&& make) {
    if (last_ != nullptr && last_->first == name) return last_->second;
    auto found = all_.find(name);
    if (found == all_.end()) found = all_.emplace(std::string(name), make(name)).first;
    last_ = &*found;
    return found->second;
  }
  std::size_t size() const { return all_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::unordered_map<std::string, Value, Hash, std::equal_to<>> all_;
  std::pair<const std::string, Value>* last_ = nullptr;  // in all_, where it stays
};

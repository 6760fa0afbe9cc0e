// FakeHeaders: an ordered header list with the gateway's rules, and the small text functions the fakes share.
#pragma once

#include <algorithm>
#include <deque>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "postern/abi.h"
#include "postern/text/ascii.h"

namespace postern::testing {

inline std::string_view to_view(postern_str s) {
  return s.len == 0 ? std::string_view() : std::string_view(s.ptr, s.len);
}
inline postern_str to_str(std::string_view v) { return {v.data(), v.size()}; }

class FakeHeaders {
 public:
  using Entry = std::pair<std::string, std::string>;
  FakeHeaders() = default;
  FakeHeaders(std::initializer_list<Entry> entries) : entries_(entries) {}

  std::optional<std::string> get(std::string_view name) const {
    const Entry* entry = find(name);
    if (entry == nullptr) return std::nullopt;
    return entry->second;
  }
  std::vector<std::string> all(std::string_view name) const {
    std::vector<std::string> values;
    for (const Entry& entry : entries_) {
      if (same_ignoring_case(entry.first, name)) values.push_back(entry.second);
    }
    return values;
  }
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  std::size_t size() const { return entries_.size(); }
  const Entry& at(std::size_t index) const { return entries_[index]; }
  const Entry* find(std::string_view name) const {
    for (const Entry& entry : entries_) {
      if (same_ignoring_case(entry.first, name)) return &entry;
    }
    return nullptr;
  }
  void add(std::string_view name, std::string_view value) { entries_.emplace_back(name, value); }
  void set(std::string_view name, std::string_view value) {
    auto same = [&](const Entry& entry) { return same_ignoring_case(entry.first, name); };
    const auto first = std::find_if(entries_.begin(), entries_.end(), same);
    if (first == entries_.end()) return add(name, value);
    first->second = value;
    entries_.erase(std::remove_if(first + 1, entries_.end(), same), entries_.end());
  }
  bool remove(std::string_view name) {
    const auto before = entries_.size();
    std::erase_if(entries_, [&](const Entry& entry) { return same_ignoring_case(entry.first, name); });
    return entries_.size() != before;
  }

  // What the gateway would answer for this name and value: POSTERN_OK, POSTERN_E_INVALID or POSTERN_E_STATE.
  static postern_status check(std::string_view name, std::string_view value) {
    static constexpr std::string_view kOwned[] = {
        "content-length", "transfer-encoding", "connection", "keep-alive", "te", "trailer", "upgrade"};
    const auto forbidden = [](char c) {
      const auto byte = static_cast<unsigned char>(c);
      return (byte < 0x20 && byte != '\t') || byte == 0x7F;
    };
    if (name.empty() || !std::all_of(name.begin(), name.end(), is_token_character)) return POSTERN_E_INVALID;
    if (std::any_of(value.begin(), value.end(), forbidden)) return POSTERN_E_INVALID;
    for (std::string_view owned : kOwned) {
      if (same_ignoring_case(name, owned)) return POSTERN_E_STATE;
    }
    return POSTERN_OK;
  }

 private:
  std::vector<Entry> entries_;
};

}  // namespace postern::testing

// Dict: a dictionary shared by all workers and generations; it survives reloads. Usable on any thread, atomic by key.
#pragma once

#include <optional>
#include <span>

#include "postern/detail/host.h"

namespace postern {

using Limit = postern_limit;
using LimitResult = postern_limit_result;

class Dict {
 public:
  Dict() = default;
  // The same name is the same dict for every plugin; the larger size wins.
  static Dict open(Instance instance, std::string_view name, std::uint64_t max_bytes) {
    if (!POSTERN_OFFERS(dict, open)) return {};
    return Dict(detail::host.dict->open(instance.raw(), detail::to_str(name), max_bytes));
  }
  explicit operator bool() const { return raw_ != 0; }

  // Copies the value into `buffer`. The view is empty but present for an empty value; none when there is no such key or
  // the value does not fit.
  std::optional<std::string_view> get(std::string_view key, std::span<char> buffer) const {
    std::uint64_t size = buffer.size();
    if (raw_ == 0 || table().get(raw_, detail::to_str(key), buffer.data(), &size) != POSTERN_OK) return std::nullopt;
    if (size > buffer.size()) return std::nullopt;
    return std::string_view(buffer.data(), size);
  }
  std::optional<std::string> get(std::string_view key) const {
    std::string value(256, '\0');
    while (raw_ != 0) {
      std::uint64_t size = value.size();
      if (table().get(raw_, detail::to_str(key), value.data(), &size) != POSTERN_OK) return std::nullopt;
      const bool whole = size <= value.size();
      value.resize(size);
      if (whole) return value;
    }
    return std::nullopt;
  }

  // ttl_ms 0: for ever.
  [[nodiscard]] Status set(std::string_view key, std::string_view value, std::uint64_t ttl_ms = 0) const {
    return raw_ ? table().set(raw_, detail::to_str(key), detail::to_str(value), ttl_ms) : POSTERN_E_STATE;
  }
  [[nodiscard]] Status add(std::string_view key, std::string_view value, std::uint64_t ttl_ms = 0) const {
    return raw_ ? table().add(raw_, detail::to_str(key), detail::to_str(value), ttl_ms) : POSTERN_E_STATE;
  }
  Status remove(std::string_view key) const {
    return raw_ ? table().remove(raw_, detail::to_str(key)) : POSTERN_E_STATE;
  }
  // The number after adding; none when the value is not a number or the dict is missing.
  std::optional<std::int64_t> increment(std::string_view key, std::int64_t amount = 1, std::uint64_t ttl_ms = 0) const {
    std::int64_t result = 0;
    if (raw_ == 0 || table().increment(raw_, detail::to_str(key), amount, ttl_ms, &result) != POSTERN_OK) {
      return std::nullopt;
    }
    return result;
  }
  [[nodiscard]] Status compare_and_set(std::string_view key, std::string_view expected, std::string_view value,
                                       std::uint64_t ttl_ms = 0) const {
    if (raw_ == 0) return POSTERN_E_STATE;
    return table().compare_and_set(raw_, detail::to_str(key), detail::to_str(expected), detail::to_str(value), ttl_ms);
  }
  // Asks and charges a rate limit kept under `key`; struct_size is filled in here.
  std::optional<LimitResult> limit(std::string_view key, Limit limit) const {
    limit.struct_size = sizeof limit;
    LimitResult result = {};
    result.struct_size = sizeof result;
    if (raw_ == 0 || table().limit(raw_, detail::to_str(key), &limit, &result) != POSTERN_OK) return std::nullopt;
    return result;
  }

 private:
  explicit Dict(postern_dict raw) : raw_(raw) {}
  static const postern_dict_table& table() { return *detail::host.dict; }
  postern_dict raw_ = 0;
};

}  // namespace postern

// "dict": dictionaries that all workers and generations share.
#include "base/dict.h"

#include <cstddef>

#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/lookup.h"

namespace postern::plugin {
namespace {

postern_status to_abi(DictStatus status) noexcept {
  switch (status) {
    case DictStatus::ok:
      return POSTERN_OK;
    case DictStatus::not_found:
      return POSTERN_E_NOT_FOUND;
    case DictStatus::exists:
      return POSTERN_E_EXISTS;
    case DictStatus::conflict:
      return POSTERN_E_CONFLICT;
    case DictStatus::type:
      return POSTERN_E_TYPE;
    case DictStatus::invalid:
      return POSTERN_E_INVALID;
    case DictStatus::limit:
      return POSTERN_E_LIMIT;
  }
  return POSTERN_E_FAILED;
}

bool is_key(postern_str key) noexcept { return key.len > 0 && usable(key, Dict::kMaxKey); }
bool is_value(postern_str value) noexcept { return usable(value, Dict::kMaxValue); }

// Calls `use` with the dictionary when there is one and the key can be one.
template <class Use>
postern_status with_dict(postern_dict id, postern_str key, Use use) {
  Dict* dict = dicts().find(id);
  if (dict == nullptr) return POSTERN_E_GONE;
  return is_key(key) ? to_abi(use(*dict, view(key))) : POSTERN_E_INVALID;
}

postern_dict open(postern_instance, postern_str name, std::uint64_t max_bytes) noexcept {
  return usable(name, Dict::kMaxKey) ? dicts().open(view(name), max_bytes) : 0;
}

postern_status get(postern_dict id, postern_str key, char* buffer, std::uint64_t* size) noexcept {
  if (size == nullptr || (buffer == nullptr && *size > 0)) return POSTERN_E_INVALID;
  return with_dict(id, key, [&](Dict& d, std::string_view k) {
    return d.get(k, {buffer, static_cast<std::size_t>(*size)}, *size, cached_now_ms());
  });
}

postern_status set(postern_dict id, postern_str key, postern_str value, std::uint64_t ttl_ms) noexcept {
  if (!is_value(value)) return POSTERN_E_INVALID;
  return with_dict(id, key,
                   [&](Dict& d, std::string_view k) { return d.set(k, view(value), ttl_ms, cached_now_ms()); });
}

postern_status add(postern_dict id, postern_str key, postern_str value, std::uint64_t ttl_ms) noexcept {
  if (!is_value(value)) return POSTERN_E_INVALID;
  return with_dict(id, key,
                   [&](Dict& d, std::string_view k) { return d.add(k, view(value), ttl_ms, cached_now_ms()); });
}

postern_status remove(postern_dict id, postern_str key) noexcept {
  return with_dict(id, key, [&](Dict& d, std::string_view k) { return d.remove(k, cached_now_ms()); });
}

postern_status increment(postern_dict id, postern_str key, std::int64_t amount, std::uint64_t ttl_ms,
                         std::int64_t* result) noexcept {
  std::int64_t unwanted = 0;
  return with_dict(id, key, [&](Dict& d, std::string_view k) {
    return d.increment(k, amount, ttl_ms, cached_now_ms(), result != nullptr ? *result : unwanted);
  });
}

postern_status compare_and_set(postern_dict id, postern_str key, postern_str expected, postern_str value,
                               std::uint64_t ttl_ms) noexcept {
  if (!is_value(expected) || !is_value(value)) return POSTERN_E_INVALID;
  return with_dict(id, key, [&](Dict& d, std::string_view k) {
    return d.compare_and_set(k, view(expected), view(value), ttl_ms, cached_now_ms());
  });
}

// What the first plugins knew of it; fields that come later have a default.
constexpr std::size_t kFirstLimit = offsetof(postern_limit, cost) + sizeof(postern_limit::cost);

postern_status limit(postern_dict id, postern_str key, const postern_limit* limit,
                     postern_limit_result* result) noexcept {
  if (limit == nullptr || limit->struct_size < kFirstLimit || limit->algorithm > POSTERN_LIMIT_SLIDING_WINDOW)
    return POSTERN_E_INVALID;
  if (result == nullptr || result->struct_size < sizeof(result->struct_size)) return POSTERN_E_INVALID;
  Limit rule{static_cast<Limit::Algorithm>(limit->algorithm), limit->limit, limit->window_ms, limit->burst,
             limit->cost};
  LimitResult decision;
  postern_status status =
      with_dict(id, key, [&](Dict& d, std::string_view k) { return d.limit(k, rule, cached_now_ms(), decision); });
  if (status != POSTERN_OK) return status;
  fill_sized(*result, postern_limit_result{0, decision.allowed ? 1u : 0u, decision.remaining, decision.retry_after_ms,
                                           decision.reset_ms});
  return POSTERN_OK;
}
static_assert(static_cast<unsigned>(Limit::Algorithm::token_bucket) == POSTERN_LIMIT_TOKEN_BUCKET &&
              static_cast<unsigned>(Limit::Algorithm::sliding_window) == POSTERN_LIMIT_SLIDING_WINDOW);

}  // namespace

const postern_dict_table& dict_table() {
  static const postern_dict_table table{sizeof(table),    1,     &open, &get, &set, &add, &remove, &increment,
                                        &compare_and_set, &limit};
  return table;
}

}  // namespace postern::plugin

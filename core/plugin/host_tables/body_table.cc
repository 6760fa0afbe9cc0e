// "body": what body hooks may do with the bytes they see.
#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/lookup.h"

namespace postern::plugin {
namespace {

constexpr std::uint64_t kMaxReplacement = 1ull << 30;

postern_status replace(postern_exchange handle, std::uint32_t message, postern_str bytes) {
  if (message > POSTERN_RESPONSE || !usable(bytes, kMaxReplacement)) return POSTERN_E_INVALID;
  return change_exchange(
      handle, [](proxy::Exchange&) { return POSTERN_OK; },
      [&](proxy::Exchange& x) { return x.replace_body(message, view(bytes)); });
}

// Also in shadow mode: it says what the instance wants to see, and changes nothing for anybody else.
postern_status detach(postern_exchange handle, std::uint32_t message) {
  if (message > POSTERN_RESPONSE) return POSTERN_E_INVALID;
  return with_exchange(handle, [&](proxy::Exchange& x) { return x.detach_body(message); });
}

postern_status give(postern_exchange handle, std::uint32_t message, postern_str bytes) {
  if (message != POSTERN_REQUEST || !usable(bytes, kMaxReplacement)) return POSTERN_E_INVALID;
  auto fits = [&](proxy::Exchange& x) {
    if (!x.may_give_body()) return POSTERN_E_STATE;
    return x.has_room(bytes.len) ? POSTERN_OK : POSTERN_E_LIMIT;
  };
  return change_exchange(handle, fits, [&](proxy::Exchange& x) { return x.give_body(view(bytes)); });
}

// In shadow mode too, as detach.
postern_status stream(postern_exchange handle, std::uint32_t message) {
  if (message > POSTERN_RESPONSE) return POSTERN_E_INVALID;
  return with_exchange(handle, [&](proxy::Exchange& x) { return x.stream_body(message); });
}

}  // namespace

const postern_body_table& body_table() {
  static const postern_body_table table{sizeof(table), 1, &replace, &detach, &give, &stream};
  return table;
}

}  // namespace postern::plugin

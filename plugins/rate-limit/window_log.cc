#include "window_log.h"

// What remains and resets once `count` entries count, the newest `newest_age` old.
static WindowLog::Verdict admitted(std::uint64_t limit, std::uint64_t window_ms, std::uint64_t count,
                                   std::uint64_t newest_age) noexcept {
  return {true, limit - count, 0, count == 0 ? 0 : window_ms - newest_age};
}

WindowLog::Verdict WindowLog::ask(std::uint64_t limit, std::uint64_t window_ms, std::uint64_t now_ms) noexcept {
  for (first_ = 0; first_ < stored_ && age(first_, now_ms) >= window_ms;) ++first_;
  taken_ = 0;
  std::uint64_t count = stored_ - first_;
  std::uint64_t newest_age = count == 0 ? 0 : age(stored_ - 1, now_ms);
  if (count < limit) return admitted(limit, window_ms, count, newest_age);
  // One more fits once only limit - 1 of them still count. (More than `limit` count when it was higher before.)
  std::uint64_t oldest_to_leave = age(stored_ - limit, now_ms);
  return {false, 0, window_ms - oldest_to_leave, window_ms - newest_age};
}

WindowLog::Verdict WindowLog::take(std::uint64_t limit, std::uint64_t window_ms, std::uint64_t now_ms) noexcept {
  // Workers' clocks differ a little: entries never go backwards.
  bool behind = stored_ > first_ && age(stored_ - 1, now_ms) == 0;
  entries_[stored_] = behind ? entries_[stored_ - 1] : static_cast<std::uint32_t>(now_ms);
  taken_ = 1;
  return admitted(limit, window_ms, stored_ - first_ + 1, 0);
}

std::string_view WindowLog::bytes(std::size_t from, std::size_t to) const noexcept {
  return {reinterpret_cast<const char*>(entries_.data() + from), (to - from) * sizeof(std::uint32_t)};
}

std::uint64_t WindowLog::age(std::size_t index, std::uint64_t now_ms) const noexcept {
  auto difference = static_cast<std::int32_t>(static_cast<std::uint32_t>(now_ms) - entries_[index]);
  return difference > 0 ? static_cast<std::uint64_t>(difference) : 0;
}

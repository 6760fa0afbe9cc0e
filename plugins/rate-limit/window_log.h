// The exact sliding window: when each request of the last window was admitted. Knows nothing of the gateway.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

// Times are the low 32 bits of milliseconds, oldest first: with windows of a day at most (and logs that are forgotten a
// window after their last entry) differences of them are unambiguous.
class WindowLog {
 public:
  static constexpr std::uint64_t kMaxLimit = 10'000;
  static constexpr std::uint64_t kMaxWindowMs = 24ull * 3'600'000;

  struct Verdict {
    bool allowed = false;
    std::uint64_t remaining = 0;       // after this request, when it is allowed and taken
    std::uint64_t retry_after_ms = 0;  // 0 when allowed
    std::uint64_t reset_ms = 0;        // until the window is empty
  };

  WindowLog() noexcept {}  // leaves the entries alone
  // Where a stored log is read into; loaded() says how many bytes it has. 0: there is none yet.
  std::span<char> buffer() noexcept { return {reinterpret_cast<char*>(entries_.data()), sizeof entries_}; }
  void loaded(std::size_t bytes) noexcept { stored_ = bytes / sizeof(std::uint32_t); }

  // Would one more be admitted at now_ms? limit 1 .. kMaxLimit, window_ms 1 .. kMaxWindowMs.
  Verdict ask(std::uint64_t limit, std::uint64_t window_ms, std::uint64_t now_ms) noexcept;
  // Adds it. After an ask() that allowed it, with the same arguments.
  Verdict take(std::uint64_t limit, std::uint64_t window_ms, std::uint64_t now_ms) noexcept;

  std::string_view before() const noexcept { return bytes(0, stored_); }  // as it was read
  std::string_view after() const noexcept {
    return bytes(first_, stored_ + taken_);
  }  // without what is too old, with what was taken

 private:
  std::string_view bytes(std::size_t from, std::size_t to) const noexcept;
  std::uint64_t age(std::size_t index, std::uint64_t now_ms) const noexcept;

  std::array<std::uint32_t, kMaxLimit + 1> entries_;  // one more than is ever stored: the one being taken
  std::size_t stored_ = 0;
  std::size_t first_ = 0;  // the first that still counts
  std::size_t taken_ = 0;  // 0 or 1
};

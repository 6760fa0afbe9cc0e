// Counts what a client may do too much of on one HTTP/2 connection without asking for anything: pure logic, the caller
// brings the time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::http {

// The limits that end a connection, or (head, stall) a stream.
enum class H2Limit : std::uint8_t {
  none,
  settings,       // SETTINGS frames
  pings,          // PING frames
  priority,       // PRIORITY frames
  window_update,  // WINDOW_UPDATE frames
  empty_data,     // DATA frames that carry nothing and end nothing
  resets,         // streams that the client breaks off, itself or by breaking the rules ("rapid reset")
  stray_resets,   // RST_STREAM of streams that have ended
  continuation,   // CONTINUATION frames of one head
  answers,        // answers to PING and SETTINGS that the client does not read
  head,           // a head many times larger than is allowed (HPACK bombs)
  stall           // a stream whose answer the client leaves no room for
};
inline constexpr std::size_t kH2Limits = 12;
std::string_view name_of(H2Limit limit) noexcept;  // "rapid reset" is "resets"

class H2FloodGuard {
 public:
  static constexpr std::uint64_t kIntervalNs = 30'000'000'000;

  // For each interval: `control_frames` of a kind, a tenth for SETTINGS, besides what streams and data call for; `resets`
  // streams besides half of those that were opened.
  H2FloodGuard(std::uint32_t control_frames, std::uint32_t resets) noexcept
      : control_frames_(control_frames), resets_allowed_(resets) {}

  void set_now(std::uint64_t now_ns) noexcept;  // monotonic; a new interval begins when the last one is over
  void stream_opened() noexcept { ++streams_; }
  void data_frame() noexcept { ++data_frames_; }  // either way, with data in it
  // Each counts one and returns its limit when that was one too many, else none.
  H2Limit count(H2Limit kind) noexcept;

 private:
  std::uint64_t allowed(H2Limit kind) const noexcept;

  std::uint64_t control_frames_;
  std::uint64_t resets_allowed_;
  std::uint64_t interval_ends_ns_ = 0;
  std::uint64_t streams_ = 0;
  std::uint64_t data_frames_ = 0;
  std::array<std::uint64_t, kH2Limits> counts_{};
};

}  // namespace postern::http

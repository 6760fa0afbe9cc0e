#include "http/h2_flood.h"

namespace postern::http {

std::string_view name_of(H2Limit limit) noexcept {
  switch (limit) {
    case H2Limit::none:
      return "none";
    case H2Limit::settings:
      return "settings";
    case H2Limit::pings:
      return "pings";
    case H2Limit::priority:
      return "priority";
    case H2Limit::window_update:
      return "window_update";
    case H2Limit::empty_data:
      return "empty_data";
    case H2Limit::resets:
      return "resets";
    case H2Limit::stray_resets:
      return "stray_resets";
    case H2Limit::continuation:
      return "continuation";
    case H2Limit::answers:
      return "answers";
    case H2Limit::head:
      return "head";
    case H2Limit::stall:
      return "stall";
  }
  return "none";
}

void H2FloodGuard::set_now(std::uint64_t now_ns) noexcept {
  if (now_ns < interval_ends_ns_) return;
  interval_ends_ns_ = now_ns + kIntervalNs;
  streams_ = data_frames_ = 0;
  counts_ = {};
}

H2Limit H2FloodGuard::count(H2Limit kind) noexcept {
  return ++counts_[static_cast<std::size_t>(kind)] > allowed(kind) ? kind : H2Limit::none;
}

// An honest client measures its bandwidth with a PING for each few DATA frames, gives room for each of them twice (stream and
// connection), and may say of each stream how much it matters.
std::uint64_t H2FloodGuard::allowed(H2Limit kind) const noexcept {
  switch (kind) {
    case H2Limit::settings:
      return control_frames_ / 10;
    case H2Limit::pings:
      return control_frames_ + 2 * streams_ + data_frames_;
    case H2Limit::window_update:
    case H2Limit::stray_resets:
      return control_frames_ + 4 * streams_ + 4 * data_frames_;
    case H2Limit::priority:
      return control_frames_ + 10 * streams_;
    case H2Limit::resets:
      return resets_allowed_ + streams_ / 2;
    default:
      return control_frames_;
  }
}

}  // namespace postern::http

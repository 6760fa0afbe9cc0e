#include "base/clock.h"

#include <ctime>

namespace postern {
namespace {

std::uint64_t read_clock(clockid_t id) noexcept {
  timespec t{};
  clock_gettime(id, &t);
  return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000'000ull + static_cast<std::uint64_t>(t.tv_nsec);
}

class SystemClock final : public Clock {
 public:
  std::uint64_t now_ns() const noexcept override { return read_clock(CLOCK_MONOTONIC); }
  std::uint64_t unix_ns() const noexcept override { return read_clock(CLOCK_REALTIME); }
};

}  // namespace

Clock& system_clock() noexcept {
  static SystemClock clock;
  return clock;
}

}  // namespace postern

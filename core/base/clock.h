// Injectable time. Production code takes a `Clock&`; tests turn the hands themselves.
#pragma once

#include <cstdint>

namespace postern {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::uint64_t now_ns() const noexcept = 0;   // monotonic
  virtual std::uint64_t unix_ns() const noexcept = 0;  // wall clock
  std::uint64_t now_ms() const noexcept { return now_ns() / 1'000'000; }
  std::uint64_t unix_ms() const noexcept { return unix_ns() / 1'000'000; }
};

Clock& system_clock() noexcept;  // any thread

class FakeClock final : public Clock {
 public:
  std::uint64_t now_ns() const noexcept override { return ns_; }
  std::uint64_t unix_ns() const noexcept override { return 1'700'000'000'000'000'000 + ns_; }
  void advance_ms(std::uint64_t ms) noexcept { ns_ += ms * 1'000'000; }
  void advance_ns(std::uint64_t ns) noexcept { ns_ += ns; }

 private:
  std::uint64_t ns_ = 1'000'000'000;
};

}  // namespace postern

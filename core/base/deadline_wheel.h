// Timeouts without a timer per request: a hashed wheel swept by one coarse tick. Pure logic; the caller brings the
// time. Pushing a deadline out is one store; the node moves when its slot comes round. Not for other threads.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace postern {

class DeadlineWheel;

// One deadline of one object; a member of it. Leaves the wheel when destroyed.
class Deadline {
 public:
  using Fire = void (*)(void* owner);
  Deadline(Fire fire, void* owner) noexcept : fire_(fire), owner_(owner) {}
  Deadline(const Deadline&) = delete;
  Deadline& operator=(const Deadline&) = delete;
  ~Deadline() {
    if (link_ != nullptr) unlink();
  }

  void cancel() noexcept { at_ms_ = 0; }  // it will not fire; one store
  bool armed() const noexcept { return at_ms_ != 0; }

 private:
  friend class DeadlineWheel;
  void unlink() noexcept;

  Fire fire_;
  void* owner_;
  std::uint64_t at_ms_ = 0;    // 0: not armed (it may still be linked until its slot comes)
  std::uint64_t slot_ms_ = 0;  // when its slot will be swept
  Deadline* next_ = nullptr;
  Deadline** link_ = nullptr;  // the pointer that points to this; null when not in a wheel
  DeadlineWheel* wheel_ = nullptr;
};

class DeadlineWheel {
 public:
  static constexpr std::uint64_t kTickMs = 20;
  static constexpr std::size_t kSlots = 1024;

  explicit DeadlineWheel(std::uint64_t now_ms) noexcept;
  DeadlineWheel(const DeadlineWheel&) = delete;
  DeadlineWheel& operator=(const DeadlineWheel&) = delete;
  ~DeadlineWheel();

  // Fires at or up to two ticks after at_ms, once. Arming again replaces the time. `d` belongs to one wheel for life.
  void arm(Deadline& d, std::uint64_t at_ms) noexcept {
    d.at_ms_ = std::clamp<std::uint64_t>(at_ms, 1, kNever);  // 0 means "not armed"
    bool comes_round_in_time = d.link_ != nullptr && d.slot_ms_ < d.at_ms_ + kTickMs;
    if (!comes_round_in_time) move(d);
  }
  // Fires everything due by now_ms. Fire functions may arm, cancel and destroy any deadline, their own
  // included; they do not call advance(). What they arm fires in a later advance at the earliest.
  void advance(std::uint64_t now_ms);
  bool empty() const noexcept { return linked_ == 0; }  // nothing linked: the tick can stop

 private:
  friend class Deadline;
  static constexpr std::uint64_t kNever = std::uint64_t{1} << 62;  // far enough, and sums with it do not overflow
  void move(Deadline& d) noexcept;
  void link(Deadline& d, std::uint64_t slot_ms) noexcept;
  void sweep(std::uint64_t slot_ms);

  std::array<Deadline*, kSlots> slots_{};
  std::uint64_t swept_ms_;         // a multiple of kTickMs; every slot up to here has been swept
  std::uint64_t advancing_to_ms_;  // where the sweep of this advance ends; outside of one, where it has ended
  std::size_t linked_ = 0;
};

}  // namespace postern

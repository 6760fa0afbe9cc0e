#include "base/deadline_wheel.h"

#include <algorithm>

namespace postern {
namespace {

constexpr std::uint64_t kTick = DeadlineWheel::kTickMs;
constexpr std::uint64_t kTurn = kTick * DeadlineWheel::kSlots;

std::uint64_t tick_after(std::uint64_t ms) noexcept { return (ms + kTick - 1) / kTick * kTick; }
std::size_t slot_of(std::uint64_t slot_ms) noexcept { return slot_ms / kTick % DeadlineWheel::kSlots; }

}  // namespace

void Deadline::unlink() noexcept {
  if (link_ == nullptr) return;
  *link_ = next_;
  if (next_ != nullptr) next_->link_ = link_;
  link_ = nullptr;
  next_ = nullptr;
  --wheel_->linked_;
}

DeadlineWheel::DeadlineWheel(std::uint64_t now_ms) noexcept
    : swept_ms_(now_ms / kTick * kTick), advancing_to_ms_(swept_ms_) {}

DeadlineWheel::~DeadlineWheel() {
  for (Deadline* head : slots_) {
    while (head != nullptr) {
      Deadline* next = head->next_;
      head->unlink();
      head->at_ms_ = 0;
      head = next;
    }
  }
}

// A time that has passed goes into the slot of the next advance: the one that runs would never end.
void DeadlineWheel::move(Deadline& d) noexcept {
  d.unlink();
  d.wheel_ = this;
  link(d, std::max(tick_after(d.at_ms_), advancing_to_ms_ + kTick));
}

void DeadlineWheel::link(Deadline& d, std::uint64_t slot_ms) noexcept {
  d.slot_ms_ = slot_ms;
  Deadline*& head = slots_[slot_of(d.slot_ms_)];
  d.next_ = head;
  d.link_ = &head;
  if (head != nullptr) head->link_ = &d.next_;
  head = &d;
  ++linked_;
}

void DeadlineWheel::advance(std::uint64_t now_ms) {
  const std::uint64_t last = now_ms / kTick * kTick;
  if (last <= swept_ms_) return;
  advancing_to_ms_ = last;
  // After a long pause one turn visits every slot; more would visit them again for nothing.
  if (linked_ == 0 || last - swept_ms_ > kTurn) swept_ms_ = linked_ == 0 ? last : last - kTurn;
  while (swept_ms_ < last) {
    swept_ms_ += kTick;
    sweep(swept_ms_);
  }
}

void DeadlineWheel::sweep(std::uint64_t slot_ms) {
  // The list moves aside first: a fire function may link into this very slot, and may unlink any of these.
  Deadline* todo = slots_[slot_of(slot_ms)];
  slots_[slot_of(slot_ms)] = nullptr;
  if (todo != nullptr) todo->link_ = &todo;
  while (todo != nullptr) {
    Deadline& d = *todo;
    d.unlink();
    if (d.at_ms_ == 0) continue;  // cancelled
    if (d.at_ms_ > slot_ms) {     // armed for later since, or more than one turn away
      link(d, tick_after(d.at_ms_));
      continue;
    }
    d.at_ms_ = 0;
    d.fire_(d.owner_);
  }
}

}  // namespace postern

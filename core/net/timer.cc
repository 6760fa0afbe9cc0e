#include "net/timer.h"

#include <uv.h>

#include <algorithm>
#include <utility>

#include "net/handle_ptr.h"

namespace postern::net {
namespace {

class UvTimer final : public Timer {
 public:
  UvTimer(Loop& loop, std::function<void()> fire) : handle_(new uv_timer_t), fire_(std::move(fire)) {
    uv_timer_init(loop.raw(), handle_.get());  // cannot fail
    handle_->data = this;
  }

  void start(std::uint64_t delay_ms, std::uint64_t repeat_ms, bool background) {
    if (background) uv_unref(reinterpret_cast<uv_handle_t*>(handle_.get()));
    // libuv runs all timers that are due in one go, those without delay that they start too: two that start each other
    // would never let it look at a socket again. A millisecond is the least that is not due yet in that same go.
    uv_timer_start(handle_.get(), on_timer, std::max<std::uint64_t>(delay_ms, 1), repeat_ms);
  }

 private:
  // `fire` may destroy the timer, so it is called from the stack and put back only when the timer lives on.
  static void on_timer(uv_timer_t* raw) {
    auto* timer = static_cast<UvTimer*>(raw->data);
    if (timer == nullptr) return;
    EventScope event(Loop::of(raw->loop));
    auto fire = std::move(timer->fire_);
    fire();
    if (raw->data != nullptr) timer->fire_ = std::move(fire);
  }

  HandlePtr<uv_timer_t> handle_;
  std::function<void()> fire_;
};

}  // namespace

std::unique_ptr<Timer> Timer::start(Loop& loop, std::uint64_t delay_ms, std::uint64_t repeat_ms,
                                    std::function<void()> fire, bool background) {
  auto timer = std::make_unique<UvTimer>(loop, std::move(fire));
  timer->start(delay_ms, repeat_ms, background);
  return timer;
}

}  // namespace postern::net

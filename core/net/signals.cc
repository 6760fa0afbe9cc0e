#include "net/signals.h"

#include <uv.h>

#include <string>
#include <utility>

#include "net/handle_ptr.h"
#include "net/uv_error.h"

namespace postern::net {
namespace {

class UvSignalWatch final : public SignalWatch {
 public:
  UvSignalWatch(HandlePtr<uv_signal_t> handle, std::function<void()> fire)
      : handle_(std::move(handle)), fire_(std::move(fire)) {
    handle_->data = this;
  }

  int watch(int signal) { return uv_signal_start(handle_.get(), on_signal, signal); }

 private:
  // `fire` may destroy the watch, so it is called from the stack and put back only when the watch lives on.
  static void on_signal(uv_signal_t* raw, int) {
    auto* watch = static_cast<UvSignalWatch*>(raw->data);
    if (watch == nullptr) return;
    EventScope event(Loop::of(raw->loop));
    auto fire = std::move(watch->fire_);
    fire();
    if (raw->data != nullptr) watch->fire_ = std::move(fire);
  }

  HandlePtr<uv_signal_t> handle_;
  std::function<void()> fire_;
};

}  // namespace

Result<std::unique_ptr<SignalWatch>> SignalWatch::start(Loop& loop, int signal, std::function<void()> fire) {
  auto doing = [signal] { return "watch signal " + std::to_string(signal); };
  auto raw = std::make_unique<uv_signal_t>();
  int status = uv_signal_init(loop.raw(), raw.get());
  if (status != 0) return fail(uv_error(status, doing()));
  auto watch = std::make_unique<UvSignalWatch>(HandlePtr<uv_signal_t>(raw.release()), std::move(fire));
  status = watch->watch(signal);
  if (status != 0) return fail(uv_error(status, doing()));
  return watch;
}

}  // namespace postern::net

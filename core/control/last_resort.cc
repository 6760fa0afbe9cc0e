#include "control/last_resort.h"

#include <chrono>
#include <cstdlib>
#include <future>
#include <memory>
#include <string>

#include "base/log.h"

namespace postern::control {
namespace {
constexpr std::uint64_t kFlushMs = 1000;
}

void break_off(std::string_view why) {
  // On a thread of its own: where the log goes to may be stuck as well.
  auto flushed = std::make_shared<std::promise<void>>();
  std::thread([flushed, text = std::string(why)] {
    logger("control").write(LogLevel::error, "the end takes too long, the process breaks off: " + text);
    flush_logging();
    flushed->set_value();
  }).detach();
  flushed->get_future().wait_for(std::chrono::milliseconds(kFlushMs));
  std::_Exit(1);
}

LastResort::LastResort(std::uint64_t ms) : thread_([this, ms] { watch(ms); }) {}

LastResort::~LastResort() {
  {
    std::lock_guard lock(mutex_);
    over_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void LastResort::watch(std::uint64_t ms) {
  std::unique_lock lock(mutex_);
  if (changed_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return over_; })) return;
  break_off("the control thread is busy in a plugin's code: on_configure, on_destroy or on_unload");
}

}  // namespace postern::control

// Ends the process from a thread of its own when nothing else does: a plugin may keep the control thread for ever, too.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string_view>
#include <thread>

namespace postern::control {

// Logs why, gives the log a second, and exits with the code 1 at once: no destructor runs, since neither threads nor libraries
// can be taken from under a plugin that still runs.
[[noreturn]] void break_off(std::string_view why);

// Breaks off after `ms`, unless it is destroyed before.
class LastResort {
 public:
  explicit LastResort(std::uint64_t ms);
  LastResort(const LastResort&) = delete;
  LastResort& operator=(const LastResort&) = delete;
  ~LastResort();

 private:
  void watch(std::uint64_t ms);

  std::mutex mutex_;  // guards `over_`
  std::condition_variable changed_;
  bool over_ = false;
  std::thread thread_;
};

}  // namespace postern::control

// One thread's event loop and what all its sockets share: the read buffer, write buffers, deadlines, deferred deletes.
// This header does not show libuv; only core/net includes <uv.h>.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/deadline_wheel.h"
#include "base/result.h"

struct uv_loop_s;

namespace postern::net {

class Stream;

// Objects that must not be deleted while one of their methods is on the stack are handed to Loop::defer_delete.
class Deferred {
 public:
  virtual ~Deferred() = default;
};

class Loop {
 public:
  Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  ~Loop();  // runs the loop until every handle has closed; a handle left open is a bug and asserts

  void run();                                   // until stop() or nothing is left
  void stop() noexcept;
  bool run_once();                              // one turn that may block; false when nothing is left (tests)
  // Time of this turn of the loop, cached: no clock call. `now_ns` reads the clock once per incoming event.
  std::uint64_t now_ms() const noexcept;
  std::uint64_t event_ns() const noexcept { return event_ns_; }  // monotonic; when the running I/O event began

  DeadlineWheel& deadlines() noexcept { return wheel_; }
  void arm(Deadline& d, std::uint64_t delay_ms);  // and starts the tick when it stands
  // Deleted before the loop blocks again. `object` must already ignore late callbacks.
  void defer_delete(std::unique_ptr<Deferred> object);
  // Runs `task` on this thread before the loop blocks again. Any callback promised "later" goes through here.
  void defer(std::function<void()> task);
  // [any thread] Runs `task` on the loop's thread. False when the loop is closing.
  bool post(std::function<void()> task);

  uv_loop_s* raw() noexcept { return loop_.get(); }

  // For core/net. The shared read buffer: bytes are valid until the read callback returns.
  std::span<char> read_buffer() noexcept { return {read_buffer_.get(), kReadBuffer}; }
  static constexpr std::size_t kReadBuffer = 64 * 1024;
  void begin_event() noexcept;  // trampolines call these around every owner callback
  void end_event();             // flushes the streams written to, when it is the outermost
  void mark_dirty(Stream& stream);
  void forget_dirty(Stream& stream) noexcept;

 private:
  struct Hooks;  // prepare, async and tick handles

  std::unique_ptr<uv_loop_s> loop_;
  std::unique_ptr<Hooks> hooks_;
  std::unique_ptr<char[]> read_buffer_;
  DeadlineWheel wheel_;
  std::uint64_t event_ns_ = 0;
  int event_depth_ = 0;
  std::vector<Stream*> dirty_;
  std::vector<std::unique_ptr<Deferred>> graveyard_;
  std::vector<std::function<void()>> deferred_;

  void run_deferred();
};

}  // namespace postern::net

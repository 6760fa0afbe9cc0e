// One thread's event loop and what all its sockets share: the read buffer, write buffers, deadlines, deferred deletes.
// This header does not show libuv; only core/net includes <uv.h>.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/clock.h"
#include "base/deadline_wheel.h"
#include "net/write_buffers.h"

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
  // `clock`: of event_ns; outlives the loop.
  explicit Loop(
      Clock& clock =
          system_clock());  // the process ignores SIGPIPE from here on: a write to a closed socket is an error value
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;
  // Runs the loop until every handle has closed. Owners must be gone; a handle left open is a bug: prints
  // them and aborts.
  ~Loop();

  void run();            // until stop() or nothing is left
  void stop() noexcept;  // this thread only; from others: post
  bool run_once();       // blocks until something happened; false when nothing is left (tests)
  Clock& clock() const noexcept { return clock_; }
  // Time of this turn of the loop, cached: no clock call.
  std::uint64_t now_ms() const noexcept;
  std::uint64_t event_ns() const noexcept { return event_ns_; }  // monotonic; when the running I/O event began

  DeadlineWheel& deadlines() noexcept { return wheel_; }
  // Starts the tick when it stands; the tick keeps no loop alive.
  void arm(Deadline& d, std::uint64_t delay_ms) {
    constexpr std::uint64_t kLongest = std::uint64_t{1} << 61;  // "no timeout" as a huge number must not wrap
    if (!ticking_) start_tick();
    wheel_.arm(d, now_ms() + (delay_ms < kLongest ? delay_ms : kLongest));
  }
  // Deleted before the loop blocks again. `object` must already ignore late callbacks.
  void defer_delete(std::unique_ptr<Deferred> object);
  // Runs `task` on this thread before the loop blocks again. Any callback promised "later" goes through here.
  void defer(std::function<void()> task);
  // [any thread] Runs `task` on the loop's thread; keeps no loop alive. False when the loop is closing: `task` is
  // dropped.
  bool post(std::function<void()> task);
  // Owns `object` until release(object) hands it to defer_delete, or until the loop itself goes.
  void adopt(std::unique_ptr<Deferred> object);
  void release(Deferred& object);

  uv_loop_s* raw() noexcept { return loop_.get(); }

  // For core/net. The shared read buffer: bytes are valid until the read callback returns.
  std::span<char> read_buffer() noexcept { return {read_buffer_.get(), kReadBuffer}; }
  static constexpr std::size_t kReadBuffer = 64 * 1024;
  // Scratch space of TLS, made when first asked for: what has been opened is valid until the read callback returns, what is
  // sealed until the call ends that seals it.
  std::span<char> plain_buffer() { return scratch(plain_buffer_, kReadBuffer); }
  std::span<char> sealed_buffer() { return scratch(sealed_buffer_, kSealedBuffer); }
  static constexpr std::size_t kSealedBuffer = kReadBuffer + 1024;  // 64 KiB in records of 16
  void begin_event() noexcept;  // trampolines call these around every owner callback (EventScope)
  void end_event();             // may flush the streams written to, when it is the outermost
  // Stream::end_of_event is called before the loop blocks, 100 us or 64 streams later at the latest.
  void mark_dirty(Stream& stream);  // in net/stream.h
  void forget_dirty(Stream& stream) noexcept;
  WriteBuffers& write_buffers() noexcept { return write_buffers_; }
  bool closing() const noexcept { return closing_; }  // inside ~Loop: owners are gone
  static Loop& of(const uv_loop_s* raw) noexcept;

 private:
  struct Hooks;  // prepare, async and tick handles, and the posted tasks

  Clock& clock_;
  std::unique_ptr<uv_loop_s> loop_;
  std::unique_ptr<Hooks> hooks_;
  std::unique_ptr<char[]> read_buffer_;
  std::unique_ptr<char[]> plain_buffer_;
  std::unique_ptr<char[]> sealed_buffer_;
  WriteBuffers write_buffers_;
  DeadlineWheel wheel_;
  bool ticking_ = false;
  std::uint64_t event_ns_ = 0;
  int event_depth_ = 0;
  bool closing_ = false;
  bool one_event_ = false;    // inside run_once
  bool turns_again_ = false;  // the prepare handle keeps the loop alive
  Stream* first_dirty_ = nullptr;
  Stream** last_dirty_ = &first_dirty_;  // the pointer behind the last one
  std::size_t dirty_count_ = 0;
  std::uint64_t dirty_since_ns_ = 0;
  std::vector<std::unique_ptr<Deferred>> deferred_deletes_;
  std::vector<std::function<void()>> deferred_;
  std::vector<std::unique_ptr<Deferred>> deleting_;  // the two lists while run_deferred empties them
  std::vector<std::function<void()>> running_;
  std::unordered_map<Deferred*, std::unique_ptr<Deferred>> adopted_;

  static std::span<char> scratch(std::unique_ptr<char[]>& buffer, std::size_t size) {
    if (buffer == nullptr) buffer.reset(new char[size]);
    return {buffer.get(), size};
  }
  void on_prepare();
  void on_check();
  void on_posted();
  void on_tick();
  void start_tick();
  bool work_waits() const noexcept;
  void turn_again() noexcept {
    if (!turns_again_) keep_turning();
  }
  void keep_turning() noexcept;
  void run_deferred();
  void add_dirty(Stream& stream) noexcept;
  void flush_dirty();
  void drop_owned();
  void close_handles();
};

class EventScope {
 public:
  explicit EventScope(Loop& loop) noexcept : loop_(loop) { loop_.begin_event(); }
  EventScope(const EventScope&) = delete;
  EventScope& operator=(const EventScope&) = delete;
  ~EventScope() { loop_.end_event(); }

 private:
  Loop& loop_;
};

}  // namespace postern::net

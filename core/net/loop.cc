#include "net/loop.h"

#include <uv.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <mutex>
#include <utility>

#include "base/clock.h"
#include "net/handle_ptr.h"
#include "net/stream.h"

namespace postern::net {

struct Loop::Hooks {
  HandlePtr<uv_prepare_t> prepare;
  HandlePtr<uv_check_t> check;
  HandlePtr<uv_async_t> async;
  HandlePtr<uv_timer_t> tick;

  std::mutex mutex;  // guards the rest, which other threads touch
  std::vector<std::function<void()>> posted;
  bool closed = false;

  static void on_prepare(uv_prepare_t* handle) {
    if (auto* loop = static_cast<Loop*>(handle->data)) loop->on_prepare();
  }
  static void on_check(uv_check_t* handle) {
    if (auto* loop = static_cast<Loop*>(handle->data)) loop->on_check();
  }
  static void on_async(uv_async_t* handle) {
    if (auto* loop = static_cast<Loop*>(handle->data)) loop->on_posted();
  }
  static void on_tick(uv_timer_t* handle) {
    if (auto* loop = static_cast<Loop*>(handle->data)) loop->on_tick();
  }
};

namespace {

void must(int status, const char* what) {
  if (status == 0) return;
  std::fprintf(stderr, "event loop: %s: %s\n", what, uv_strerror(status));
  std::abort();
}

std::unique_ptr<uv_loop_t> make_raw_loop() {
  auto raw = std::make_unique<uv_loop_t>();
  must(uv_loop_init(raw.get()), "uv_loop_init");
  return raw;
}

template <class H>
uv_handle_t* as_handle(const HandlePtr<H>& handle) noexcept {
  return reinterpret_cast<uv_handle_t*>(handle.get());
}

bool has_open_handle(uv_loop_t* loop) {
  bool found = false;
  auto look = [](uv_handle_t* handle, void* arg) { *static_cast<bool*>(arg) |= uv_is_closing(handle) == 0; };
  uv_walk(loop, look, &found);
  return found;
}

[[noreturn]] void abort_with_handles(uv_loop_t* loop) {
  std::fputs("event loop: destroyed while these handles were open:\n", stderr);
  uv_print_all_handles(loop, stderr);
  std::abort();
}

}  // namespace

Loop::Loop(Clock& clock)
    : clock_(clock),
      loop_(make_raw_loop()),
      hooks_(std::make_unique<Hooks>()),
      read_buffer_(new char[kReadBuffer]),
      wheel_(uv_now(loop_.get())) {
  std::signal(SIGPIPE, SIG_IGN);
  loop_->data = this;
  hooks_->prepare.reset(new uv_prepare_t);
  hooks_->check.reset(new uv_check_t);
  hooks_->async.reset(new uv_async_t);
  hooks_->tick.reset(new uv_timer_t);
  must(uv_prepare_init(loop_.get(), hooks_->prepare.get()), "uv_prepare_init");
  must(uv_check_init(loop_.get(), hooks_->check.get()), "uv_check_init");
  must(uv_async_init(loop_.get(), hooks_->async.get(), Hooks::on_async), "uv_async_init");
  must(uv_timer_init(loop_.get(), hooks_->tick.get()), "uv_timer_init");
  for (auto* handle :
       {as_handle(hooks_->prepare), as_handle(hooks_->check), as_handle(hooks_->async), as_handle(hooks_->tick)}) {
    handle->data = this;
    uv_unref(handle);
  }
  must(uv_prepare_start(hooks_->prepare.get(), Hooks::on_prepare), "uv_prepare_start");
  must(uv_check_start(hooks_->check.get(), Hooks::on_check), "uv_check_start");
}

Loop::~Loop() {
  closing_ = true;
  drop_owned();
  close_handles();
  if (has_open_handle(loop_.get())) abort_with_handles(loop_.get());
  while (uv_run(loop_.get(), UV_RUN_DEFAULT) != 0) {
  }  // also waits for jobs that a pool thread is running; again when a stop() was still due
  while (work_waits()) run_deferred();
  if (uv_loop_close(loop_.get()) != 0) abort_with_handles(loop_.get());
}

void Loop::drop_owned() {
  std::vector<std::function<void()>> posted;
  {
    std::lock_guard lock(hooks_->mutex);
    hooks_->closed = true;
    posted.swap(hooks_->posted);
  }
  posted.clear();
  auto adopted = std::move(adopted_);
  adopted_.clear();
  adopted.clear();
  while (work_waits()) run_deferred();
}

void Loop::close_handles() {
  hooks_->prepare.reset();
  hooks_->check.reset();
  hooks_->async.reset();
  hooks_->tick.reset();
}

void Loop::run() {
  on_posted();  // an async handle that keeps no loop alive would not be looked at
  uv_run(loop_.get(), UV_RUN_DEFAULT);
}

void Loop::stop() noexcept { uv_stop(loop_.get()); }

bool Loop::run_once() {
  one_event_ = true;  // else libuv would block after having run timers or deferred tasks
  on_posted();
  bool more = uv_run(loop_.get(), UV_RUN_ONCE) != 0;
  one_event_ = false;
  return more;
}

std::uint64_t Loop::now_ms() const noexcept { return uv_now(loop_.get()); }

Loop& Loop::of(const uv_loop_s* raw) noexcept { return *static_cast<Loop*>(raw->data); }

void Loop::start_tick() {
  ticking_ = true;
  wheel_.advance(now_ms());
  uv_timer_start(hooks_->tick.get(), Hooks::on_tick, DeadlineWheel::kTickMs, DeadlineWheel::kTickMs);
}

void Loop::on_tick() {
  EventScope event(*this);
  wheel_.advance(now_ms());
  if (!wheel_.empty()) return;
  ticking_ = false;
  uv_timer_stop(hooks_->tick.get());
}

void Loop::defer_delete(std::unique_ptr<Deferred> object) {
  deferred_deletes_.push_back(std::move(object));
  turn_again();
}

void Loop::defer(std::function<void()> task) {
  deferred_.push_back(std::move(task));
  turn_again();
}

void Loop::adopt(std::unique_ptr<Deferred> object) {
  Deferred* key = object.get();
  adopted_.emplace(key, std::move(object));
}

void Loop::release(Deferred& object) {
  auto found = adopted_.find(&object);
  if (found == adopted_.end()) return;
  auto owned = std::move(found->second);
  adopted_.erase(found);
  defer_delete(std::move(owned));
}

bool Loop::post(std::function<void()> task) {
  std::lock_guard lock(hooks_->mutex);
  if (hooks_->closed) return false;
  hooks_->posted.push_back(std::move(task));
  if (hooks_->posted.size() == 1) uv_async_send(hooks_->async.get());
  return true;
}

void Loop::on_posted() {
  std::vector<std::function<void()>> tasks;
  {
    std::lock_guard lock(hooks_->mutex);
    tasks.swap(hooks_->posted);
  }
  for (auto& task : tasks) {
    EventScope event(*this);
    task();
    task = nullptr;  // what it captured goes inside the event, too
  }
}

bool Loop::work_waits() const noexcept {
  return !deferred_.empty() || !deferred_deletes_.empty() || first_dirty_ != nullptr;
}

// Keeps run() from ending before the prepare hook has seen what was just put down.
void Loop::keep_turning() noexcept {
  if (closing_) return;
  turns_again_ = true;
  uv_ref(as_handle(hooks_->prepare));
}

// Runs in every turn right before the loop may block.
void Loop::on_prepare() {
  if (!turns_again_) return;  // else nothing has been put down
  constexpr int kRounds = 8;  // work that puts down work is followed this far; the rest gets a turn of its own
  for (int round = 0; round < kRounds && work_waits(); ++round) run_deferred();
  if (work_waits()) {
    uv_async_send(hooks_->async.get());
  } else {
    turns_again_ = false;
    uv_unref(as_handle(hooks_->prepare));
  }
}

// Runs in every turn right after the events of the sockets.
void Loop::on_check() {
  if (first_dirty_ == nullptr) return;
  EventScope event(*this);
  flush_dirty();
}

namespace {

// Keeps the memory of a list that is filled in each turn, but not what a rare burst took.
template <class T>
void empty(std::vector<T>& list) {
  constexpr std::size_t kKeep = 4096;
  list.clear();
  if (list.capacity() > kKeep) list.shrink_to_fit();
}

}  // namespace

void Loop::run_deferred() {
  EventScope event(*this);
  flush_dirty();  // before anything is deleted: what was written by then goes out
  // Objects handed over from here on wait for the next round: tasks put down before may still speak of them.
  deleting_.swap(deferred_deletes_);
  running_.swap(deferred_);
  for (auto& task : running_) {
    task();
    task = nullptr;
  }
  empty(running_);
  empty(deleting_);
}

void Loop::begin_event() noexcept {
  if (event_depth_++ != 0) return;
  event_ns_ = clock_.now_ns();
  if (one_event_) uv_stop(loop_.get());
}

// Writes of one turn go out together: each that is sent alone wakes its peer, which costs more than the sending. None
// waits for long, nor behind too many.
void Loop::end_event() {
  constexpr std::size_t kMaxDirty = 64;
  constexpr std::uint64_t kLongestWaitNs = 100'000;
  if (event_depth_ == 1 && first_dirty_ != nullptr) {
    if (dirty_count_ >= kMaxDirty || event_ns_ - dirty_since_ns_ >= kLongestWaitNs)
      flush_dirty();
    else
      turn_again();
  }
  --event_depth_;
}

void Loop::add_dirty(Stream& stream) noexcept {
  if (first_dirty_ == nullptr) dirty_since_ns_ = event_ns_;
  stream.dirty_link_ = last_dirty_;
  *last_dirty_ = &stream;
  last_dirty_ = &stream.next_dirty_;
  ++dirty_count_;
  if (event_depth_ == 0) turn_again();
}

void Loop::forget_dirty(Stream& stream) noexcept {
  if (stream.dirty_link_ == nullptr) return;
  *stream.dirty_link_ = stream.next_dirty_;
  (stream.next_dirty_ != nullptr ? stream.next_dirty_->dirty_link_ : last_dirty_) = stream.dirty_link_;
  stream.dirty_link_ = nullptr;
  stream.next_dirty_ = nullptr;
  --dirty_count_;
}

// One by one: a stream that fails tells its owner, which may write to others and destroy any of them.
void Loop::flush_dirty() {
  while (Stream* stream = first_dirty_) {
    forget_dirty(*stream);
    stream->end_of_event();
  }
}

}  // namespace postern::net

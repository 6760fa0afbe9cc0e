// Timer, Call, Work and post: what happens later. Timer, Call and Work own their work: destroying one cancels it, so
// keeping it in the exchange's State ends it with the exchange. Use them on the worker that started them.
#pragma once

#include <memory>
#include <span>
#include <stdexcept>
#include <type_traits>
#include <utility>

#include "postern/detail/exchange.h"
#include "postern/detail/fence.h"
#include "postern/text/ascii.h"

namespace postern {

// Monotonic milliseconds; the worker loop's cached time on a worker.
inline std::uint64_t now_ms() { return POSTERN_OFFERS(timer, now_ms) ? detail::host.timer->now_ms() : 0; }
// Wall clock, milliseconds since 1970.
inline std::uint64_t unix_ms() { return POSTERN_OFFERS(timer, unix_ms) ? detail::host.timer->unix_ms() : 0; }
// For measuring: monotonic nanoseconds that advance within a hook, too. Where the gateway is older, the time of the loop's turn.
inline std::uint64_t clock_ns() {
  return POSTERN_OFFERS(timer, clock_ns) ? detail::host.timer->clock_ns() : now_ms() * 1'000'000;
}
// Wall clock, nanoseconds since 1970.
inline std::uint64_t unix_ns() {
  return POSTERN_OFFERS(timer, unix_ns) ? detail::host.timer->unix_ns() : unix_ms() * 1'000'000;
}

// Index of the calling worker; -1 elsewhere.
inline std::int32_t worker() { return POSTERN_OFFERS(loop, worker) ? detail::host.loop->worker() : -1; }
inline std::uint32_t worker_count() {
  return POSTERN_OFFERS(loop, worker_count) ? detail::host.loop->worker_count() : 1;
}

namespace detail {

// A callback on the heap that may be thrown away while it runs (a timer that destroys itself when it fires).
template <class F>
struct Callback {
  postern_instance instance;
  std::string_view name;
  F function;
  bool running = false;
  bool dropped = false;

  template <class... Args>
  void operator()(Args&&... args) {
    running = true;
    fenced(instance, name, [&] { function(std::forward<Args>(args)...); });
    running = false;
    if (dropped) delete this;
  }
  static void drop(void* self) {
    auto* callback = static_cast<Callback*>(self);
    if (callback->running) {
      callback->dropped = true;
    } else {
      delete callback;
    }
  }
};

// Owns a handle of the gateway and the callback behind it.
class Pending {
 public:
  Pending() = default;
  Pending(std::uint64_t handle, void (*cancel)(std::uint64_t), void* callback, void (*drop)(void*))
      : handle_(handle), cancel_(cancel), callback_(callback), drop_(drop) {}
  Pending(Pending&& other) noexcept { swap(other); }
  Pending& operator=(Pending&& other) noexcept {
    Pending taken(std::move(other));
    swap(taken);
    return *this;
  }
  ~Pending() {
    if (callback_ == nullptr) return;
    cancel_(handle_);
    drop_(callback_);
  }
  explicit operator bool() const { return handle_ != 0; }

 private:
  void swap(Pending& other) noexcept {
    std::swap(handle_, other.handle_);
    std::swap(cancel_, other.cancel_);
    std::swap(callback_, other.callback_);
    std::swap(drop_, other.drop_);
  }
  std::uint64_t handle_ = 0;
  void (*cancel_)(std::uint64_t) = nullptr;
  void* callback_ = nullptr;
  void (*drop_)(void*) = nullptr;
};

}  // namespace detail

// Fires once after delay_ms, or again and again every repeat_ms. Empty when it could not be started (not on a worker).
class Timer : public detail::Pending {
 public:
  Timer() = default;
  template <class F>
  Timer(Instance instance, std::uint64_t delay_ms, F fire) : Timer(instance, delay_ms, 0, std::move(fire)) {}
  template <class F>
  static Timer every(Instance instance, std::uint64_t repeat_ms, F fire) {
    return Timer(instance, repeat_ms, repeat_ms, std::move(fire));
  }

 private:
  template <class F>
  Timer(Instance instance, std::uint64_t delay_ms, std::uint64_t repeat_ms, F fire) {
    using Held = detail::Callback<F>;
    if (!POSTERN_OFFERS(timer, start)) return;
    auto held = std::make_unique<Held>(Held{instance.raw(), "a timer", std::move(fire)});
    const postern_timer handle = detail::host.timer->start(
        instance.raw(), delay_ms, repeat_ms, [](void* user) { (*static_cast<Held*>(user))(); }, held.get());
    if (handle == 0) return;
    detail::Pending::operator=(detail::Pending(
        handle, [](std::uint64_t h) { detail::host.timer->cancel(h); }, held.release(), &Held::drop));
  }
};

// The answer to a call. Views are valid until the callback returns.
class CallResponse {
 public:
  explicit CallResponse(const postern_call_response& raw) : raw_(raw) {}
  Status result() const { return raw_.result; }  // the rest is meaningful when this is ok
  explicit operator bool() const { return raw_.result == POSTERN_OK; }
  std::uint32_t status() const { return raw_.status; }
  std::string_view body() const { return detail::to_view(raw_.body_view); }
  std::uint64_t header_count() const { return raw_.header_count; }
  Header header_at(std::uint64_t index) const {
    const postern_header& h = raw_.headers_view[index];
    return {detail::to_view(h.name), detail::to_view(h.value)};
  }
  // The first of that name, without regard to case.
  std::optional<std::string_view> header(std::string_view name) const {
    for (std::uint64_t i = 0; i < raw_.header_count; ++i) {
      if (same_ignoring_case(header_at(i).name, name)) return header_at(i).value;
    }
    return std::nullopt;
  }

 private:
  postern_call_response raw_;
};

// An HTTP request to a configured upstream. The gateway copies everything before start returns.
struct CallRequest {
  std::string_view upstream;
  std::string_view method = "GET";
  std::string_view target = "/";
  std::span<const Header> headers = {};
  std::string_view body = {};
  std::uint32_t timeout_ms = 0;         // 0: 30 s
  std::uint64_t max_response_body = 0;  // 0: 1 MiB
};

namespace detail {

static_assert(sizeof(Header) == 2 * sizeof(std::string_view));

template <class Done>
postern_call start_call(Instance instance, const CallRequest& request, Done done, void* user) {
  constexpr std::size_t kFewHeaders = 32;
  postern_header few[kFewHeaders];
  std::unique_ptr<postern_header[]> many;
  if (request.headers.size() > kFewHeaders) many = std::make_unique<postern_header[]>(request.headers.size());
  postern_header* headers = many ? many.get() : few;
  for (std::size_t i = 0; i < request.headers.size(); ++i) {
    headers[i] = {to_str(request.headers[i].name), to_str(request.headers[i].value)};
  }
  const postern_call_request raw = {sizeof(postern_call_request), request.timeout_ms,     to_str(request.upstream),
                                    to_str(request.method),       to_str(request.target), headers,
                                    request.headers.size(),       to_str(request.body),   request.max_response_body};
  return host.call->start(instance.raw(), &raw, done, user);
}

}  // namespace detail

// One HTTP call over the configured upstreams and their pools. `done(const CallResponse&)` is called once, never inside
// the constructor. Empty when the request is malformed or there is no such upstream.
class Call : public detail::Pending {
 public:
  Call() = default;
  template <class F>
  Call(Instance instance, const CallRequest& request, F done) {
    using Held = detail::Callback<F>;
    if (!POSTERN_OFFERS(call, start)) return;
    auto held = std::make_unique<Held>(Held{instance.raw(), "the end of a call", std::move(done)});
    const postern_call handle = detail::start_call(
        instance, request,
        [](void* user, const postern_call_response* response) { (*static_cast<Held*>(user))(CallResponse(*response)); },
        held.get());
    if (handle == 0) return;
    detail::Pending::operator=(detail::Pending(
        handle, [](std::uint64_t h) { detail::host.call->cancel(h); }, held.release(), &Held::drop));
  }
};

namespace detail {

// A job and what follows it. The Work and the gateway share it: a Work that is destroyed too late to cancel the job
// only forgets it.
struct JobBase {
  bool forgotten = false;                    // worker thread only
  std::shared_ptr<JobBase>* held = nullptr;  // the gateway's share, on the heap
  virtual ~JobBase() = default;
  virtual void run() = 0;                // on a pool thread
  virtual void done(Status status) = 0;  // on the worker

  static void on_work(void* user) { (*static_cast<std::shared_ptr<JobBase>*>(user))->run(); }
  static void on_done(void* user, postern_status status) {
    const std::unique_ptr<std::shared_ptr<JobBase>> share(static_cast<std::shared_ptr<JobBase>*>(user));
    if (!(*share)->forgotten) (*share)->done(status);
  }
};

template <class Run, class Done>
struct Job final : JobBase {
  postern_instance instance;
  Run run_function;
  Done done_function;
  Job(postern_instance owner, Run r, Done d)
      : instance(owner), run_function(std::move(r)), done_function(std::move(d)) {}
  void run() override {
    fenced(instance, "a job in the thread pool", [this] { run_function(); });
  }
  void done(Status status) override {
    forgotten = true;  // nothing is left to cancel
    fenced(instance, "the end of a job", [&] { call_done(status); });
  }
  void call_done(Status status) {
    if constexpr (std::is_invocable_v<Done&, Status>) {
      done_function(status);
    } else {
      if (status != POSTERN_OK) throw std::runtime_error("the job has failed");
      done_function();
    }
  }
};

}  // namespace detail

// A lane of the thread pool: `width` of its jobs run at the same time, `bound` may wait. The same name is the same lane for the whole
// process, and the largest width and bound that anybody asked for hold. Make it in `configure`. One that cannot be
// made (false: the ABI names the ranges) is the plugin's own lane, as Lane() is.
class Lane {
 public:
  Lane() = default;
  Lane(Instance instance, std::string_view name, std::uint32_t width, std::uint32_t bound)
      : number_(POSTERN_OFFERS(work, lane) ? detail::host.work->lane(instance.raw(), detail::to_str(name), width, bound)
                                           : 0) {}
  explicit operator bool() const { return number_ != 0; }
  std::uint32_t number() const { return number_; }

 private:
  std::uint32_t number_ = 0;
};

// `run()` on a thread of the pool, then `done(Status)` on this worker: POSTERN_E_FAILED when `run` threw. A `done()` that takes no status
// is only called when `run` succeeded; otherwise it counts as a callback that threw, so that an exchange that waits for it
// goes on with ERROR. Empty when the lane is full or this is no worker. A Work that is destroyed while `run` is already running lets
// it finish, so `run` must own what it uses.
class Work {
 public:
  Work() = default;
  template <class Run, class Done>
  Work(Instance instance, Run run, Done done) : Work(instance, Lane(), std::move(run), std::move(done)) {}
  template <class Run, class Done>
  Work(Instance instance, Lane lane, Run run, Done done) {
    if (!POSTERN_OFFERS(work, submit)) return;
    auto job = std::make_shared<detail::Job<Run, Done>>(instance.raw(), std::move(run), std::move(done));
    job->held = new std::shared_ptr<detail::JobBase>(job);
    task_ = detail::host.work->submit(instance.raw(), lane.number(), &detail::JobBase::on_work,
                                      &detail::JobBase::on_done, job->held);
    if (task_ == 0) {
      delete job->held;
    } else {
      job_ = std::move(job);
    }
  }
  Work(Work&&) = default;
  Work& operator=(Work&& other) noexcept {
    cancel();
    task_ = std::exchange(other.task_, 0);
    job_ = std::move(other.job_);
    return *this;
  }
  ~Work() { cancel(); }
  explicit operator bool() const { return job_ != nullptr; }

 private:
  void cancel() {
    if (job_ == nullptr || job_->forgotten) return;
    job_->forgotten = true;
    if (detail::host.work->cancel(task_) == POSTERN_OK) delete job_->held;
  }
  postern_task task_ = 0;
  std::shared_ptr<detail::JobBase> job_;
};

// [any thread] Runs `run` on that worker. POSTERN_E_GONE when the worker has stopped.
template <class F>
[[nodiscard]] Status post(Instance instance, std::uint32_t worker_index, F run) {
  struct Posted {
    postern_instance instance;
    F function;
  };
  if (!POSTERN_OFFERS(loop, post)) return POSTERN_E_STATE;
  auto posted = std::make_unique<Posted>(Posted{instance.raw(), std::move(run)});
  const postern_status status = detail::host.loop->post(
      instance.raw(), worker_index,
      [](void* user) {
        const std::unique_ptr<Posted> mine(static_cast<Posted*>(user));
        detail::fenced(mine->instance, "a posted function", [&] { mine->function(); });
      },
      posted.get());
  if (status == POSTERN_OK) posted.release();
  return status;
}

// Runs `code` now as code of `instance`, on a worker: fenced, timed and named as its own, and what it does to an exchange counts as done by
// it. For code of one plugin that another calls, and for callbacks of handles of one's own (libuv, hiredis). POSTERN_E_FAILED: it
// threw. POSTERN_E_GONE: the instance has stopped here, and `code` did not run.
template <class F>
Status run_as(Instance instance, F&& code) {
  if (!POSTERN_OFFERS(loop, run)) return POSTERN_E_STATE;
  using Code = std::remove_reference_t<F>;
  struct Run {
    postern_instance instance;
    Code* code;
  } call{instance.raw(), std::addressof(code)};
  return detail::host.loop->run(
      instance.raw(),
      [](void* user) {
        auto& made = *static_cast<Run*>(user);
        detail::fenced(made.instance, "a callback", [&] { (*made.code)(); });
      },
      &call);
}

}  // namespace postern

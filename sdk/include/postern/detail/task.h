// Task: a hook, or a part of one, that is written as a coroutine and waits with co_await.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

#include "postern/detail/basics.h"

namespace postern {

template <class T>
class Task;

namespace detail {

class Course;

// What code came to: a value, or what it threw.
template <class T>
class Outcome {
 public:
  template <class F>
  void set_by(F&& f) noexcept {
    try {
      if constexpr (std::is_void_v<T>) {
        f();
        value_ = true;
      } else {
        value_.emplace(f());
      }
    } catch (...) {
      thrown_ = std::current_exception();
    }
  }
  void set_thrown() noexcept { thrown_ = std::current_exception(); }
  T take() {
    if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
    if constexpr (!std::is_void_v<T>) return std::move(*value_);
  }

 private:
  std::conditional_t<std::is_void_v<T>, bool, std::optional<std::conditional_t<std::is_void_v<T>, int, T>>> value_{};
  std::exception_ptr thrown_;
};

// What all coroutines of one hook call have in common.
struct PromiseBase {
  Course* course = nullptr;              // of the hook call; handed on from task to task
  std::coroutine_handle<> continuation;  // who waits for this one; null for the hook's own

  std::suspend_always initial_suspend() noexcept { return {}; }
  struct Final {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> ended) noexcept {
      const std::coroutine_handle<> next = ended.promise().continuation;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };
  Final final_suspend() noexcept { return {}; }
};

template <class T>
struct Promise : PromiseBase {
  Outcome<T> outcome;
  Task<T> get_return_object();
  void unhandled_exception() noexcept { outcome.set_thrown(); }
  template <class U>
  void return_value(U&& value) {
    outcome.set_by([&]() -> T { return std::forward<U>(value); });
  }
};

template <>
struct Promise<void> : PromiseBase {
  Outcome<void> outcome;
  Task<void> get_return_object();
  void unhandled_exception() noexcept { outcome.set_thrown(); }
  void return_void() noexcept {}
};

}  // namespace detail

// `Task<Verdict> on_request(Exchange& x)` is a hook that may wait; a `Task<T>` that it awaits is a part of it. A task begins when it is
// awaited. Owns its frame: what is in it is destroyed with the task, wherever it waits.
template <class T>
class [[nodiscard]] Task {
 public:
  using promise_type = detail::Promise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Task(Handle handle) : handle_(handle) {}
  Task(Task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  Task& operator=(Task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Task() {
    if (handle_) handle_.destroy();
  }

  bool await_ready() const noexcept { return false; }
  template <class Promise>
  Handle await_suspend(std::coroutine_handle<Promise> waiting) noexcept {
    handle_.promise().course = waiting.promise().course;
    handle_.promise().continuation = waiting;
    return handle_;
  }
  T await_resume() { return handle_.promise().outcome.take(); }

  Handle handle() const { return handle_; }

 private:
  Handle handle_;
};

namespace detail {

template <class T>
Task<T> Promise<T>::get_return_object() {
  return Task<T>(std::coroutine_handle<Promise>::from_promise(*this));
}
inline Task<void> Promise<void>::get_return_object() {
  return Task<void>(std::coroutine_handle<Promise>::from_promise(*this));
}

}  // namespace detail
}  // namespace postern

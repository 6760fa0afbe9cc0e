// Hooks that plugins have resumed go on when no code of a plugin is on the stack of the worker any more: what a resumed exchange brings
// about (other hooks, an answer, its end) never happens in the middle of somebody's function, and no plugin is charged for it.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "exchange/plugin_frame.h"
#include "net/loop.h"

namespace postern::proxy {

class WorkerContext;

class Resumptions {
 public:
  // Lets the exchange or connection `handle` go on with its pause `number`; `handle` may have ended by then.
  using GoOn = void (*)(WorkerContext& worker, std::uint64_t handle, std::uint64_t number);

  Resumptions(WorkerContext& worker, net::Loop& loop) : worker_(worker), loop_(loop) {}
  Resumptions(const Resumptions&) = delete;
  Resumptions& operator=(const Resumptions&) = delete;

  void add(GoOn go_on, std::uint64_t handle, std::uint64_t number) {
    if (PluginFrame::top() == nullptr) return go_on(worker_, handle, number);
    waiting_.push_back({go_on, handle, number});
    if (!in_callback_ && waiting_.size() == 1) loop_.defer([this] { run(); });
  }

  void forget_all() noexcept { waiting_.clear(); }  // the worker goes

  // Around a callback that the loop makes: what is resumed in it goes on right behind it. Nothing inside of other code of a plugin.
  class Callback {
   public:
    explicit Callback(Resumptions& resumptions) noexcept
        : resumptions_(PluginFrame::top() == nullptr ? &resumptions : nullptr) {
      if (resumptions_ != nullptr) resumptions_->in_callback_ = true;
    }
    ~Callback() {
      if (resumptions_ == nullptr) return;
      resumptions_->in_callback_ = false;
      resumptions_->run();
    }
    Callback(const Callback&) = delete;
    Callback& operator=(const Callback&) = delete;

   private:
    Resumptions* resumptions_;
  };

 private:
  struct One {
    GoOn go_on;
    std::uint64_t handle, number;
  };
  void run() {
    if (waiting_.empty()) return;
    std::vector<One> now;
    now.swap(waiting_);
    for (const One& one : now) one.go_on(worker_, one.handle, one.number);
    now.clear();
    if (waiting_.empty()) waiting_.swap(now);  // keeps its memory
  }

  WorkerContext& worker_;
  net::Loop& loop_;
  bool in_callback_ = false;
  std::vector<One> waiting_;
};

}  // namespace postern::proxy

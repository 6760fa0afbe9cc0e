// calls-back: a service that runs what others give it from a timer of its own, as a client of a database does with its replies.
#include "calls_back.h"

#include <postern/plugin.h>

#include <vector>

namespace {

class CallsBack {
 public:
  static postern::Result<std::unique_ptr<CallsBack>> configure(postern::Setup& setup, postern::Node) {
    auto self = std::make_unique<CallsBack>();
    self->instance_ = setup.instance();
    setup.offers("calls-back", 1);
    return self;
  }
  postern::Status on_worker_start(std::uint32_t) {
    current = this;
    return postern::publish(instance_, "calls-back", &kService);
  }
  postern::Status on_worker_stop(std::uint32_t) {
    timer_ = {};
    return POSTERN_OK;
  }

 private:
  struct Waiting {
    void (*call)(void*);
    void* user;
  };
  static void call_later(void (*call)(void*), void* user) {
    current->waiting_.push_back({call, user});
    if (current->timer_) return;
    current->timer_ = postern::Timer(current->instance_, 1, [self = current] { self->call_all(); });
  }
  void call_all() {
    timer_ = {};
    for (const Waiting& one : std::exchange(waiting_, {})) one.call(one.user);
  }

  static inline CallsBack* current = nullptr;
  static constexpr calls_back::Service kService{sizeof(calls_back::Service), 1, call_later};
  postern::Instance instance_;
  std::vector<Waiting> waiting_;
  postern::Timer timer_;
};

}  // namespace

POSTERN_PLUGIN(CallsBack, "calls-back", "1.0.0", on_worker_start, on_worker_stop);

// acts: does what the header x-do asks for, so that scenarios see whom the gateway takes for the one who acts, and what comes of code that
// fails: in hooks, in callbacks, in code that another plugin ("calls-back") runs for it. Its end is in the log, with its trail.
#include <postern/plugin.h>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

#include "calls_back.h"

namespace {

using postern::Exchange;
using postern::Verdict;

class Acts {
 public:
  struct State {
    postern::Timer timer;
    postern::Work work;
    postern::Ticket ticket;
  };

  static postern::Result<std::unique_ptr<Acts>> configure(postern::Setup& setup, postern::Node config) {
    auto self = std::make_unique<Acts>();
    if (config["trail"].boolean()) setup.trail(POSTERN_TRAIL_HOOKS | POSTERN_TRAIL_ATTEMPTS);
    self->instance_ = setup.instance();
    return self;
  }

  Verdict on_request(Exchange& x, State& s) {
    const std::string what(x.request().headers().get("x-do").value_or(""));
    if (what == "respond and go on") return answer(x, Verdict::CONTINUE);
    if (what == "respond and fail") return answer(x, Verdict::ERROR);
    if (what == "respond and throw") {
      static_cast<void>(x.respond(403, "text/plain", "refused"));
      throw std::runtime_error("too late");
    }
    if (what == "respond with a wrong status") {
      static_cast<void>(x.respond(99, "text/plain", "refused"));
      return Verdict::CONTINUE;
    }
    if (what == "throw") throw std::runtime_error("on purpose");
    if (what == "stand still") std::this_thread::sleep_for(std::chrono::milliseconds(300));
    if (what == "throw at the end") throw_at_end(x);
    if (what == "throw in a timer") return later(x, s, [] { throw std::runtime_error("in a timer"); });
    if (what == "answer from a timer") return later(x, s, [x = x]() mutable { answer_with(x, 503); });
    if (what == "throw in a job") return job(x, s);
    if (what == "be called back") return call_back(x, s, [](Exchange own) { answer_with(own, 503); });
    if (what == "throw when called back")
      return call_back(x, s, [](Exchange) { throw std::runtime_error("called back"); });
    if (what == "change when called back") {
      return call_back(x, s, [](Exchange own) { static_cast<void>(own.request().headers().set("x-changed", "yes")); });
    }
    return Verdict::CONTINUE;
  }

  void on_complete(Exchange& x, State&, const postern::Completion& completion) {
    std::string steps;
    for (const postern_step& step : x.trail()) steps += described(step);
    x.log().info("over", {{"status", completion.status}, {"steps", steps}});
  }

 private:
  void throw_at_end(Exchange& x) const {
    static_cast<void>(x.on_end(
        instance_, [](void*) { throw std::runtime_error("at the end"); }, nullptr));
  }
  static Verdict answer(Exchange& x, Verdict verdict) {
    static_cast<void>(x.respond(403, "text/plain", "refused"));
    return verdict;
  }
  static void answer_with(Exchange& x, std::uint32_t status) {
    static_cast<void>(x.respond_error(status, "BUSY", "not now"));
  }
  template <class F>
  Verdict later(Exchange& x, State& s, F then) {
    s.ticket = x.pause();
    s.timer = postern::Timer(instance_, 1, [then, ticket = s.ticket]() mutable {
      then();
      ticket.resume(Verdict::RESPOND);
    });
    return Verdict::SUSPEND;
  }
  Verdict job(Exchange& x, State& s) {
    s.ticket = x.pause();
    s.work = postern::Work(
        instance_, [] {}, [] { throw std::runtime_error("behind a job"); });
    return Verdict::SUSPEND;
  }
  // What the service runs from its own timer is run as this instance's.
  template <class F>
  Verdict call_back(Exchange& x, State& s, F then) {
    struct Call {
      Acts* self;
      Exchange exchange;
      postern::Ticket ticket;
      F then;
    };
    const postern::Service<calls_back::Service> service(instance_, "calls-back", 1);
    if (!service) return Verdict::ERROR;
    s.ticket = x.pause();
    service->call_later(
        [](void* user) {
          const std::unique_ptr<Call> call(static_cast<Call*>(user));
          static_cast<void>(postern::run_as(call->self->instance_, [&] {
            call->then(call->exchange);
            call->ticket.resume(Verdict::CONTINUE);
          }));
        },
        new Call{this, x, s.ticket, then});
    return Verdict::SUSPEND;
  }

  static std::string described(const postern_step& step) {
    const std::string name(step.instance_view.ptr, step.instance_view.len);
    const std::string hook = step.hook == POSTERN_STEP_ATTEMPT ? "attempt" : std::to_string(step.hook);
    return name + "/" + hook + "=" + std::to_string(step.verdict) + "/" + std::to_string(step.wanted) + "/" +
           std::to_string(step.status) + (step.suspended_ns > 0 ? " waited; " : "; ");
  }

  postern::Instance instance_;
};

}  // namespace

extern "C" __attribute__((visibility("hidden"))) const postern_str postern_plugin_schema;
namespace {
constexpr char kSchema[] = R"({"type": "object", "additionalProperties": false, "properties": {
  "trail": {"type": "boolean", "default": false}}})";
}
const postern_str postern_plugin_schema = {kSchema, sizeof kSchema - 1};

POSTERN_PLUGIN(Acts, "acts", "1.0.0", on_request, on_complete);

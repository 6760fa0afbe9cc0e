// burner: computes for as many microseconds as its configuration says: in each hook, and in a timer while the request waits.
#include <postern/plugin.h>

#include <chrono>

namespace {

using postern::Exchange;
using postern::Verdict;

void burn(std::uint64_t us) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(us);
  while (us > 0 && std::chrono::steady_clock::now() < end) {
  }
}

class Burner {
 public:
  struct State {
    postern::Timer timer;
  };
  static postern::Result<std::unique_ptr<Burner>> configure(postern::Setup& setup, postern::Node config) {
    auto self = std::make_unique<Burner>();
    self->hook_us_ = static_cast<std::uint64_t>(config["hook"].integer());
    self->timer_us_ = static_cast<std::uint64_t>(config["timer"].integer());
    self->instance_ = setup.instance();
    return self;
  }
  Verdict on_request(Exchange& x, State& s) {
    burn(hook_us_);
    if (timer_us_ == 0) return Verdict::CONTINUE;
    s.timer = postern::Timer(instance_, 0, [this, ticket = x.pause()]() mutable {
      burn(timer_us_);
      ticket.resume();
    });
    return Verdict::SUSPEND;
  }
  Verdict on_response(Exchange&, State&) {
    burn(hook_us_);
    return Verdict::CONTINUE;
  }

 private:
  std::uint64_t hook_us_ = 0, timer_us_ = 0;
  postern::Instance instance_;
};

}  // namespace

extern "C" __attribute__((visibility("hidden"))) const postern_str postern_plugin_schema;
namespace {
constexpr char kSchema[] = R"({"type": "object", "additionalProperties": false, "properties": {
  "hook": {"type": "integer", "default": 0}, "timer": {"type": "integer", "default": 0}}})";
}
const postern_str postern_plugin_schema = {kSchema, sizeof kSchema - 1};

POSTERN_PLUGIN(Burner, "burner", "1.0.0", on_request, on_response);

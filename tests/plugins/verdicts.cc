// verdicts: ends the one hook that its configuration names in the way that it names, and goes on in all others.
// tests/scenarios/test_verdicts.py makes a case of every hook, every end and every body policy.
#include <postern/plugin.h>

#include <stdexcept>
#include <string>

namespace {

using postern::Exchange;
using postern::Verdict;

class Verdicts {
 public:
  struct State {
    postern::Timer timer;
  };

  Verdicts(postern::Setup& setup, postern::Node config)
      : hook_(config["hook"].string()), end_(config["end"].string()), later_(config["later"].boolean()) {
    const std::string_view body = config["body"].string();
    if (body == "none") setup.disable(POSTERN_HOOK_REQUEST_BODY | POSTERN_HOOK_RESPONSE_BODY);
    if (body == "stream") declare(setup, postern::BodyPolicy::stream());
    if (body == "buffer") declare(setup, postern::BodyPolicy::buffer(64 * 1024));
  }

  Verdict on_request_early(Exchange& x, State& s) { return act(x, s, "on_request_early"); }
  Verdict on_request(Exchange& x, State& s) { return act(x, s, "on_request"); }
  Verdict on_request_body(Exchange& x, State& s, postern::BodyPart) { return act(x, s, "on_request_body"); }
  Verdict on_upstream_select(Exchange& x, State& s) { return act(x, s, "on_upstream_select"); }
  Verdict on_upstream_request(Exchange& x, State& s) { return act(x, s, "on_upstream_request"); }
  void on_upstream_result(Exchange& x, State& s, const postern::UpstreamResult&) {
    (void)act(x, s, "on_upstream_result");
  }
  Verdict on_response(Exchange& x, State& s) { return act(x, s, "on_response"); }
  Verdict on_response_body(Exchange& x, State& s, postern::BodyPart) { return act(x, s, "on_response_body"); }
  void on_complete(Exchange& x, State& s, const postern::Completion&) {
    x.log().info("completed");
    (void)act(x, s, "on_complete");
  }

 private:
  static void declare(postern::Setup& setup, const postern::BodyPolicy& policy) {
    setup.request_body(policy);
    setup.response_body(policy);
  }

  Verdict act(Exchange& x, State& state, std::string_view hook) const {
    if (hook != hook_) return Verdict::CONTINUE;
    if (!later_ && end_ != "never") return end(x);
    const auto ticket = x.pause();
    if (later_) state.timer = postern::Timer(x.instance(), 1, [this, x, ticket] { ticket.resume(end(x)); });
    return Verdict::SUSPEND;
  }

  Verdict end(const Exchange& x) const {
    if (end_ == "throw") throw std::runtime_error("as the scenario wants");
    if (end_ == "respond") return x.respond(403, "text/plain", "mine");
    if (end_ == "abort") return Verdict::ABORT;
    return end_ == "error" ? Verdict::ERROR : Verdict::CONTINUE;
  }

  std::string hook_;
  std::string end_;
  bool later_;
};

}  // namespace

extern "C" __attribute__((visibility("hidden"))) const postern_str postern_plugin_schema;
namespace {
constexpr char kSchema[] = R"({"type": "object", "additionalProperties": false, "properties": {
  "hook": {"type": "string"}, "end": {"type": "string"}, "later": {"type": "boolean", "default": false},
  "body": {"enum": ["none", "stream", "buffer"]}}})";
}
const postern_str postern_plugin_schema = {kSchema, sizeof kSchema - 1};

POSTERN_PLUGIN(Verdicts, "verdicts", "1.0.0", on_request_early, on_request, on_request_body, on_upstream_select,
               on_upstream_request, on_upstream_result, on_response, on_response_body, on_complete);

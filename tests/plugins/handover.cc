// handover: its request-body hook waits until the hook that the configuration names resumes it, with the verdict that the
// configuration names. What the gateway then does, an answer in place of the upstream's or the end, happens inside that hook.
#include <postern/plugin.h>

#include <string>

namespace {

using postern::Exchange;
using postern::Verdict;

class Handover {
 public:
  struct State {
    postern::Ticket upload;
    postern::Timer timer;
    std::uint32_t selections = 0;
    bool answered = false;
  };

  Handover(postern::Setup& setup, postern::Node config)
      : hook_(config["in"].string()), verdict_(config["with"].string()), retries_(config["retry"].boolean()) {
    setup.request_body(postern::BodyPolicy::stream());
    const bool buffers = config["response"].string() == "buffer";
    setup.response_body(buffers ? postern::BodyPolicy::buffer(64 * 1024) : postern::BodyPolicy::stream());
  }

  Verdict on_request_body(Exchange& x, State& s, postern::BodyPart part) {
    if (s.upload || part.end()) return Verdict::CONTINUE;
    s.upload = x.pause();
    x.log().info("the upload waits");
    return Verdict::SUSPEND;
  }
  Verdict on_upstream_select(Exchange& x, State& s) {
    if (++s.selections > 1) hand_over(x, s, "on_upstream_select");
    return Verdict::CONTINUE;
  }
  void on_upstream_result(Exchange& x, State& s, const postern::UpstreamResult& result) {
    hand_over(x, s, "on_upstream_result");
    if (retries_ && result.retryable != 0) x.retry(0).or_fail();
  }
  Verdict on_response(Exchange& x, State& s) {
    hand_over(x, s, "on_response");
    return Verdict::CONTINUE;
  }
  // Over its own answer it waits a little, as any other hook may.
  Verdict on_response_body(Exchange& x, State& s, postern::BodyPart) {
    if (!s.answered) {
      hand_over(x, s, "on_response_body");
      return Verdict::CONTINUE;
    }
    s.timer = postern::Timer(x.instance(), 1, [ticket = x.pause()] { ticket.resume(); });
    return Verdict::SUSPEND;
  }

 private:
  void hand_over(Exchange& x, State& s, std::string_view hook) const {
    if (hook != hook_ || !s.upload || s.answered) return;
    s.answered = verdict_ == "respond";
    if (s.answered) (void)x.respond(403, "text/plain", "mine");
    s.upload.resume(s.answered ? Verdict::RESPOND : verdict_ == "abort" ? Verdict::ABORT : Verdict::ERROR);
  }

  std::string hook_, verdict_;
  bool retries_;
};

}  // namespace

extern "C" __attribute__((visibility("hidden"))) const postern_str postern_plugin_schema;
namespace {
constexpr char kSchema[] = R"({"type": "object", "additionalProperties": false, "properties": {
  "in": {"type": "string"}, "with": {"enum": ["respond", "abort", "error"]},
  "response": {"enum": ["buffer", "stream"], "default": "buffer"}, "retry": {"type": "boolean", "default": false}}})";
}
const postern_str postern_plugin_schema = {kSchema, sizeof kSchema - 1};

POSTERN_PLUGIN(Handover, "handover", "1.0.0", on_request_body, on_upstream_select, on_upstream_result, on_response,
               on_response_body);

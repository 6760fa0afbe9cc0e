// echo: tells the client what arrived; stands in for an upstream in examples and tests.
#include <postern/plugin.h>
#include <postern/text/json.h>

#include <string>

#include "echo.h"

namespace {

class Echo {
 public:
  struct State {
    std::string body;
    postern::Timer delay;
  };

  static postern::Result<std::unique_ptr<Echo>> configure(postern::Setup& setup, postern::Node config) {
    auto self = std::make_unique<Echo>();
    self->name_ = config["instance"].string();
    self->max_delay_ms_ = static_cast<std::uint64_t>(config["max_delay"].integer());
    auto limit = static_cast<std::uint64_t>(config["max_body"].integer());
    setup.request_body(postern::BodyPolicy::buffer(limit));
    return self;
  }

  postern::Verdict on_request_body(postern::Exchange&, State& state, postern::BodyPart part) {
    state.body = part.bytes;
    return postern::Verdict::CONTINUE;
  }
  // Where an upstream would be chosen the body, if there is one, is complete.
  postern::Verdict on_upstream_select(postern::Exchange& x, State& state) { return answer(x, state); }

 private:
  postern::Verdict answer(postern::Exchange& x, State& state) const {
    auto request = x.request();
    std::string headers = "{";
    for (auto header : request.headers()) {
      if (headers.size() > 1) headers += ',';
      postern::append_json(headers, header.name);
      headers += ':';
      postern::append_json(headers, header.value);
    }
    JsonObject json;
    json.add("instance", name_);
    json.add("method", request.method());
    json.add("path", request.path());
    json.add("query", request.query());
    json.add_raw("headers", headers + "}");
    json.add("body", state.body);
    auto status = static_cast<std::uint32_t>(query_number(request.query(), "status", 200, 599));
    auto verdict = x.respond(status < 200 ? 200 : status, "application/json", std::move(json).close());
    auto delay = query_number(request.query(), "delay", 0, max_delay_ms_);
    if (delay == 0) return verdict;
    auto ticket = x.pause();
    state.delay = postern::Timer(x.instance(), delay, [ticket] { ticket.resume(postern::Verdict::RESPOND); });
    return postern::Verdict::SUSPEND;
  }

  std::string name_;
  std::uint64_t max_delay_ms_ = 0;
};

}  // namespace

POSTERN_PLUGIN(Echo, "echo", "1.0.0", on_request_body, on_upstream_select);

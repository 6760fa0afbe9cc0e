// request-id: every exchange has an id, both ways.
#include <postern/plugin.h>

#include <array>
#include <optional>
#include <string>

#include "request_id.h"

namespace {

class RequestId {
 public:
  static postern::Result<std::unique_ptr<RequestId>> configure(postern::Setup& setup, postern::Node config) {
    auto self = std::make_unique<RequestId>();
    self->header_ = config["header"].string();
    self->correlation_header_ = config["correlation_header"].string();
    self->trust_client_ = config["trust_client"].boolean();
    self->id_ = setup.provides("request_id");
    self->correlation_ = setup.provides("correlation_id");
    setup.run_at_first_request_hook();
    return self;
  }

  postern::Verdict on_request_early(postern::Exchange& x) { return give_ids(x); }
  postern::Verdict on_request(postern::Exchange& x) { return give_ids(x); }

  postern::Verdict on_response(postern::Exchange& x) {
    const auto [id, correlation] = x.get(std::array{id_, correlation_});
    x.response().headers().set(header_, id.string().value_or("")).or_fail();
    x.response().headers().set(correlation_header_, correlation.string().value_or("")).or_fail();
    return postern::Verdict::CONTINUE;
  }

 private:
  postern::Verdict give_ids(postern::Exchange& x) const {
    auto headers = x.request().headers();
    std::optional<Uuid> made;
    auto id = headers.get(header_);
    if (!trust_client_ || !id || !is_request_id(*id)) {
      id = made.emplace().text();
      headers.set(header_, *id).or_fail();
    }
    x.set(id_, *id).or_fail();
    auto correlation = headers.get(correlation_header_);
    const bool sent = correlation && is_request_id(*correlation);
    x.set(correlation_, sent ? *correlation : *id).or_fail();
    if (!sent) headers.set(correlation_header_, *id).or_fail();
    return postern::Verdict::CONTINUE;
  }

  std::string header_;
  std::string correlation_header_;
  bool trust_client_ = false;
  postern::Variable id_;
  postern::Variable correlation_;
};

}  // namespace

POSTERN_PLUGIN(RequestId, "request-id", "1.0.0", on_request_early, on_request, on_response);

// headers: takes away, sets and adds headers of requests and responses.
#include <postern/plugin.h>

#include <memory>

#include "changer.h"
#include "config.h"

namespace {

class HeaderChanges {
 public:
  static postern::Result<std::unique_ptr<HeaderChanges>> configure(postern::Setup& setup, postern::Node config) {
    auto self = std::make_unique<HeaderChanges>(setup.instance());
    self->request_ = read_changes(setup, config["request"], Message::request);
    self->response_ = read_changes(setup, config["response"], Message::response);
    if (setup.failed()) return self;
    if (self->request_.empty() && self->response_.empty())
      return setup.error(config,
                         "it changes nothing: say what to remove, set or add under \"request\" or \"response\"");
    if (self->request_.empty()) setup.disable(POSTERN_HOOK_REQUEST);
    if (self->response_.empty()) setup.disable(POSTERN_HOOK_RESPONSE);
    return self;
  }

  explicit HeaderChanges(postern::Instance instance) : changer_(instance) {}

  postern::Verdict on_request(postern::Exchange& x) {
    return verdict(changer_.apply(request_, x, x.request().headers()));
  }
  postern::Verdict on_response(postern::Exchange& x) {
    return verdict(changer_.apply(response_, x, x.response().headers()));
  }

 private:
  static postern::Verdict verdict(bool done) { return done ? postern::Verdict::CONTINUE : postern::Verdict::ERROR; }

  Changer changer_;
  Changes request_;
  Changes response_;
};

}  // namespace

POSTERN_PLUGIN(HeaderChanges, "headers", "1.0.0", on_request, on_response);

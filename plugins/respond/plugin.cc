// respond: answers every request that reaches it, the same way each time.
#include <postern/plugin.h>

#include <string>
#include <vector>

namespace {

class Respond {
 public:
  static postern::Result<std::unique_ptr<Respond>> configure(postern::Setup& setup, postern::Node config) {
    auto self = std::make_unique<Respond>();
    self->status_ = static_cast<std::uint32_t>(config["status"].integer());
    self->content_type_ = config["content_type"].string();
    self->error_ = config["error"].string();
    self->body_ = setup.compile(config["body"]);
    if (self->status_ >= 400) setup.refuses(POSTERN_REFUSES_ANONYMOUS, "refuses every request");
    for (auto member : config["headers"].members()) {
      self->headers_.push_back({std::string(member.key), setup.compile(member.value)});
    }
    return self;
  }

  postern::Verdict on_request(postern::Exchange& x) {
    std::string_view body = x.expand(body_);
    auto verdict = error_.empty() ? x.respond(status_, content_type_, body) : x.respond_error(status_, error_, body);
    for (const auto& header : headers_) x.response().headers().set(header.name, x.expand(header.value)).ignore();
    return verdict;
  }

 private:
  struct Header {
    std::string name;
    postern::Template value;
  };
  std::uint32_t status_ = 0;
  std::string content_type_;
  std::string error_;
  postern::Template body_;
  std::vector<Header> headers_;
};

}  // namespace

POSTERN_PLUGIN(Respond, "respond", "1.0.0", on_request);

// hello: greets the upstream and the client, and answers /hello itself.
#include <postern/plugin.h>

namespace {

class Hello {
 public:
  // What the plugin remembers of one exchange.
  struct State {
    bool greeted = false;
  };

  // Reads the configuration, which the gateway has checked against schema.json.
  static postern::Result<std::unique_ptr<Hello>> configure(postern::Setup& setup, postern::Node config) {
    auto plugin = std::make_unique<Hello>();
    plugin->greeting_ = config["greeting"].string();
    if (plugin->greeting_.find('\n') != std::string::npos) {
      return setup.error(config["greeting"], "greeting must be a single line: it is sent as a header");
    }
    plugin->greetings_ =
        postern::Family<postern::Counter>(setup.instance(), "hello_greetings_total", "Requests greeted.").with();
    return plugin;
  }

  postern::Verdict on_request(postern::Exchange& x, State& state) {
    if (x.request().path() == "/hello") return x.respond(200, "text/plain", greeting_ + "\n");
    x.request().headers().set("x-hello", greeting_).or_fail();
    state.greeted = true;
    greetings_.add();
    return postern::Verdict::CONTINUE;
  }

  postern::Verdict on_response(postern::Exchange& x, State& state) {
    if (state.greeted) x.response().headers().set("x-hello", greeting_).or_fail();
    return postern::Verdict::CONTINUE;
  }

 private:
  std::string greeting_;
  postern::Counter greetings_;
};

}  // namespace

POSTERN_PLUGIN(Hello, "hello", "1.0.0", on_request, on_response);

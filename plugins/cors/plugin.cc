// cors: answers preflights, and tells browsers which origins may read a response (the Fetch standard).
#include <postern/plugin.h>

#include <memory>
#include <string_view>

#include "config.h"
#include "response_fields.h"

namespace {

constexpr std::string_view kAllowOrigin = "Access-Control-Allow-Origin";
constexpr std::string_view kAllowCredentials = "Access-Control-Allow-Credentials";
constexpr std::string_view kAllowMethods = "Access-Control-Allow-Methods";
constexpr std::string_view kAllowHeaders = "Access-Control-Allow-Headers";
constexpr std::string_view kExposeHeaders = "Access-Control-Expose-Headers";
constexpr std::string_view kMaxAge = "Access-Control-Max-Age";
constexpr std::string_view kRequestMethod = "Access-Control-Request-Method";
constexpr std::string_view kRequestHeaders = "Access-Control-Request-Headers";

class Cors {
 public:
  // Decided when the request comes: later plugins may change it on its way to the upstream.
  struct State {
    bool decided = false;
    bool preflight = false;
    std::string_view allowed;  // the value of Access-Control-Allow-Origin; empty: not allowed
  };

  static postern::Result<std::unique_ptr<Cors>> configure(postern::Setup& setup, postern::Node config) {
    auto self = std::make_unique<Cors>();
    self->config_ = read_config(setup, config);
    constexpr std::string_view kWhy = "a preflight has no credentials, and refusals must be readable for the page too";
    for (auto plugin : {"key-auth", "jwt", "rate-limit"}) setup.before(plugin, kWhy);
    return self;
  }

  postern::Verdict on_request(postern::Exchange& x, State& s) {
    decide(x, s);
    if (x.request().method() != "OPTIONS") return postern::Verdict::CONTINUE;
    auto headers = x.request().headers();
    auto method = headers.get(kRequestMethod);
    if (!method || !headers.contains("Origin")) return postern::Verdict::CONTINUE;  // an ordinary OPTIONS
    s.preflight = true;
    auto verdict = x.respond(204);
    answer_preflight(x, s, *method);
    return verdict;
  }

  postern::Verdict on_response(postern::Exchange& x, State& s) {
    if (s.preflight) return postern::Verdict::CONTINUE;
    decide(x, s);  // a plugin that answered before routing
    auto headers = x.response().headers();
    Present present = look_at(headers);
    if (present.cors) remove_permissions(headers);
    // Also when no origin was sent or it is not allowed: a shared cache must not give that answer to one that is.
    if (!present.vary_origin && !config_.origins.everybody()) headers.add("Vary", "Origin").or_fail();
    if (s.allowed.empty()) return postern::Verdict::CONTINUE;
    allow(headers, s);
    if (!config_.exposed.empty()) headers.set(kExposeHeaders, config_.exposed).or_fail();
    return postern::Verdict::CONTINUE;
  }

 private:
  void decide(const postern::Exchange& x, State& s) const {
    if (s.decided) return;
    s.decided = true;
    if (config_.origins.everybody()) {
      s.allowed = "*";
      return;
    }
    auto origin = x.request().headers().get("Origin");
    if (origin && config_.origins.allow(*origin)) s.allowed = x.keep(*origin);
  }

  // The same for every method and header that is asked for: the browser compares.
  void answer_preflight(const postern::Exchange& x, const State& s, std::string_view method) const {
    auto headers = x.response().headers();
    headers.set("Vary", "Origin, Access-Control-Request-Method, Access-Control-Request-Headers").or_fail();
    if (s.allowed.empty()) return;
    allow(headers, s);
    headers.set(kAllowMethods, config_.methods_as_asked ? method : std::string_view(config_.methods)).or_fail();
    std::string_view allowed = config_.headers;
    if (config_.headers_as_asked) allowed = x.request().headers().get(kRequestHeaders).value_or("");
    if (!allowed.empty()) headers.set(kAllowHeaders, allowed).or_fail();
    headers.set(kMaxAge, config_.max_age).or_fail();
  }

  void allow(const postern::Headers& headers, const State& s) const {
    headers.set(kAllowOrigin, s.allowed).or_fail();
    if (config_.credentials) headers.set(kAllowCredentials, "true").or_fail();
  }

  // What a response has already, found in one walk: most have nothing of it.
  struct Present {
    bool cors = false;
    bool vary_origin = false;
  };
  static Present look_at(const postern::Headers& headers) {
    Present present;
    for (auto header : headers) {
      if (is_cors(header.name)) present.cors = true;
      if (is_vary(header.name) && vary_names(header.value, "origin")) present.vary_origin = true;
    }
    return present;
  }
  static void remove_permissions(const postern::Headers& headers) {
    for (auto name : {kAllowOrigin, kAllowCredentials, kAllowMethods, kAllowHeaders, kExposeHeaders, kMaxAge})
      headers.remove(name);
  }

  CorsConfig config_;
};

}  // namespace

POSTERN_PLUGIN(Cors, "cors", "1.0.0", on_request, on_response);

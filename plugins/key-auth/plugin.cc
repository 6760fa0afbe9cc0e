// key-auth: lets in who brings a good API key, and says who that is.
#include <postern/plugin.h>
#include <postern/text.h>

#include <memory>

#include "config.h"
#include "credential.h"

namespace {

using postern::Verdict;

constexpr std::size_t kMaxKey = 1024;  // bytes; a longer one is wrong without being digested

// Everything in the configured places of one request that could be a key.
struct Credential {
  unsigned count = 0;
  std::string_view value;  // the last one, as it is written
  const Place* place = nullptr;

  void add(const Occurrences& found, const Place& where) {
    if (found.count == 0) return;
    count += found.count;
    value = found.value;
    place = &where;
  }
};

// Calls use(value) for each header of that name.
template <class Use>
void each_header(const postern::Headers& headers, std::string_view name, Use use) {
  if (!headers.contains(name)) return;
  for (auto header : headers)
    if (postern::same_ignoring_case(header.name, name)) use(header.value);
}

void look_into(const postern::Request& request, const Place& place, Credential& credential) {
  switch (place.kind) {
    case Place::Kind::header:
      return each_header(request.headers(), place.name, [&](auto value) { credential.add({1, value}, place); });
    case Place::Kind::query:
      return credential.add(find_parameters(request.query(), place.name), place);
    case Place::Kind::cookie:
      return each_header(request.headers(), "Cookie",
                         [&](auto value) { credential.add(find_cookies(value, place.name), place); });
  }
}

bool hide_parameter(postern::Exchange& x, std::string_view name) {
  auto query = x.request().query();
  auto* rest = static_cast<char*>(x.allocate(query.size()));
  return rest != nullptr && x.request().set_query(without_parameter(query, name, rest)).ok();
}

bool hide_cookie(postern::Exchange& x, std::string_view name) {
  auto headers = x.request().headers();
  std::size_t room = 0;
  each_header(headers, "Cookie", [&](auto value) { room += CookiesBut::room_for(value); });
  auto* memory = static_cast<char*>(x.allocate(room));
  if (memory == nullptr) return false;
  CookiesBut rest(name, memory);
  each_header(headers, "Cookie", [&](auto value) { rest.add(value); });
  return rest.text().empty() ? headers.remove("Cookie").ok() : headers.set("Cookie", rest.text()).ok();
}

bool hide(postern::Exchange& x, const Place& place) {
  if (place.kind == Place::Kind::query) return hide_parameter(x, place.name);
  if (place.kind == Place::Kind::cookie) return hide_cookie(x, place.name);
  return x.request().headers().remove(place.name).ok();
}

// One way to be refused.
struct Refusal {
  std::uint32_t status;
  std::string_view code, message, reason;
  postern::Counter counter;
};

class KeyAuth {
 public:
  static postern::Result<std::unique_ptr<KeyAuth>> configure(postern::Setup& setup, postern::Node config) {
    auto self = std::make_unique<KeyAuth>();
    self->settings_ = read_settings(setup, config);
    self->id_ = setup.provides("consumer.id");
    self->tier_ = setup.provides("consumer.tier");
    if (self->settings_.optional)
      setup.refuses(POSTERN_REFUSES_SOME, "refuses wrong API keys");
    else
      setup.refuses(POSTERN_REFUSES_ANONYMOUS, "wants an API key");
    self->client_ = setup.variable("client.ip");
    self->request_id_ = setup.variable("request_id");
    self->count_refusals(setup.instance());
    self->is_shadow_ = setup.instance().is_shadow();
    return self;
  }

  Verdict on_request(postern::Exchange& x) {
    Credential credential;
    for (const Place& place : settings_.from) look_into(x.request(), place, credential);
    if (credential.count == 0) return settings_.optional ? Verdict::CONTINUE : refuse(x, missing_);

    auto judged = judge(credential);
    // Also when it is refused: logs show the request as it is left here, and it may be a good key in a wrong place.
    if (settings_.hide && !hide_all(x, credential)) return fail(x, "the key could not be taken out of the request");
    if (judged.refusal != nullptr) return refuse(x, *judged.refusal);
    if (judged.consumer == nullptr) return fail(x, "libcrypto made no SHA-256");
    x.set(id_, judged.consumer->id).or_fail();
    if (!judged.consumer->tier.empty()) x.set(tier_, judged.consumer->tier).or_fail();
    return Verdict::CONTINUE;
  }

 private:
  void count_refusals(postern::Instance instance) {
    postern::Family<postern::Counter> failures(
        instance, "auth_failures_total", "Requests refused for their credentials.", {{"plugin", "reason"}, {}, 0});
    for (Refusal* refusal : {&missing_, &wrong_, &several_})
      refusal->counter = failures.with({"key-auth", refusal->reason});
  }

  // Who it is, or why not; neither when libcrypto failed.
  struct Judged {
    const Consumer* consumer = nullptr;
    const Refusal* refusal = nullptr;
  };
  Judged judge(const Credential& credential) {
    // The first of several may not be the one that the next hop believes: nobody chooses, all are refused.
    if (credential.count > 1) return {nullptr, &several_};
    char buffer[kMaxKey];
    bool encoded = credential.place->kind == Place::Kind::query;
    auto key = encoded ? decoded_value(credential.value, buffer) : credential.value;
    if (!key || key->size() > kMaxKey) return {nullptr, &wrong_};
    auto digest = sha256_.mine().of(*key);
    if (!digest) return {};
    const Consumer* consumer = settings_.keys.find(*digest);
    return {consumer, consumer == nullptr ? &wrong_ : nullptr};
  }

  bool hide_all(postern::Exchange& x, const Credential& credential) const {
    if (credential.count == 1) return hide(x, *credential.place);
    for (const Place& place : settings_.from) {
      Credential here;
      look_into(x.request(), place, here);
      if (here.count > 0 && !hide(x, place)) return false;
    }
    return true;
  }

  static Verdict fail(postern::Exchange& x, std::string_view why) {
    x.log().error(why);
    return Verdict::ERROR;
  }

  Verdict refuse(postern::Exchange& x, const Refusal& refusal) const {
    if (!is_shadow_) refusal.counter.add();
    x.log().info(is_shadow_ ? "request would be refused" : "request refused",
                 {{"event", "auth_failure"},
                  {"reason", refusal.reason},
                  {"request_id", x.get(request_id_).string().value_or("")},
                  {"client_ip", x.get(client_).string().value_or("")}});
    auto verdict = x.respond_error(refusal.status, refusal.code, refusal.message);
    if (refusal.status == 401) x.response().headers().set("WWW-Authenticate", settings_.challenge).or_fail();
    return verdict;
  }

  bool is_shadow_ = false;  // nobody is refused: the gateway counts who would have been
  Settings settings_;
  postern::Variable id_, tier_, client_, request_id_;
  Refusal missing_{401, "UNAUTHORIZED", "an API key is needed", "missing", postern::Counter()};
  Refusal wrong_{401, "AUTH_FAILED", "the API key is not valid", "wrong", postern::Counter()};
  Refusal several_{400, "BAD_REQUEST", "more than one API key", "several", postern::Counter()};
  postern::PerWorker<Sha256> sha256_;
};

}  // namespace

POSTERN_PLUGIN(KeyAuth, "key-auth", "1.0.0", on_request);

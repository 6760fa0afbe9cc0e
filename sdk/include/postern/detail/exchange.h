// Exchange: one request and its response, as hooks see them. Everything here is a view of the gateway's own data:
// reading a header allocates nothing. A std::string_view stays valid until the hook returns.
#pragma once

#include <array>
#include <cstddef>
#include <new>
#include <vector>

#include "postern/detail/open_range.h"
#include "postern/detail/value.h"

namespace postern {

struct Header {
  std::string_view name, value;
};

// The header list of one message, in order. Names compare without regard to case.
class Headers {
 public:
  class Iterator;
  Headers(postern_exchange x, std::uint32_t message) : x_(x), message_(message) {}

  // The first of that name.
  std::optional<std::string_view> get(std::string_view name) const {
    postern_str value = {};
    if (table().header_get(x_, message_, detail::to_str(name), &value) != POSTERN_OK) return std::nullopt;
    return detail::to_view(value);
  }
  bool contains(std::string_view name) const { return get(name).has_value(); }
  std::uint64_t size() const { return table().header_count(x_, message_); }
  Header at(std::uint64_t index) const {
    postern_header header = {};
    table().header_list(x_, message_, index, 1, &header);
    return {detail::to_view(header.name), detail::to_view(header.value)};
  }
  // Changing the list while walking over it is not allowed.
  Iterator begin() const;
  std::default_sentinel_t end() const { return {}; }

  // Replaces all of that name by one. When it fails the field is absent, so that nobody else's value passes for this one.
  [[nodiscard]] Status set(std::string_view name, std::string_view value) const {
    return table().header_set(x_, message_, detail::to_str(name), detail::to_str(value));
  }
  [[nodiscard]] Status add(std::string_view name, std::string_view value) const {
    return table().header_add(x_, message_, detail::to_str(name), detail::to_str(value));
  }
  // Takes all of that name away; POSTERN_E_NOT_FOUND when none was there.
  Status remove(std::string_view name) const { return table().header_remove(x_, message_, detail::to_str(name)); }

 private:
  static const postern_exchange_table& table() { return *detail::host.exchange; }
  postern_exchange x_;
  std::uint32_t message_;
};

// Asks the gateway for several headers at a time.
class Headers::Iterator {
 public:
  using value_type = Header;
  using difference_type = std::ptrdiff_t;
  using iterator_concept = std::input_iterator_tag;
  using reference = Header;

  explicit Iterator(const Headers& headers) : headers_(headers) { read(); }
  Header operator*() const { return {detail::to_view(some_[at_].name), detail::to_view(some_[at_].value)}; }
  Iterator& operator++() {
    if (++at_ == count_) read_on();
    return *this;
  }
  void operator++(int) { ++*this; }
  bool operator==(std::default_sentinel_t) const { return count_ == 0; }

 private:
  static constexpr std::uint64_t kSome = 16;
  void read_on() {
    const bool last = count_ < kSome;
    first_ += count_;
    at_ = count_ = 0;
    if (!last) read();
  }
  void read() { count_ = table().header_list(headers_.x_, headers_.message_, first_, kSome, some_); }

  Headers headers_;
  std::uint64_t first_ = 0, count_ = 0, at_ = 0;
  postern_header some_[kSome];
};

inline Headers::Iterator Headers::begin() const { return Iterator(*this); }

class Request {
 public:
  explicit Request(postern_exchange x) : x_(x) {}

  std::string_view method() const { return field(POSTERN_FIELD_METHOD); }
  std::string_view target() const { return field(POSTERN_FIELD_TARGET); }  // as received, before normalisation
  std::string_view path() const { return field(POSTERN_FIELD_PATH); }      // normalised, without the query
  std::string_view query() const { return field(POSTERN_FIELD_QUERY); }    // without '?'; empty when there is none
  std::string_view authority() const { return field(POSTERN_FIELD_AUTHORITY); }
  std::string_view scheme() const { return field(POSTERN_FIELD_SCHEME); }
  std::string_view protocol() const { return field(POSTERN_FIELD_PROTOCOL); }

  [[nodiscard]] Status set_method(std::string_view value) const { return set(POSTERN_FIELD_METHOD, value); }
  [[nodiscard]] Status set_path(std::string_view value) const { return set(POSTERN_FIELD_PATH, value); }
  [[nodiscard]] Status set_query(std::string_view value) const { return set(POSTERN_FIELD_QUERY, value); }
  [[nodiscard]] Status set_authority(std::string_view value) const { return set(POSTERN_FIELD_AUTHORITY, value); }

  Headers headers() const { return {x_, POSTERN_REQUEST}; }
  Headers trailers() const { return {x_, POSTERN_REQUEST_TRAILERS}; }

 private:
  std::string_view field(std::uint32_t which) const {
    postern_str value = {};
    detail::host.exchange->request_get(x_, which, &value);
    return detail::to_view(value);
  }
  Status set(std::uint32_t which, std::string_view value) const {
    return detail::host.exchange->request_set(x_, which, detail::to_str(value));
  }
  postern_exchange x_;
};

class Response {
 public:
  explicit Response(postern_exchange x) : x_(x) {}
  // 0 before there is a response.
  std::uint32_t status() const {
    std::uint32_t status = 0;
    return detail::host.exchange->status_get(x_, &status) == POSTERN_OK ? status : 0;
  }
  [[nodiscard]] Status set_status(std::uint32_t status) const { return detail::host.exchange->status_set(x_, status); }
  Headers headers() const { return {x_, POSTERN_RESPONSE}; }
  Headers trailers() const { return {x_, POSTERN_RESPONSE_TRAILERS}; }

 private:
  postern_exchange x_;
};

// A pause of one exchange. Copyable, usable on any thread; resuming late, twice or after the end is harmless.
class Ticket {
 public:
  Ticket() = default;
  explicit Ticket(postern_ticket raw) : raw_(raw) {}
  // POSTERN_E_GONE when there was nothing left to resume.
  Status resume(Verdict verdict = Verdict::CONTINUE) const {
    return detail::host.exchange->resume(raw_, static_cast<postern_verdict>(verdict));
  }
  // So much longer may this pause last, of the plugin's own choosing, before it counts as forgotten: up to ten minutes for one pause.
  Status wait_longer(std::uint32_t wait_ms) const {
    return POSTERN_OFFERS(exchange, pause_for) ? detail::host.exchange->pause_for(raw_, wait_ms) : POSTERN_E_STATE;
  }
  postern_ticket raw() const { return raw_; }
  explicit operator bool() const { return raw_.exchange != 0; }

 private:
  postern_ticket raw_ = {};
};

// A compiled "${...}" text; made in configure by Setup::compile, lives with its instance.
class Template {
 public:
  Template() = default;
  explicit Template(postern_template raw) : raw_(raw) {}
  postern_template raw() const { return raw_; }
  explicit operator bool() const { return raw_ != nullptr; }
  std::uint64_t variable_count() const { return raw_ ? detail::host.templates->variable_count(raw_) : 0; }
  std::string_view variable_at(std::uint64_t index) const {
    return detail::to_view(detail::host.templates->variable_at_view(raw_, index));
  }

 private:
  postern_template raw_ = nullptr;
};

// What became of a condition. `unjudged`: a regular expression exceeded its bounds, or there is no such exchange; a plugin refuses
// then, so that no client decides what it answers.
enum class Holds : std::uint8_t { no, yes, unjudged };

// A compiled condition in the language of `_: {when}`; made in configure by Setup::compile_expression, lives with its instance.
class Expression {
 public:
  Expression() = default;
  explicit Expression(postern_expression raw) : raw_(raw) {}
  postern_expression raw() const { return raw_; }
  explicit operator bool() const { return raw_ != nullptr; }  // there is one, whatever it says of an exchange

 private:
  postern_expression raw_ = nullptr;
};

// What a body hook is given: the whole body, the next chunk, or the first bytes of one that was too long.
struct BodyPart {
  std::string_view bytes;  // valid until the hook returns
  std::uint32_t flags = 0;
  bool end() const { return (flags & POSTERN_BODY_END) != 0; }
  bool whole() const { return (flags & POSTERN_BODY_WHOLE) != 0; }
  bool overflowed() const { return (flags & POSTERN_BODY_OVERFLOWED) != 0; }
};

// One body of an exchange: inside body hooks, and detach in any hook.
class Body {
 public:
  Body(postern_exchange x, std::uint32_t message) : x_(x), message_(message) {}
  // Replaces the bytes that the running body hook was given. Needs a policy with `modifies`.
  [[nodiscard]] Status replace(std::string_view bytes) const {
    return POSTERN_OFFERS(body, replace) ? detail::host.body->replace(x_, message_, detail::to_str(bytes))
                                         : POSTERN_E_STATE;
  }
  // From now on this instance sees no more of that body.
  Status detach() const {
    return POSTERN_OFFERS(body, detach) ? detail::host.body->detach(x_, message_) : POSTERN_E_STATE;
  }
  // Inside on_request_early and on_request: a body for a request that came without one. The instances behind this one see it.
  [[nodiscard]] Status give(std::string_view bytes) const {
    return POSTERN_OFFERS(body, give) ? detail::host.body->give(x_, message_, detail::to_str(bytes)) : POSTERN_E_STATE;
  }
  // This one as it passes, although the policy says BUFFER. Before the first of its hooks.
  [[nodiscard]] Status stream() const {
    return POSTERN_OFFERS(body, stream) ? detail::host.body->stream(x_, message_) : POSTERN_E_STATE;
  }

 private:
  postern_exchange x_;
  std::uint32_t message_;
};

struct Endpoint {
  std::uint32_t index = 0;
  std::string_view address;
  std::uint32_t weight = 0;
  bool available = false;
  std::uint64_t active = 0;  // exchanges in flight on this worker
};

using Completion = postern_completion;
using UpstreamResult = postern_upstream_result;

class Exchange {
 public:
  Exchange(postern_exchange raw, postern_instance instance) : raw_(raw), instance_(instance) {}

  postern_exchange raw() const { return raw_; }
  Instance instance() const { return Instance(instance_); }
  Log log() const { return Log(instance_); }

  Request request() const { return Request(raw_); }
  Response response() const { return Response(raw_); }
  Body request_body() const { return {raw_, POSTERN_REQUEST}; }
  Body response_body() const { return {raw_, POSTERN_RESPONSE}; }

  // Sets a local response; `return x.respond(...)`. Further headers go to response().headers() afterwards. ERROR when
  // the response head has gone out already.
  Verdict respond(std::uint32_t status, std::string_view content_type = {}, std::string_view body = {}) const {
    return answered(table().respond(raw_, status, detail::to_str(content_type), detail::to_str(body)));
  }
  // The same with the gateway's JSON error envelope. `code` is upper case: "FORBIDDEN".
  Verdict respond_error(std::uint32_t status, std::string_view code, std::string_view message,
                        std::uint32_t retry_after_s = 0) const {
    return answered(table().respond_error(raw_, status, detail::to_str(code), detail::to_str(message), retry_after_s));
  }
  Status set_origin(std::uint32_t origin) const { return table().set_origin(raw_, origin); }

  // Whether it holds for this exchange now. An empty one cannot be judged.
  Holds holds(Expression expression) const {
    if (!expression || !POSTERN_OFFERS(expressions, holds)) return Holds::unjudged;
    const std::int32_t answer = detail::host.expressions->holds(raw_, expression.raw());
    return answer < 0 ? Holds::unjudged : answer == 0 ? Holds::no : Holds::yes;
  }

  // Variables. A string is valid until the hook returns.
  Value get(Variable variable) const {
    postern_value value = {};
    if (table().variable_get(raw_, variable.id(), &value) != POSTERN_OK) return {};
    return Value(value);
  }
  // Several in one call, which costs less than as many calls.
  template <std::size_t N>
  std::array<Value, N> get(const std::array<Variable, N>& variables) const {
    std::array<std::uint32_t, N> ids;
    std::array<postern_value, N> raw;
    for (std::size_t i = 0; i < N; ++i) ids[i] = variables[i].id();
    if (!read_all(ids.data(), N, raw.data())) raw.fill({});
    std::array<Value, N> values;
    for (std::size_t i = 0; i < N; ++i) values[i] = Value(raw[i]);
    return values;
  }
  [[nodiscard]] Status set(Variable variable, const Value& value) const {
    return table().variable_set(raw_, variable.id(), &value.raw());
  }

  // Takes the ticket of the running hook, which must then return Verdict::SUSPEND. An empty ticket when the hook cannot
  // suspend.
  Ticket pause() const {
    postern_ticket ticket = {};
    if (table().pause(raw_, &ticket) != POSTERN_OK) return {};
    return Ticket(ticket);
  }
  // The same for a wait of the plugin's own choosing, which does not count against the hook's deadline: at most ten minutes.
  Ticket pause_for(std::uint32_t wait_ms) const {
    const Ticket ticket = pause();
    return ticket && ticket.wait_longer(wait_ms).ok() ? ticket : Ticket();
  }

  // The text lives in the exchange's arena, until the exchange ends.
  std::string_view expand(Template text) const {
    postern_str expanded = {};
    if (!POSTERN_OFFERS(templates, expand) || !text) return {};
    detail::host.templates->expand(raw_, text.raw(), &expanded);
    return detail::to_view(expanded);
  }

  postern_exchange_info info() const {
    postern_exchange_info info = {};
    info.struct_size = sizeof info;
    table().info(raw_, &info);
    return info;
  }

  // Zeroed memory of the exchange's arena, gone after on_complete. Null at 1 MiB in total.
  void* allocate(std::size_t size) const { return table().allocate(raw_, size); }
  // A copy of `text` in the exchange's arena; empty when that is full.
  std::string_view keep(std::string_view text) const {
    if (text.empty()) return {};
    char* bytes = static_cast<char*>(allocate(text.size()));
    if (bytes == nullptr) return {};
    text.copy(bytes, text.size());
    return {bytes, text.size()};
  }

  // Inside on_complete of an instance that has called setup.trail(): what happened, in the order in which it began.
  std::vector<postern_step> trail() const {
    constexpr std::uint64_t kPage = 32;
    std::vector<postern_step> steps;
    if (!POSTERN_OFFERS(exchange, trail)) return steps;
    for (std::uint64_t got = kPage; got == kPage;) {
      const std::size_t known = steps.size();
      steps.resize(known + kPage);
      got = table().trail(raw_, known, kPage, sizeof(postern_step), steps.data() + known);
      steps.resize(known + got);
    }
    return steps;
  }
  // Runs `done(user)` when the exchange ends, before on_complete.
  [[nodiscard]] Status on_end(Instance instance, void (*done)(void* user), void* user) const {
    return table().on_end(raw_, instance.raw(), done, user);
  }

  // Inside on_upstream_result: try again after delay_ms.
  [[nodiscard]] Status retry(std::uint32_t delay_ms) const { return table().retry(raw_, delay_ms); }

  // Endpoints of the exchange's upstream, numbered from 0.
  std::uint64_t endpoint_count() const {
    return POSTERN_OFFERS(upstream, endpoint_count) ? detail::host.upstream->endpoint_count(raw_) : 0;
  }
  std::optional<Endpoint> endpoint(std::uint64_t index) const {
    postern_endpoint e = {};
    e.struct_size = sizeof e;
    if (!POSTERN_OFFERS(upstream, endpoint_at) || detail::host.upstream->endpoint_at(raw_, index, &e) != POSTERN_OK) {
      return std::nullopt;
    }
    return Endpoint{e.index, detail::to_view(e.address_view), e.weight, e.available != 0, e.active};
  }
  // Inside on_upstream_select: go there instead of asking the balancer.
  [[nodiscard]] Status choose_endpoint(std::uint64_t index) const {
    return POSTERN_OFFERS(upstream, choose) ? detail::host.upstream->choose(raw_, index) : POSTERN_E_STATE;
  }
  // Before or inside on_upstream_select: another upstream by name.
  [[nodiscard]] Status choose_upstream(std::string_view name) const {
    return POSTERN_OFFERS(upstream, choose_upstream)
               ? detail::host.upstream->choose_upstream(raw_, detail::to_str(name))
               : POSTERN_E_STATE;
  }

 private:
  // One by one where the gateway is older than the call.
  bool read_all(const std::uint32_t* ids, std::size_t count, postern_value* values) const {
    if (POSTERN_OFFERS(exchange, variable_list)) return table().variable_list(raw_, ids, count, values) == POSTERN_OK;
    for (std::size_t i = 0; i < count; ++i)
      if (table().variable_get(raw_, ids[i], &values[i]) != POSTERN_OK) values[i] = {};
    return true;
  }
  static const postern_exchange_table& table() { return *detail::host.exchange; }
  static Verdict answered(postern_status status) { return status == POSTERN_OK ? Verdict::RESPOND : Verdict::ERROR; }

  postern_exchange raw_;
  postern_instance instance_;
};

namespace detail {
inline postern_exchange next_exchange(postern_exchange after) {
  return POSTERN_OFFERS(exchange, next) ? host.exchange->next(after) : 0;
}
}  // namespace detail

// The exchanges that are open on the calling worker, those of other generations too: `for (Exchange x : OpenExchanges(own))`.
// Reading is all that should be done to them. Empty off a worker, and on gateways that cannot tell.
using OpenExchanges = detail::OpenRange<Exchange, detail::next_exchange>;

}  // namespace postern

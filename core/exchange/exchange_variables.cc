// The exchange's variables: built-in ones read from what it knows, others kept as plugins set them.
#include <charconv>
#include <new>

#include "base/clock.h"
#include "exchange/exchange.h"
#include "exchange/worker_context.h"
#include "plan/template.h"

namespace postern::proxy {
namespace {

constexpr std::size_t kMaxVariables = 256;
constexpr std::string_view kOrigins[] = {"none", "upstream", "local", "cache"};

constexpr std::size_t kLatencyText = 24;  // the longest has 18 characters

// "12.3ms": three significant places are plenty for people; plugins that calculate use info().
std::string_view milliseconds_text(std::uint64_t ns, char* text) noexcept {
  char* end = std::to_chars(text, text + kLatencyText, (ns + 50'000) / 1'000'000).ptr;
  *end++ = '.';
  *end++ = static_cast<char>('0' + (ns + 50'000) / 100'000 % 10);
  *end++ = 'm';
  *end++ = 's';
  return {text, static_cast<std::size_t>(end - text)};
}

}  // namespace

// Long-lived exchanges reuse one buffer per latency variable, so that polling them does not grow the arena.
bool Exchange::is_watched() const noexcept { return relay_.head_sent() && acting() == nullptr; }

std::string_view Exchange::latency_text(LatencyOf which, std::uint64_t ns) const {
  Arena& arena = const_cast<Arena&>(x_.arena);  // text made on demand lives with the exchange
  if (!is_watched()) {
    char text[kLatencyText];
    return arena.copy(milliseconds_text(ns, text));
  }
  if (watched_texts_ == nullptr) watched_texts_ = arena.array<char>(2 * kLatencyText).data();
  return milliseconds_text(ns, watched_texts_ + (which == LatencyOf::exchange ? 0 : kLatencyText));
}

// For those the time of the event: what a hook reads twice is the same text.
std::uint64_t Exchange::latency_ns() const noexcept {
  return (is_watched() ? x_.loop().event_ns() : x_.loop().clock().now_ns()) - x_.started_ns;
}

Value Exchange::variable(VariableId id, const VariableInfo& info) const {
  if (info.builtin != nullptr) return x_.request != nullptr ? info.builtin->read(*this, info.argument) : Value{};
  for (const Variable* v = variables_; v != nullptr; v = v->before)
    if (v->id == id) return v->value;
  return {};
}

std::string_view Exchange::response_origin() const noexcept { return kOrigins[relay_.origin()]; }

std::optional<std::uint16_t> Exchange::client_port() const noexcept {
  return x_.client != nullptr ? std::optional(x_.client->client().peer_port()) : std::nullopt;
}

std::string_view Exchange::listener() const noexcept {
  return x_.client != nullptr ? x_.client->client().listener_name() : std::string_view{};
}

const net::TlsInfo* Exchange::client_tls() const noexcept {
  return x_.client != nullptr ? x_.client->client().tls() : nullptr;
}

std::string_view Exchange::tunnel() const noexcept {
  return upgrade_.has_tunnel() ? upgrade_.tunnel_protocol() : std::string_view{};
}

std::string_view Exchange::route_id() const noexcept {
  return x_.route != nullptr ? std::string_view(x_.route->config->id) : std::string_view{};
}

std::string_view Exchange::upstream_name() const noexcept {
  const UpstreamPlan* plan = attempts_.upstream_plan();
  return plan != nullptr ? std::string_view(plan->config.name) : std::string_view{};
}

std::string_view Exchange::upstream_latency() const {
  std::uint64_t ns = attempts_.duration_ns();
  return ns == 0 ? std::string_view{} : latency_text(LatencyOf::upstream, ns);
}

std::string_view Exchange::latency() const { return latency_text(LatencyOf::exchange, latency_ns()); }

std::optional<std::uint64_t> Exchange::generation_number() const noexcept { return x_.shared_plan().generation; }

std::optional<std::uint32_t> Exchange::worker_index() const noexcept { return x_.worker.index(); }

std::string_view Exchange::expand(const Template& text) { return text.expand(*this, x_.arena); }

postern_status Exchange::set_variable(VariableId id, const Value& value) {
  if (id == 0) return POSTERN_E_INVALID;
  Variable* place = variables_;
  while (place != nullptr && place->id != id) place = place->before;
  if (place == nullptr) {
    if (variable_count_ >= kMaxVariables) return POSTERN_E_LIMIT;
    ++variable_count_;
    place = variables_ = new (x_.arena.allocate(sizeof(Variable))) Variable{id, {}, variables_};
  }
  place->value = value;
  if (value.kind == Value::Kind::string) place->value.string = x_.arena.copy(value.string);
  return POSTERN_OK;
}

}  // namespace postern::proxy

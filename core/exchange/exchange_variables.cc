// The exchange's variables: built-in ones read from what it knows, others kept as plugins set them.
#include <postern/text/pairs.h>
#include <charconv>
#include <new>

#include "base/clock.h"
#include "client/client_connection.h"
#include "exchange/exchange.h"
#include "exchange/tls_values.h"
#include "http/message.h"
#include "plan/request_values.h"
#include "plan/template.h"
#include "server/worker.h"

namespace postern::proxy {
namespace {

constexpr std::size_t kMaxVariables = 256;
constexpr std::string_view kOrigins[] = {"none", "upstream", "local", "cache"};

Value text_or_none(std::optional<std::string_view> text) { return text ? Value::of(*text) : Value{}; }

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
bool Exchange::is_watched() const noexcept { return head_sent_ && running() == nullptr; }

std::string_view Exchange::latency_text(Builtin which, std::uint64_t ns) const {
  Arena& arena = const_cast<Arena&>(arena_);  // text made on demand lives with the exchange
  if (!is_watched()) {
    char text[kLatencyText];
    return arena.copy(milliseconds_text(ns, text));
  }
  if (watched_texts_ == nullptr) watched_texts_ = arena.array<char>(2 * kLatencyText).data();
  return milliseconds_text(ns, watched_texts_ + (which == Builtin::latency ? 0 : kLatencyText));
}

// For those the time of the event: what a hook reads twice is the same text.
std::uint64_t Exchange::latency_ns() const noexcept {
  return (is_watched() ? worker_.loop().event_ns() : system_clock().now_ns()) - started_ns_;
}

// What stands somewhere as it is; the rest is for made_variable().
Value Exchange::variable(VariableId id, const VariableInfo& info) const {
  if (info.builtin == Builtin::none) {
    for (const Variable* v = variables_; v != nullptr; v = v->before)
      if (v->id == id) return v->value;
    return {};
  }
  if (request_ == nullptr) return {};
  switch (info.builtin) {
    case Builtin::request_method:
      return Value::of(request_->method);
    case Builtin::request_path:
      return Value::of(request_->path);
    case Builtin::request_query:
      return Value::of(request_->query);
    case Builtin::request_scheme:
      return Value::of(request_->scheme);
    case Builtin::request_target:
      return Value::of(request_->target);
    case Builtin::response_status:
      return response_ != nullptr ? Value::of(static_cast<std::int64_t>(response_->status)) : Value{};
    case Builtin::client_ip:
      return Value::of(client_ip_);
    case Builtin::route_id:
      return route_ != nullptr ? Value::of(std::string_view(route_->config->id)) : Value{};
    case Builtin::upstream_name:
      return upstream_plan_ != nullptr ? Value::of(std::string_view(upstream_plan_->config.name)) : Value{};
    case Builtin::upstream_target:
      return endpoint_text_.empty() ? Value{} : Value::of(endpoint_text_);
    default:
      return made_variable(info);
  }
}

Value Exchange::made_variable(const VariableInfo& info) const {
  switch (info.builtin) {
    case Builtin::request_host:
      return Value::of(host_of(request_->authority));
    case Builtin::request_protocol:
      return Value::of(http::name_of(request_->version));
    case Builtin::request_header:
      return text_or_none(request_->headers.get(info.argument));
    case Builtin::request_cookie:
      return text_or_none(find_cookie(request_->headers, info.argument));
    case Builtin::request_query_parameter:
      return text_or_none(find_parameter(request_->query, info.argument));
    case Builtin::response_origin:
      return Value::of(kOrigins[origin_]);
    case Builtin::response_header:
      return response_ != nullptr ? text_or_none(response_->headers.get(info.argument)) : Value{};
    case Builtin::path_parameter:
      return text_or_none(PathParameters::find(path_parameters_, info.argument));
    case Builtin::client_port:
      return client_ != nullptr ? Value::of(static_cast<std::int64_t>(client_->connection().peer_port())) : Value{};
    case Builtin::listener_name:
      return client_ != nullptr ? Value::of(client_->connection().listener_name()) : Value{};
    case Builtin::tunnel_protocol:
      return is_tunnel() ? Value::of(tunnel_protocol()) : Value{};
    case Builtin::upstream_latency:
      return upstream_duration_ns_ == 0 ? Value{} : Value::of(latency_text(info.builtin, upstream_duration_ns_));
    case Builtin::latency:
      return Value::of(latency_text(info.builtin, latency_ns()));
    case Builtin::generation:
      return Value::of(static_cast<std::int64_t>(plan_.plan().generation));
    case Builtin::worker:
      return Value::of(static_cast<std::int64_t>(worker_.index()));
    case Builtin::tls_version:
    case Builtin::tls_cipher:
    case Builtin::tls_sni:
    case Builtin::tls_alpn:
    case Builtin::tls_resumed:
    case Builtin::client_cert_subject:
    case Builtin::client_cert_issuer:
    case Builtin::client_cert_san:
    case Builtin::client_cert_fingerprint:
    case Builtin::client_cert_serial:
    case Builtin::client_cert_not_before:
    case Builtin::client_cert_not_after:
    case Builtin::client_cert_verified:
      return client_ != nullptr ? tls_value(info.builtin, client_->connection().tls()) : Value{};
    case Builtin::none:  // these are variable()'s
    case Builtin::request_method:
    case Builtin::request_path:
    case Builtin::request_query:
    case Builtin::request_scheme:
    case Builtin::request_target:
    case Builtin::response_status:
    case Builtin::client_ip:
    case Builtin::route_id:
    case Builtin::upstream_name:
    case Builtin::upstream_target:
      break;
  }
  return {};
}

std::string_view Exchange::expand(const Template& text) { return text.expand(*this, arena_); }

postern_status Exchange::set_variable(VariableId id, const Value& value) {
  if (id == 0) return POSTERN_E_INVALID;
  Variable* place = variables_;
  while (place != nullptr && place->id != id) place = place->before;
  if (place == nullptr) {
    if (variable_count_ >= kMaxVariables) return POSTERN_E_LIMIT;
    ++variable_count_;
    place = variables_ = new (arena_.allocate(sizeof(Variable))) Variable{id, {}, variables_};
  }
  place->value = value;
  if (value.kind == Value::Kind::string) place->value.string = arena_.copy(value.string);
  return POSTERN_OK;
}

}  // namespace postern::proxy

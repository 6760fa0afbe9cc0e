#include "plan/builtin_variables.h"

#include <postern/text/pairs.h>

#include "plan/request_values.h"

namespace postern::proxy {
namespace {

using Kind = BuiltinVariable::Kind;
using Source = const VariableSource&;

Value text(std::string_view value) { return value.empty() ? Value{} : Value::of(value); }
Value text(std::optional<std::string_view> value) { return value ? Value::of(*value) : Value{}; }
template <class Number>
Value number(std::optional<Number> value) {
  return value ? Value::of(static_cast<std::int64_t>(*value)) : Value{};
}

template <class Read>
Value of_request(Source source, Read read) {
  const http::RequestHead* head = source.request_head();
  return head != nullptr ? read(*head) : Value{};
}
template <class Read>
Value of_response(Source source, Read read) {
  const http::ResponseHead* head = source.response_head();
  return head != nullptr ? read(*head) : Value{};
}
template <class Read>
Value of_tls(Source source, Read read) {
  const net::TlsInfo* tls = source.client_tls();
  return tls != nullptr ? read(*tls) : Value{};
}
template <class Read>
Value of_certificate(Source source, Read read) {
  const net::TlsInfo* tls = source.client_tls();
  return tls != nullptr && tls->peer != nullptr ? read(*tls->peer) : Value{};
}

constexpr BuiltinVariable kTable[] = {
    {"request.method", [](Source s, auto) { return of_request(s, [](auto& r) { return Value::of(r.method); }); },
     Kind::of_request},
    {"request.path", [](Source s, auto) { return of_request(s, [](auto& r) { return Value::of(r.path); }); },
     Kind::of_request},
    {"request.query", [](Source s, auto) { return of_request(s, [](auto& r) { return Value::of(r.query); }); },
     Kind::of_request},
    {"request.host",
     [](Source s, auto) { return of_request(s, [](auto& r) { return Value::of(host_of(r.authority)); }); },
     Kind::of_request},
    {"request.scheme", [](Source s, auto) { return of_request(s, [](auto& r) { return Value::of(r.scheme); }); },
     Kind::of_request},
    {"request.protocol",
     [](Source s, auto) { return of_request(s, [](auto& r) { return Value::of(http::name_of(r.version)); }); },
     Kind::of_request},
    {"request.target", [](Source s, auto) { return of_request(s, [](auto& r) { return Value::of(r.target); }); },
     Kind::of_request},
    {"request.header.",
     [](Source s, std::string_view name) { return of_request(s, [&](auto& r) { return text(r.headers.get(name)); }); },
     Kind::of_request},
    {"request.cookie.",
     [](Source s, std::string_view name) {
       return of_request(s, [&](auto& r) { return text(find_cookie(r.headers, name)); });
     },
     Kind::of_request},
    {"request.query.",
     [](Source s, std::string_view name) {
       return of_request(s, [&](auto& r) { return text(find_parameter(r.query, name)); });
     },
     Kind::of_request},
    {"path.", [](Source s, std::string_view name) { return text(s.path_parameter(name)); }, Kind::of_request},
    {"listener.name", [](Source s, auto) { return text(s.listener()); }, Kind::of_request},
    {"route.id", [](Source s, auto) { return text(s.route_id()); }, Kind::of_request},

    {"response.status",
     [](Source s, auto) {
       return of_response(s, [](auto& r) { return Value::of(static_cast<std::int64_t>(r.status)); });
     }},
    {"response.origin", [](Source s, auto) { return text(s.response_origin()); }},
    {"response.header.",
     [](Source s, std::string_view name) {
       return of_response(s, [&](auto& r) { return text(r.headers.get(name)); });
     }},

    {"client.ip", [](Source s, auto) { return text(s.client_ip()); }},
    {"client.port", [](Source s, auto) { return number(s.client_port()); }},
    {"tls.version", [](Source s, auto) { return of_tls(s, [](auto& t) { return Value::of(t.version); }); }},
    {"tls.cipher", [](Source s, auto) { return of_tls(s, [](auto& t) { return Value::of(t.cipher); }); }},
    {"tls.sni",
     [](Source s, auto) { return of_tls(s, [](auto& t) { return text(std::string_view(t.server_name)); }); }},
    {"tls.alpn", [](Source s, auto) { return of_tls(s, [](auto& t) { return text(std::string_view(t.alpn)); }); }},
    {"tls.resumed", [](Source s, auto) { return of_tls(s, [](auto& t) { return Value::of(t.resumed); }); }},
    {"client.cert.subject",
     [](Source s, auto) { return of_certificate(s, [](auto& c) { return text(std::string_view(c.subject)); }); }},
    {"client.cert.issuer",
     [](Source s, auto) { return of_certificate(s, [](auto& c) { return text(std::string_view(c.issuer)); }); }},
    {"client.cert.san",
     [](Source s, auto) { return of_certificate(s, [](auto& c) { return text(std::string_view(c.names)); }); }},
    {"client.cert.fingerprint",
     [](Source s, auto) { return of_certificate(s, [](auto& c) { return text(std::string_view(c.fingerprint)); }); }},
    {"client.cert.serial",
     [](Source s, auto) { return of_certificate(s, [](auto& c) { return text(std::string_view(c.serial)); }); }},
    {"client.cert.not_before",
     [](Source s, auto) { return of_certificate(s, [](auto& c) { return text(std::string_view(c.not_before)); }); }},
    {"client.cert.not_after",
     [](Source s, auto) { return of_certificate(s, [](auto& c) { return text(std::string_view(c.not_after)); }); }},
    {"client.cert.verified",
     [](Source s, auto) { return of_certificate(s, [](auto& c) { return Value::of(c.verified); }); }},

    {"tunnel.protocol", [](Source s, auto) { return text(s.tunnel()); }},
    {"upstream.name", [](Source s, auto) { return text(s.upstream_name()); }},
    {"upstream.target", [](Source s, auto) { return text(s.upstream_target()); }},
    {"attempts", [](Source s, auto) { return number(s.attempts()); }},
    {"error.code", [](Source s, auto) { return text(s.error_code()); }},
    {"error.message", [](Source s, auto) { return text(s.error_message()); }},
    {"error.cause", [](Source s, auto) { return text(s.error_cause()); }},
    {"upstream.latency", [](Source s, auto) { return text(s.upstream_latency()); }, Kind::made_to_order},
    {"latency", [](Source s, auto) { return text(s.latency()); }, Kind::made_to_order},
    {"generation", [](Source s, auto) { return number(s.generation_number()); }},
    {"worker", [](Source s, auto) { return number(s.worker_index()); }},
};

}  // namespace

std::span<const BuiltinVariable> builtin_variables() noexcept { return kTable; }

const BuiltinVariable* find_builtin_variable(std::string_view name) noexcept {
  for (const BuiltinVariable& variable : kTable) {
    bool fits = variable.is_family() ? name.size() > variable.name.size() && name.starts_with(variable.name)
                                     : name == variable.name;
    if (fits) return &variable;
  }
  return nullptr;
}

}  // namespace postern::proxy

// Variables: how plugins, templates, conditions and logs speak of an exchange. Typed and named; every name has one number
// for the life of the process, so that a lookup on the request path compares no strings.
//
// Built-in (read-only) names:
//   request.method .path .query .host .scheme .protocol .target   request.header.NAME  request.cookie.NAME  request.query.NAME
//   response.status .origin   response.header.NAME   path.NAME (route parameters)   client.ip .port   listener.name
//   tls.version .cipher .sni .alpn .resumed   client.cert.subject .issuer .san .fingerprint .serial .not_before .not_after
//   .verified (all unset without TLS, or without a certificate)
//   tunnel.protocol ("websocket"; unset while the exchange is none)   route.id   upstream.name .target .latency   latency ("12.3ms")   generation   worker
// Everything else is set by plugins: consumer.id, jwt.claims, ...
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace postern::proxy {

struct Value {
  enum class Kind : std::uint8_t { none, string, integer, number, boolean };
  Kind kind = Kind::none;
  std::int64_t integer = 0;  // integer; boolean as 0 or 1
  double number = 0;
  std::string_view string;  // valid as long as the exchange does not change

  static Value of(std::string_view text) { return {Kind::string, 0, 0, text}; }
  static Value of(std::int64_t i) { return {Kind::integer, i, 0, {}}; }
  static Value of(double d) { return {Kind::number, 0, d, {}}; }
  static Value of(bool b) { return {Kind::boolean, b ? 1 : 0, 0, {}}; }
};

using VariableId = std::uint32_t;

// [any thread] 0 when the name is malformed (abi.h, variable_id) or 65,535 names are in use.
VariableId variable_id(std::string_view name);

// What a variable's number means to the core. `argument` is the NAME part of the families.
enum class Builtin : std::uint8_t {
  none,  // a plugin's variable
  request_method,
  request_path,
  request_query,
  request_host,
  request_scheme,
  request_protocol,
  request_target,
  request_header,
  request_cookie,
  request_query_parameter,
  response_status,
  response_origin,
  response_header,
  path_parameter,
  client_ip,
  client_port,
  listener_name,
  tls_version,
  tls_cipher,
  tls_sni,
  tls_alpn,
  tls_resumed,
  client_cert_subject,
  client_cert_issuer,
  client_cert_san,
  client_cert_fingerprint,
  client_cert_serial,
  client_cert_not_before,
  client_cert_not_after,
  client_cert_verified,
  tunnel_protocol,
  route_id,
  upstream_name,
  upstream_target,
  upstream_latency,
  latency,
  generation,
  worker
};
// Those whose text takes memory of the exchange each time it is read.
constexpr bool is_made_on_demand(Builtin b) noexcept { return b == Builtin::latency || b == Builtin::upstream_latency; }

struct VariableInfo {
  Builtin builtin = Builtin::none;
  std::string_view argument;
  std::string_view name;
};

inline constexpr std::size_t kMaxVariableNames = 65'536;
namespace detail {
// By number. Written once, never changed and never freed, so that readers need no lock.
extern std::array<std::atomic<const VariableInfo*>, kMaxVariableNames> variables;
}  // namespace detail

// [any thread] What it gives lives for ever; null when variable_id has not given that number out.
inline const VariableInfo* find_variable(VariableId id) noexcept {
  return id < kMaxVariableNames ? detail::variables[id].load(std::memory_order_acquire) : nullptr;
}
inline const VariableInfo& variable_info(VariableId id) noexcept { return *find_variable(id); }  // id must be valid
inline std::string_view variable_name(VariableId id) noexcept { return variable_info(id).name; }

// Something that has variables: an exchange, or a test's table.
class VariableReader {
 public:
  virtual Value variable(VariableId id) const = 0;  // Kind::none when unset or unknown

 protected:
  ~VariableReader() = default;
};

}  // namespace postern::proxy

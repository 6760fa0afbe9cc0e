#include "plan/variables.h"

#include <mutex>
#include <string>
#include <unordered_map>

namespace postern::proxy {
namespace {

constexpr std::size_t kMaxNameLength = 128;

struct Exact {
  std::string_view name;
  Builtin builtin;
};
constexpr Exact kExact[] = {
    {"request.method", Builtin::request_method},
    {"request.path", Builtin::request_path},
    {"request.query", Builtin::request_query},
    {"request.host", Builtin::request_host},
    {"request.scheme", Builtin::request_scheme},
    {"request.protocol", Builtin::request_protocol},
    {"request.target", Builtin::request_target},
    {"response.status", Builtin::response_status},
    {"response.origin", Builtin::response_origin},
    {"client.ip", Builtin::client_ip},
    {"client.port", Builtin::client_port},
    {"listener.name", Builtin::listener_name},
    {"tls.version", Builtin::tls_version},
    {"tls.cipher", Builtin::tls_cipher},
    {"tls.sni", Builtin::tls_sni},
    {"tls.alpn", Builtin::tls_alpn},
    {"tls.resumed", Builtin::tls_resumed},
    {"client.cert.subject", Builtin::client_cert_subject},
    {"client.cert.issuer", Builtin::client_cert_issuer},
    {"client.cert.san", Builtin::client_cert_san},
    {"client.cert.fingerprint", Builtin::client_cert_fingerprint},
    {"client.cert.serial", Builtin::client_cert_serial},
    {"client.cert.not_before", Builtin::client_cert_not_before},
    {"client.cert.not_after", Builtin::client_cert_not_after},
    {"client.cert.verified", Builtin::client_cert_verified},
    {"tunnel.protocol", Builtin::tunnel_protocol},
    {"route.id", Builtin::route_id},
    {"upstream.name", Builtin::upstream_name},
    {"upstream.target", Builtin::upstream_target},
    {"upstream.latency", Builtin::upstream_latency},
    {"latency", Builtin::latency},
    {"generation", Builtin::generation},
    {"worker", Builtin::worker},
};
constexpr Exact kFamilies[] = {
    {"request.header.", Builtin::request_header},
    {"request.cookie.", Builtin::request_cookie},
    {"request.query.", Builtin::request_query_parameter},
    {"response.header.", Builtin::response_header},
    {"path.", Builtin::path_parameter},
};

VariableInfo classify(std::string_view name) {
  for (const auto& e : kExact)
    if (e.name == name) return {e.builtin, {}, name};
  for (const auto& f : kFamilies)
    if (name.size() > f.name.size() && name.starts_with(f.name)) return {f.builtin, name.substr(f.name.size()), name};
  return {Builtin::none, {}, name};
}

bool well_formed(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameLength) return false;
  for (char c : name) {
    bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    // Parameters, cookies and query keys are case-sensitive and come after their family's prefix.
    if (!good && !(c >= 'A' && c <= 'Z')) return false;
  }
  for (char c : name.substr(0, name.find('.')))
    if (c >= 'A' && c <= 'Z') return false;
  return true;
}

class Names {
 public:
  VariableId id(std::string_view name) {
    std::lock_guard lock(mutex_);
    if (auto found = ids_.find(std::string(name)); found != ids_.end()) return found->second;
    if (next_ >= detail::variables.size()) return 0;
    const auto& [kept, id] = *ids_.emplace(name, next_).first;
    detail::variables[id].store(new VariableInfo(classify(kept)), std::memory_order_release);
    ++next_;
    return id;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, VariableId> ids_;  // names stay where they are
  VariableId next_ = 1;
};

}  // namespace

constinit std::array<std::atomic<const VariableInfo*>, kMaxVariableNames> detail::variables{};

VariableId variable_id(std::string_view name) {
  static Names& names = *new Names;  // never destroyed: the views of its names live for ever
  return well_formed(name) ? names.id(name) : 0;
}

}  // namespace postern::proxy

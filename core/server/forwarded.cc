#include "server/forwarded.h"

#include <string>

namespace postern::server {
namespace {

constexpr std::string_view kFor = "X-Forwarded-For";
constexpr std::string_view kProto = "X-Forwarded-Proto";
constexpr std::string_view kHost = "X-Forwarded-Host";

// All X-Forwarded-For fields as one list; usually there is just one and nothing is copied.
std::string_view joined(const http::HeaderList& headers, std::string_view name) {
  std::string_view all;
  for (const auto& f : headers.fields()) {
    if (!http::same_name(f.name, name)) continue;
    all = all.empty() ? f.value
                      : headers.arena().append(headers.arena().append(headers.arena().copy(all), ", "), f.value);
  }
  return all;
}

bool is_forwarded_field(std::string_view name) {
  if (name.size() < 9 || (name[0] | 0x20) > 'x') return false;
  return http::same_name(name, kFor) || http::same_name(name, kProto) || http::same_name(name, kHost) ||
         http::same_name(name, "X-Forwarded-Port") || http::same_name(name, "Forwarded") ||
         http::same_name(name, "X-Real-IP");
}

}  // namespace

std::string_view real_client(const TrustedProxies& trusted, std::string_view peer, const http::HeaderList& headers) {
  if (trusted.empty() || !trusted.trusts(peer)) return peer;
  return trusted.client(peer, joined(headers, kFor));
}

void add_forwarded(const TrustedProxies& trusted, std::string_view peer, const http::RequestHead& request,
                   http::RequestHead& upstream) {
  Arena& arena = upstream.headers.arena();
  if (trusted.empty() || !trusted.trusts(peer)) {
    upstream.headers.remove_if([](const http::Field& f) { return is_forwarded_field(f.name); });
    upstream.headers.add_view(kFor, peer);
    upstream.headers.add_view(kProto, request.scheme);
    if (!request.authority.empty()) upstream.headers.add_view(kHost, request.authority);
    return;
  }
  std::string_view before = joined(request.headers, kFor);
  std::string_view chain = before.empty() ? peer : arena.append(arena.append(arena.copy(before), ", "), peer);
  upstream.headers.set_view(kFor, chain);
  if (upstream.headers.find(kProto) == nullptr) upstream.headers.add_view(kProto, request.scheme);
  if (upstream.headers.find(kHost) == nullptr && !request.authority.empty()) {
    upstream.headers.add_view(kHost, request.authority);
  }
}

}  // namespace postern::server

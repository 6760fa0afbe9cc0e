#include "plan/forwarded.h"

#include <postern/text/ascii.h>

#include <string>

namespace postern::proxy {
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

// Names as CGI and its heirs see them: there '-' and '_' are the same.
bool begins_like(std::string_view name, std::string_view lower) {
  auto folded = [](char c) { return c == '_' ? '-' : to_lower(c); };
  if (name.size() < lower.size()) return false;
  for (std::size_t i = 0; i < lower.size(); ++i)
    if (folded(name[i]) != lower[i]) return false;
  return true;
}

// What upstreams commonly take for the word of a proxy about the client.
bool is_forwarded_field(std::string_view name) {
  char first = name.empty() ? '\0' : to_lower(name.front());
  if (first != 'x' && first != 'f' && first != 't') return false;
  auto is = [&](std::string_view lower) { return name.size() == lower.size() && begins_like(name, lower); };
  return begins_like(name, "x-forwarded-") || is("forwarded") || is("x-real-ip") || is("true-client-ip");
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

}  // namespace postern::proxy

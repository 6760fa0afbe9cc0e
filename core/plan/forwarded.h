// X-Forwarded-*: who the client really is, and what upstreams are told about it.
#pragma once

#include <string_view>

#include "http/message.h"
#include "plan/trusted_proxies.h"

namespace postern::proxy {

// The client's address: the peer, or what a trusted peer says. Valid as long as `peer` and `headers`.
std::string_view real_client(const TrustedProxies& trusted, std::string_view peer, const http::HeaderList& headers);

// Sets X-Forwarded-For, -Proto and -Host on the upstream's head. What a client claims is dropped, Forwarded (RFC 7239) too,
// unless the peer is trusted: then the chain is continued.
void add_forwarded(const TrustedProxies& trusted, std::string_view peer, const http::RequestHead& request,
                   http::RequestHead& upstream);

}  // namespace postern::proxy

// What the contexts of both sides have in common. Internal to core/net.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"
#include "net/openssl.h"

namespace postern::net {

// One context's way into the configuration: problems get the place of what is being read.
struct TlsReport {
  const config::Position& position;
  std::string path;
  config::Problems& problems;
  void problem(std::string text) const { problems.push_back({position, path, std::move(text)}); }
};

// Versions, ciphers and groups; an idle connection keeps no buffers. Null: out of memory.
OwnedContext new_context(const SSL_METHOD* method, config::TlsVersion min_version, bool session_tickets);
// The pair and its chain. Warns of what is suspicious. Empty: `report` has the problem.
bool use_certificate(SSL_CTX* context, const std::string& cert, const std::string& key, const TlsReport& report);
std::string alpn_wire(const std::vector<std::string>& protocols);

}  // namespace postern::net

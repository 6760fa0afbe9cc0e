// What a TLS connection has agreed on, and who its peer is. Knows nothing of OpenSSL.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace postern::net {

// The certificate that the peer has shown and that has been verified.
struct TlsPeer {
  std::string subject;  // RFC 2253: "CN=alice,O=Example"
  std::string issuer;   // the same
  std::string names;    // subject alternative names: "DNS:a.example,IP:192.0.2.1,URI:spiffe://x/y,email:a@b.example"
  std::string fingerprint;  // SHA-256 of the certificate, 64 lower-case hex digits
  std::string serial;       // hex digits, upper case
  std::string not_before;   // "2026-11-21T10:00:00Z"
  std::string not_after;
  std::string pem;        // the certificate itself
  bool verified = false;  // false only for upstreams with verify: false
};

struct TlsInfo {
  std::string_view version;  // "TLSv1.3"
  std::string_view cipher;   // "TLS_AES_128_GCM_SHA256"
  std::string alpn;          // "http/1.1"; empty: none agreed on
  std::string server_name;   // SNI, in lower case; empty: none, or not a host name
  bool resumed = false;
  std::unique_ptr<const TlsPeer> peer;  // null: no certificate was asked for or shown
};

}  // namespace postern::net

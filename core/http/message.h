// Heads of requests and responses, the same for every protocol version.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/headers.h"

namespace postern::http {

enum class Version : std::uint8_t { http10, http11, http2 };
std::string_view name_of(Version version) noexcept;  // "HTTP/1.1"

// How long a body is said to be. `until_close` occurs in HTTP/1 responses only.
enum class BodyKind : std::uint8_t { none, length, chunked, until_close };
struct BodyFraming {
  BodyKind kind = BodyKind::none;
  std::uint64_t length = 0;  // for `length`
};
// Nothing follows the head.
constexpr bool is_empty(const BodyFraming& body) noexcept {
  return body.kind == BodyKind::none || (body.kind == BodyKind::length && body.length == 0);
}

// A request as the gateway understood it. Views point into the arena of `headers`.
struct RequestHead {
  explicit RequestHead(Arena& arena) noexcept : headers(arena) {}

  std::string_view method;     // "GET"; a token, at most 32 bytes
  std::string_view target;     // origin-form as received: path and query, before normalisation; "*" for OPTIONS *
  std::string_view path;       // normalised (http/target.h)
  std::string_view query;      // without '?'
  std::string_view authority;  // lower case, port kept; empty only for HTTP/1.0 without Host
  std::string_view scheme = "http";
  Version version = Version::http11;
  BodyFraming body;
  bool keep_alive = true;             // the client wishes to go on with this connection (HTTP/1)
  bool expect_continue = false;       // 100-continue is awaited
  bool upgrade = false;               // Connection: upgrade with an Upgrade field
  std::string_view upgrade_protocol;  // value of Upgrade: "websocket"; written to the upstream when `upgrade` is set
  // HTTP/2: an extended CONNECT (RFC 8441). `method` is GET and `upgrade` set, as if the client had asked in HTTP/1.
  bool extended_connect = false;
  bool te_trailers = false;  // TE: trailers, which HTTP/2 writes again (gRPC servers ask for it)
  // End-to-end fields and Host. Gone already: hop-by-hop fields (RFC 9110 section 7.6.1), and what `body` and
  // `expect_continue` say: Content-Length, Transfer-Encoding, Expect. The codec writes those again.
  HeaderList headers;
  std::uint32_t wire_bytes = 0;  // size of the head as received
};

struct ResponseHead {
  explicit ResponseHead(Arena& arena) noexcept : headers(arena) {}

  std::uint16_t status = 0;
  std::string_view reason;  // HTTP/1 only; empty: the standard phrase
  Version version = Version::http11;
  BodyFraming body;
  bool keep_alive = true;             // the upstream keeps the connection (HTTP/1)
  bool upgrade = false;               // 101: all that follows is the other protocol, as body until close
  std::string_view upgrade_protocol;  // value of Upgrade, for 101
  HeaderList headers;                 // hop-by-hop fields and framing already removed
  std::uint32_t wire_bytes = 0;
};

std::string_view reason_phrase(std::uint16_t status) noexcept;  // "Not Found"; "Unknown" for others

}  // namespace postern::http

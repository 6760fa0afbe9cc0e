// The fields that HTTP/1 itself acts on: framing, routing and connection options.
#pragma once

#include <cstdint>
#include <string_view>

namespace postern::http {

enum class KnownField : std::uint8_t {
  other,
  connection,
  content_length,
  expect,
  host,
  keep_alive,
  proxy_connection,
  te,
  trailer,
  transfer_encoding,
  upgrade,
};

KnownField known_field(std::string_view name) noexcept;

}  // namespace postern::http

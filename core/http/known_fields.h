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

namespace detail {
KnownField known_field_of_length(std::string_view name) noexcept;
}

inline KnownField known_field(std::string_view name) noexcept {
  constexpr std::uint32_t kLengths = 1u << 2 | 1u << 4 | 1u << 6 | 1u << 7 | 1u << 10 | 1u << 14 | 1u << 16 | 1u << 17;
  bool may_be = name.size() <= 17 && (kLengths >> name.size() & 1) != 0;
  return may_be ? detail::known_field_of_length(name) : KnownField::other;
}

}  // namespace postern::http

// The fields that HTTP/1 itself acts on: framing, routing and connection options.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "http/headers.h"

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

struct Known {
  std::string_view name;
  KnownField field = KnownField::other;
};

constexpr std::array<Known, 10> kKnown = {{{"Connection", KnownField::connection},
                                           {"Content-Length", KnownField::content_length},
                                           {"Expect", KnownField::expect},
                                           {"Host", KnownField::host},
                                           {"Keep-Alive", KnownField::keep_alive},
                                           {"Proxy-Connection", KnownField::proxy_connection},
                                           {"TE", KnownField::te},
                                           {"Trailer", KnownField::trailer},
                                           {"Transfer-Encoding", KnownField::transfer_encoding},
                                           {"Upgrade", KnownField::upgrade}}};

// Each has a place of its own, by its length and its first letter. `name` is not empty.
constexpr std::size_t place_of(std::string_view name) noexcept {
  return (name.size() - static_cast<std::size_t>(name.front() & 0x1f)) % 16;
}

constexpr std::array<Known, 16> place_known() {
  std::array<Known, 16> places{};
  for (const Known& known : kKnown) {
    Known& place = places[place_of(known.name)];
    if (place.field != KnownField::other) throw "two known fields have one place";
    place = known;
  }
  return places;
}

inline constexpr std::array<Known, 16> kPlaces = place_known();

}  // namespace detail

inline KnownField known_field(std::string_view name) noexcept {
  if (name.empty()) return KnownField::other;
  const detail::Known& known = detail::kPlaces[detail::place_of(name)];
  return same_name(name, known.name) ? known.field : KnownField::other;
}

}  // namespace postern::http

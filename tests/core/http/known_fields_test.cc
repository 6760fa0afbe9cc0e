#include "http/known_fields.h"

#include <doctest/doctest.h>

#include <string>

using namespace postern::http;

TEST_CASE("the fields that HTTP/1 acts on are known in any case of their letters") {
  for (const auto& known : detail::kKnown) {
    CAPTURE(known.name);
    CHECK(known_field(known.name) == known.field);
    std::string upper;
    for (char c : known.name) upper += c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
    CHECK(known_field(upper) == known.field);
  }
}

TEST_CASE("what differs from them in a byte or in length is not") {
  CHECK(known_field("") == KnownField::other);
  for (const auto& known : detail::kKnown) {
    CAPTURE(known.name);
    CHECK(known_field(std::string(known.name) + "s") == KnownField::other);
    CHECK(known_field(known.name.substr(1)) == KnownField::other);
    for (std::size_t i = 0; i < known.name.size(); ++i) {
      std::string other(known.name);
      other[i] = '_';
      CHECK(known_field(other) == KnownField::other);
    }
  }
}

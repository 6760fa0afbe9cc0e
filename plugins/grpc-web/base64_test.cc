#include "base64.h"

#include <doctest/doctest.h>

#include <optional>

namespace {

// In pieces of `size` characters; nothing when it is refused or ends within a group.
std::optional<std::string> decoded(std::string_view text, std::size_t size) {
  Base64Decoder decoder;
  std::string bytes;
  for (std::size_t at = 0; at < text.size(); at += size)
    if (!decoder.decode(text.substr(at, size), bytes)) return std::nullopt;
  if (!decoder.at_boundary()) return std::nullopt;
  return bytes;
}

std::string encoded(std::string_view bytes) {
  std::string text;
  append_base64(text, bytes);
  return text;
}

}  // namespace

TEST_CASE("the examples of RFC 4648, and back") {
  constexpr std::string_view kExamples[][2] = {{"", ""},
                                               {"f", "Zg=="},
                                               {"fo", "Zm8="},
                                               {"foo", "Zm9v"},
                                               {"foob", "Zm9vYg=="},
                                               {"fooba", "Zm9vYmE="},
                                               {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, text] : kExamples) {
    CHECK(encoded(plain) == text);
    for (std::size_t size = 1; size <= 5; ++size) CHECK(decoded(text, size) == plain);
  }
}

TEST_CASE("every byte survives, however the text is cut") {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (std::size_t size : {1, 2, 3, 4, 7, 64, 1000}) CHECK(decoded(encoded(all), size) == all);
}

TEST_CASE("padding may stand inside, where a sender flushed") {
  for (std::size_t size = 1; size <= 9; ++size) CHECK(decoded("Zg==Zm8=Zm9v", size) == "ffofoo");
}

TEST_CASE("what is not base64 is refused") {
  for (std::string_view text :
       {"=", "Z", "Zg", "Zg=", "Z===", "Zg=v", "====", "Zm9v\n", "Zm 9v", "Zm-_", "Zm9\x80", "Zm9vZg"})
    for (std::size_t size = 1; size <= 5; ++size) CHECK_FALSE(decoded(text, size).has_value());
}

#include <doctest/doctest.h>
#include <postern/text/base64.h>

using namespace postern;

TEST_CASE("base64: the examples of RFC 4648, and back") {
  constexpr std::string_view kExamples[][3] = {{"", "", ""},
                                               {"f", "Zg==", "Zg"},
                                               {"fo", "Zm8=", "Zm8"},
                                               {"foo", "Zm9v", "Zm9v"},
                                               {"\xfb\xef\xff", "++//", "--__"}};
  for (const auto& [plain, padded, url] : kExamples) {
    CHECK(base64(plain) == padded);
    CHECK(base64_url(plain) == url);
    CHECK(from_base64(padded) == plain);
    CHECK(from_base64_url(url) == plain);
  }
}

TEST_CASE("base64: every byte survives") {
  std::string all;
  for (int i = 0; i < 256; ++i) all += static_cast<char>(i);
  for (std::size_t size = 0; size <= all.size(); ++size) {
    CHECK(from_base64(base64(all.substr(0, size))) == all.substr(0, size));
    CHECK(from_base64_url(base64_url(all.substr(0, size))) == all.substr(0, size));
  }
}

TEST_CASE("base64: what no encoder writes is refused") {
  for (std::string_view text :
       {"Z", "Zg", "Zg=", "Zh==", "Z===", "====", "Zm9v\n", "Zm-_", "=Zg=", "Zg==Zg==", "Zm9\x80"})
    CHECK_FALSE(from_base64(text).has_value());
  for (std::string_view text : {"Z", "Zg==", "Zh", "+/", "Zm9vY", "Zm 9"})
    CHECK_FALSE(from_base64_url(text).has_value());
}

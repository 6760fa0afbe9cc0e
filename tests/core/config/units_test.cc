#include <doctest/doctest.h>

#include "config/node.h"

using namespace postern::config;

namespace {
constexpr std::int64_t kBad = -1;
std::int64_t duration(std::string_view text) {
  std::int64_t ms = 0;
  return parse_duration_ms(text, ms) ? ms : kBad;
}
std::int64_t bytes_of(std::string_view text) {
  std::int64_t bytes = 0;
  return parse_size(text, bytes) ? bytes : kBad;
}
}  // namespace

TEST_CASE("durations") {
  CHECK(duration("250ms") == 250);
  CHECK(duration("10s") == 10'000);
  CHECK(duration("5m") == 300'000);
  CHECK(duration("1h") == 3'600'000);
  CHECK(duration("2d") == 172'800'000);
  CHECK(duration("1.5s") == 1'500);
  CHECK(duration("0.1s") == 100);
  CHECK(duration("0") == 0);
  for (const char* bad : {"", "s", "10", "-1s", "1 s", "1S", "1.5ms", "1..5s", ".5s", "1.s", "1e3s",
                          "99999999999999999999s", "1s1ms", "0x1s", "100000000000000d"})
    CHECK_MESSAGE(duration(bad) == kBad, bad);
}

TEST_CASE("sizes") {
  CHECK(bytes_of("64k") == 65'536);
  CHECK(bytes_of("10M") == 10 * 1024 * 1024);
  CHECK(bytes_of("1g") == 1024 * 1024 * 1024);
  CHECK(bytes_of("1.5k") == 1536);
  CHECK(bytes_of("512b") == 512);
  CHECK(bytes_of("512") == 512);
  CHECK(bytes_of("0") == 0);
  for (const char* bad : {"", "k", "-1k", "1kb", "1 k", "0.3b", "1t"}) CHECK_MESSAGE(bytes_of(bad) == kBad, bad);
}

TEST_CASE("units are shown in the shortest exact form, which reads back") {
  CHECK(show_duration(250) == "250ms");
  CHECK(show_duration(90'000) == "90s");
  CHECK(show_duration(120'000) == "2m");
  CHECK(show_duration(0) == "0");
  CHECK(show_size(65'536) == "64k");
  CHECK(show_size(1000) == "1000b");
  CHECK(show_size(0) == "0");
  for (std::int64_t value : {1, 999, 1024, 86'400'000, 5'000'000}) {
    CHECK(duration(show_duration(value)) == value);
    CHECK(bytes_of(show_size(value)) == value);
  }
}

TEST_CASE("the nearest name") {
  std::vector<std::string> known = {"listeners", "limits", "plugins", "id"};
  CHECK(nearest("listners", known) == "listeners");
  CHECK(nearest("plugnis", known) == "plugins");
  CHECK(nearest("Limits", known) == "limits");
  CHECK(nearest("ip", known) == "id");
  CHECK(nearest("banana", known) == "");
  CHECK(nearest("", known) == "");
  CHECK(nearest(std::string(100'000, 'x'), known) == "");
}

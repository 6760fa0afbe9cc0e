#include "base/record.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>

namespace postern {
namespace {

TEST_CASE("what was written comes back in the same order") {
  enum class Kind : std::uint8_t { one = 1, most = 255 };
  int object = 0;
  RecordWriter writer;
  writer.number(0);
  writer.number(std::numeric_limits<std::uint64_t>::max());
  writer.number(std::int64_t{-3});
  writer.number(true);
  writer.number(Kind::most);
  writer.number(-0.25);
  writer.pointer(&object);
  writer.pointer(static_cast<int*>(nullptr));
  Record record = writer.finish();

  RecordReader reader(record);
  int zero = 1;
  std::uint64_t most = 0;
  std::int64_t negative = 0;
  bool yes = false;
  Kind kind = Kind::one;
  double fraction = 0;
  int* to = nullptr;
  int* none = &object;
  reader.number(zero);
  reader.number(most);
  reader.number(negative);
  reader.number(yes);
  reader.number(kind);
  reader.number(fraction);
  reader.pointer(to);
  reader.pointer(none);
  CHECK(zero == 0);
  CHECK(most == std::numeric_limits<std::uint64_t>::max());
  CHECK(negative == -3);
  CHECK(yes);
  CHECK(kind == Kind::most);
  CHECK(fraction == -0.25);
  CHECK(to == &object);
  CHECK(none == nullptr);
}

TEST_CASE("texts come back whole: new ones, those that were there before, and long ones") {
  const std::string texts[] = {"",
                               "a",
                               "Sec-WebSocket-Key",
                               "example.com:8080",
                               "example.com",
                               "ple.com",
                               "com:9",
                               "Host",
                               "Ho",
                               std::string(70'000, 'x'),
                               "behind it",
                               "behind it",
                               std::string(1, '\0'),
                               "x-server",
                               std::string("a\0b\0", 4)};
  RecordWriter writer;
  for (const auto& text : texts) writer.text(text);
  Record record = writer.finish();
  RecordReader reader(record);
  for (const auto& text : texts) {
    std::string_view back;
    reader.text(back);
    CHECK(back == text);
  }
}

TEST_CASE("a text that lasts is kept by its place") {
  std::string text = "before";
  RecordWriter writer;
  writer.lasting(text);
  Record record = writer.finish();
  text = "after!";
  std::string_view back;
  RecordReader(record).lasting(back);
  CHECK(back == "after!");
}

}  // namespace
}  // namespace postern

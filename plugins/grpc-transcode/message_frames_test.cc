#include "message_frames.h"

#include <doctest/doctest.h>
#include <postern/testing.h>

using namespace std::string_literals;

namespace {

// The messages in brackets, then "|" at a boundary, then what is wrong.
std::string read(const std::vector<std::string>& pieces, std::size_t limit = 100) {
  MessageReader reader(limit);
  std::string told;
  for (const auto& piece : pieces) {
    reader.feed(piece);
    while (auto message = reader.next()) told.append("[").append(*message).append("]");
  }
  if (reader.at_boundary()) told += "|";
  return told.append(reader.problem());
}

}  // namespace

TEST_CASE("messages however they are cut") {
  CHECK(framed("hi") == "\0\0\0\0\2hi"s);
  CHECK(framed("").size() == 5);
  CHECK(framed(std::string(0x10203, 'x')).substr(0, 5) == "\0\0\1\2\3"s);
  postern::testing::every_split(
      framed("one") + framed("") + framed("three"),
      [](const std::vector<std::string>& pieces) { CHECK(read(pieces) == "[one][][three]|"); });
  CHECK(read({}) == "|");
  CHECK(read({framed("one") + "\0\0\0"s}) == "[one]");
  CHECK(read({"\0\0\0\0\5four"s}) == "");
}

TEST_CASE("what is no message ends the stream at once") {
  CHECK(read({framed("one") + "\1\0\0\0\0"s, framed("two")}).starts_with("[one]the server compressed"));
  CHECK(read({"\2\0\0\0\0"s}).starts_with("the server sent a message with an unknown flag"));
  CHECK(read({framed("1234")}, 4) == "[1234]|");
  CHECK(read({"\0\0\0\0\5"s}, 4).starts_with("the server sent a message that is longer"));
  CHECK(read({"\0\xff\xff\xff\xff"s}).starts_with("the server sent a message that is longer"));
}

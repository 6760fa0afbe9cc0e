#include "trailer_frame.h"

#include <doctest/doctest.h>

using namespace std::string_literals;

TEST_CASE("the frame has its flag, its length and lower-case names") {
  TrailerFrame frame;
  frame.add("Grpc-Status", "0");
  frame.add("x-a", "B: c");
  CHECK(frame.bytes() == "\x80\0\0\0\x1b"s + "grpc-status: 0\r\nx-a: B: c\r\n");
}

TEST_CASE("its length takes four bytes") {
  TrailerFrame frame;
  frame.add("a", std::string(70'000, 'x'));
  CHECK(frame.bytes().substr(0, 5) == "\x80\x00\x01\x11\x75"s);
}

#include "rpc_status.h"

#include <doctest/doctest.h>

TEST_CASE("what trailers tell") {
  CHECK(read_status("5", "no%20such%20b%C3%B6%C3%B6k").message == "no such b\xc3\xb6\xc3\xb6k");
  CHECK(read_status("5", "").code == 5);
  CHECK(read_status("16", "").code == 16);
  for (const char* none : {"", "17", "77", "-1", "1x", "005", " 5", "4294967301"})
    CHECK(read_status(none, "").code == 2);
  CHECK(read_status("3", "100% %zz %4").message == "100% %zz %4");
}

TEST_CASE("what other answers come to, and how a status is told") {
  CHECK(status_of_answer(503, "").code == 14);
  CHECK(status_of_answer(302, "").code == 2);
  CHECK(status_of_answer(200, "text/html").message.find("\"text/html\"") != std::string::npos);
  CHECK(status_of_answer(200, std::string(10'000, 'x')).message.size() < 200);
  CHECK(status_json({5, "no \"book\""}) == R"({"code":5,"message":"no \"book\"","details":[]})");
}

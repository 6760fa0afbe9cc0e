#include <doctest/doctest.h>
#include <postern/text/json.h>

#include <nlohmann/json.hpp>
#include <string>

using postern::append_json;
using postern::append_one_line;
using postern::is_utf8;

namespace {

std::string json_of(std::string_view text) {
  std::string out;
  append_json(out, text);
  return out;
}

constexpr const char* kBad = "\xEF\xBF\xBD";

}  // namespace

TEST_CASE("JSON strings are escaped") {
  CHECK(json_of("") == "\"\"");
  CHECK(json_of("plain text") == "\"plain text\"");
  CHECK(json_of("a\"b\\c/d") == R"("a\"b\\c/d")");
  CHECK(json_of("line\r\nnext\ttab") == R"("line\r\nnext\ttab")");
  CHECK(json_of(std::string_view("\0\x1b[2J\x7f", 6)) == R"("\u0000\u001b[2J\u007f")");
  CHECK(json_of("gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80") ==
        "\"gr\xC3\xBC\xC3\x9F \xE2\x82\xAC \xF0\x9F\x98\x80\"");
  CHECK(json_of("\xC2\x85\xE2\x80\xA8\xE2\x80\xA9") == R"("\u0085\u2028\u2029")");
}

TEST_CASE("bytes that are not UTF-8 are replaced one by one") {
  struct Row {
    std::string text;
    int replaced;
  };
  const Row rows[] = {
      {"\x80", 1},              // a continuation alone
      {"\xC3", 1},              // cut off
      {"\xE2\x82", 2},          // cut off
      {"\xC0\x80", 2},          // overlong
      {"\xE0\x80\x80", 3},      // overlong
      {"\xED\xA0\x80", 3},      // surrogate
      {"\xF4\x90\x80\x80", 4},  // above U+10FFFF
      {"\xF8\x88\x80\x80\x80", 5},
      {"\xFF\xFE", 2},
  };
  for (const auto& row : rows) {
    std::string expected = "\"<";
    for (int i = 0; i < row.replaced; ++i) expected += kBad;
    CHECK(json_of("<" + row.text + ">") == expected + ">\"");
    CHECK_FALSE(is_utf8("<" + row.text));
  }
}

TEST_CASE("every byte and pair of bytes gives JSON that a strict parser reads, on one line") {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      std::string text{static_cast<char>(a), static_cast<char>(b), 'x'};
      std::string out = json_of(text);
      bool good = nlohmann::json::accept(out) && out.find('\n') == out.npos && out.find('\x1b') == out.npos &&
                  out.size() <= 2 + postern::kMaxJsonGrowth * text.size();
      if (!good) CAPTURE(a);
      if (!good) CAPTURE(b);
      REQUIRE(good);
    }
  }
}

TEST_CASE("the largest and smallest characters of each length are UTF-8") {
  CHECK(is_utf8(""));
  CHECK(is_utf8(std::string_view("\0\x7f", 2)));
  CHECK(is_utf8("\xC2\x80\xDF\xBF"));
  CHECK(is_utf8("\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xEF\xBF\xBF"));
  CHECK(is_utf8("\xF0\x90\x80\x80\xF4\x8F\xBF\xBF"));
}

TEST_CASE("plain text keeps its quotes and stays on one line") {
  std::string out;
  append_one_line(out, "say \"hi\"\n\x1b[0m\\");
  CHECK(out == "say \"hi\"\\n\\u001b[0m\\\\");
}

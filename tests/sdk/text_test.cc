#include <doctest/doctest.h>
#include <postern/text.h>

#include <string>
#include <vector>

using namespace postern;

TEST_CASE("case is ASCII's") {
  CHECK(to_lower('Q') == 'q');
  CHECK(to_lower('[') == '[');
  CHECK(to_lower("X-Apí-KEY") == "x-apí-key");
  CHECK(to_lower("\xC3\x84") == "\xC3\x84");
  CHECK(same_ignoring_case("X-Api-Key", "x-aPI-kEY"));
  CHECK_FALSE(same_ignoring_case("X-Api-Key", "X-Api-Keys"));
  CHECK_FALSE(same_ignoring_case("X_Api", "X-Api"));
  CHECK_FALSE(same_ignoring_case("@", "`"));  // 0x20 apart, as "A" and "a" are
  CHECK(starts_ignoring_case("Application/gRPC+proto", "application/grpc"));
  CHECK_FALSE(starts_ignoring_case("application", "application/grpc"));
}

TEST_CASE("hexadecimal digits have two cases to read and one to write") {
  const std::string_view digits = "0123456789abcdefABCDEF";
  for (int byte = 0; byte < 256; ++byte) {
    const auto at = digits.find(static_cast<char>(byte));
    const int value = at == digits.npos ? -1 : static_cast<int>(at < 16 ? at : at - 6);
    CAPTURE(byte);
    CHECK(hex_value(static_cast<char>(byte)) == value);
  }
  std::string text = "0x";
  append_hex(text, 0xAF);
  append_hex(text, 0x04);
  CHECK(text == "0xaf04");
  char two[2];
  CHECK(write_hex(two, 0xC0) == two + 2);
  CHECK(std::string_view(two, 2) == "c0");
}

TEST_CASE("a list is taken piece by piece") {
  std::vector<std::string_view> pieces;
  for (std::string_view rest = "a, b,, c ,"; !rest.empty();) pieces.push_back(trim(take_piece(rest, ',')));
  CHECK(pieces == std::vector<std::string_view>{"a", "b", "", "c"});
  CHECK(trim(" \t ").empty());
}

TEST_CASE("a plus is a space in a query and a plus anywhere else; what is no whole escape stays") {
  struct Row {
    std::string_view written, plain, in_query;
  };
  for (const Row& row : {Row{"", "", ""}, Row{"a+b", "a+b", "a b"}, Row{"a%2Bb%2b", "a+b+", "a+b+"},
                         Row{"%20%C3%A9", " \xC3\xA9", " \xC3\xA9"}, Row{"%", "%", "%"}, Row{"%4", "%4", "%4"},
                         Row{"%zz%4z+", "%zz%4z+", "%zz%4z "}, Row{"%%41", "%A", "%A"}, Row{"%2541", "%41", "%41"}}) {
    CAPTURE(row.written);
    CHECK(decoded(row.written) == row.plain);
    CHECK(query_decoded(row.written) == row.in_query);
    CHECK(query_decodes_to(row.written, row.in_query));
    CHECK_FALSE(query_decodes_to(row.written, std::string(row.in_query) + "x"));
    CHECK_FALSE(query_decodes_to(std::string(row.written) + "x", row.in_query));
  }
}

TEST_CASE("escapes are written in upper case where a character may not stay") {
  const std::string_view text = "a~/\xC3\xA9 ";
  std::string out(3 * text.size(), '?');
  out.resize(static_cast<std::size_t>(write_encoded(out.data(), text, is_unreserved) - out.data()));
  CHECK(out == "a~%2F%C3%A9%20");
  CHECK(decoded(out) == text);
}

TEST_CASE("parameters of a query are pairs as they are written") {
  struct Row {
    std::string_view query, name, value;
    bool found;
  };
  for (const Row& row :
       {Row{"", "key", "", false}, Row{"key=abc", "key", "abc", true}, Row{"a=1&key=abc&b=2", "key", "abc", true},
        Row{"%6bey=a%20b", "key", "a%20b", true}, Row{"a+b=1", "a b", "1", true}, Row{"a%2Bb=1", "a+b", "1", true},
        Row{"a+b=1", "a+b", "", false}, Row{"key=a&key=b", "key", "a", true}, Row{"key", "key", "", true},
        Row{"xkey=1&keyx=2&Key=3", "key", "", false}, Row{"key=a=b", "key", "a=b", true},
        Row{"&&key=a&", "key", "a", true}, Row{"ke%=1&ke%7", "key", "", false}}) {
    CAPTURE(row.query);
    const auto found = find_parameter(row.query, row.name);
    CHECK(found.has_value() == row.found);
    CHECK(found.value_or("") == row.value);
  }
}

TEST_CASE("a parameter knows its whole text and whether it has a value") {
  std::string_view rest = "a%20=1=2&b&=";
  const Pair first = take_parameter(rest), second = take_parameter(rest), third = take_parameter(rest);
  CHECK((first.text == "a%20=1=2" && first.name == "a%20" && first.value == "1=2" && first.has_value));
  CHECK((second.text == "b" && second.name == "b" && second.value.empty() && !second.has_value));
  CHECK((third.name.empty() && third.value.empty() && third.has_value));
  CHECK(rest.empty());
}

TEST_CASE("cookies are pairs without the blanks around them; names have a case and quotes stay") {
  struct Row {
    std::string_view field, value;
    bool found;
  };
  for (const Row& row :
       {Row{"key=abc", "abc", true}, Row{"a=1; key=abc; b=2", "abc", true}, Row{" key = abc ", "abc", true},
        Row{"key=\"a\";key=b", "\"a\"", true}, Row{"Key=abc; xkey=1", "", false}, Row{"key", "", false},
        Row{"key=", "", true}, Row{"key=a=b", "a=b", true}, Row{"", "", false}}) {
    CAPTURE(row.field);
    const auto found = find_cookie(row.field, "key");
    CHECK(found.has_value() == row.found);
    CHECK(found.value_or("") == row.value);
  }
}

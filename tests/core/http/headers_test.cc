// Field lists: order and spelling are kept, names compare without case.
#include "http/headers.h"

#include <doctest/doctest.h>

#include <string>

namespace postern::http {
namespace {

struct Fixture {
  BlockPool pool;
  Arena arena{pool};
  HeaderList list{arena};

  std::string text() const {
    std::string text;
    for (const Field& field : list) text.append(field.name).append("=").append(field.value).append(" ");
    return text;
  }
};

TEST_CASE("names compare without case") {
  CHECK(same_name("", ""));
  CHECK(same_name("X-Request-Id", "x-request-ID"));
  CHECK(same_name("0123456789abcdef", "0123456789ABCDEF"));
  CHECK(!same_name("Host", "Hosts"));
  CHECK(!same_name("x-request-ia", "x-request-ib"));
  CHECK(!same_name("@", "`"));  // 0x20 apart, but no letters
  CHECK(!same_name("[", "{"));
}

TEST_CASE("tokens and values") {
  CHECK(is_token("!#$%&'*+-.^_`|~09azAZ"));
  for (std::string_view bad : {"", " ", "a b", "a:", "a\t", "(", ")", "/", "=", "\"", "{", "\x7f", "\xc3"})
    CHECK(!is_token(bad));
  CHECK(is_field_value(""));
  CHECK(is_field_value("a\t b \xc3\xa9 \"{}"));
  for (std::string_view bad : {"\r", "\n", "\x01", "\x1f", "\x7f"}) CHECK(!is_field_value(bad));
  CHECK(!is_field_value(std::string_view("\0", 1)));
}

// Names and values are looked at in words: every byte at every place of short and long ones.
constexpr std::size_t kSizes[] = {1, 3, 4, 7, 8, 9, 15, 16, 17, 21, 33, 40};

char lower(unsigned byte) { return static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + 0x20 : byte); }

TEST_CASE("a byte is judged the same wherever it stands") {
  for (unsigned byte = 0; byte < 256; ++byte) {
    for (std::size_t size : kSizes) {
      for (std::size_t at = 0; at < size; ++at) {
        std::string text(size, 'a');
        text[at] = static_cast<char>(byte);
        CHECK(is_token(text) == is_token(text.substr(at, 1)));
        bool control = (byte < 0x20 && byte != '\t') || byte == 0x7f;
        CHECK(is_field_value(text) == !control);
      }
    }
  }
}

TEST_CASE("names that differ in one byte are the same when that is the case of a letter") {
  for (unsigned a = 0; a < 256; ++a) {
    for (unsigned differs : {0x01u, 0x20u, 0x21u, 0x80u, 0xa0u}) {
      unsigned b = a ^ differs;
      for (std::size_t size : kSizes) {
        for (std::size_t at = 0; at < size; at += 3) {
          std::string one(size, 'X'), other(size, 'x');
          one[at] = static_cast<char>(a);
          other[at] = static_cast<char>(b);
          CHECK(same_name(one, other) == (lower(a) == lower(b)));
        }
      }
    }
  }
}

TEST_CASE_FIXTURE(Fixture, "fields are found, counted and listed in order") {
  list.add("A", "1");
  list.add("b", "2");
  list.add("a", "3");
  CHECK(list.size() == 3);
  CHECK(list.count("A") == 2);
  CHECK(list.get("a") == "1");
  CHECK(list.find("B")->value == "2");
  CHECK(list.find("c") == nullptr);
  CHECK(!list.get("c"));
  CHECK(text() == "A=1 b=2 a=3 ");
}

TEST_CASE_FIXTURE(Fixture, "set replaces the first, drops the others, or appends") {
  list.add("A", "1");
  list.add("b", "2");
  list.add("a", "3");
  list.set("a", "4");
  CHECK(text() == "A=4 b=2 ");
  list.set("c", "5");
  CHECK(text() == "A=4 b=2 c=5 ");
  list.set("B", list.get("a").value());
  CHECK(text() == "A=4 b=4 c=5 ");
}

TEST_CASE_FIXTURE(Fixture, "remove takes all of a name") {
  for (auto name : {"a", "b", "A", "c"}) list.add(name, "x");
  CHECK(list.remove("a") == 2);
  CHECK(list.remove("a") == 0);
  CHECK(text() == "b=x c=x ");
  list.clear();
  CHECK(list.size() == 0);
}

TEST_CASE_FIXTURE(Fixture, "what stands before a field is left alone when it and its like go") {
  for (auto name : {"A", "b", "a", "c", "a"}) list.add(name, "x");
  list.remove_from(list.fields()[2]);
  CHECK(text() == "A=x b=x c=x ");
  list.remove_from(list.fields()[2]);
  CHECK(text() == "A=x b=x ");
  list.remove_from(list.fields()[0]);
  CHECK(text() == "b=x ");
}

TEST_CASE_FIXTURE(Fixture, "a list grows and owns what it copied") {
  for (int i = 0; i < 100; ++i) list.add("name-" + std::to_string(i), std::to_string(i));
  CHECK(list.size() == 100);
  CHECK(list.get("NAME-99") == "99");
}

TEST_CASE_FIXTURE(Fixture, "a list takes no second piece of memory while nothing else is taken from its arena") {
  list.add_view("a", "1");
  const Field* first = list.begin();
  for (int i = 0; i < 20; ++i) list.add_view("b", "2");
  CHECK(list.begin() == first);
  list.add("c", "3");
  for (int i = 0; i < 10; ++i) list.add_view("d", "4");
  CHECK(list.size() == 32);
  CHECK(list.get("a") == "1");
  CHECK(list.get("c") == "3");
  list.reserve(60);
  first = list.begin();
  while (list.size() < 60) list.add("e", "5");
  CHECK(list.begin() == first);
}

}  // namespace
}  // namespace postern::http

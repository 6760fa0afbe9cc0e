#include "transcoder.h"

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "support/long_run.h"

using namespace std::literals;

namespace {

std::unique_ptr<const Transcoder> made(const Options& options = {}, const std::vector<std::string>& services = {}) {
  std::ifstream file(DESCRIPTORS, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::vector<std::string> problems;
  return Transcoder::make(bytes, services, options, problems);
}

std::string repeated(std::string_view piece, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += piece;
  return all;
}

// A field with a length: its tag, its size, its bytes.
std::string field(char tag, std::string_view bytes) {
  std::string size;
  for (auto rest = bytes.size();; rest >>= 7) {
    size += static_cast<char>((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
    if (rest <= 0x7f) break;
  }
  return std::string(1, tag).append(size).append(bytes);
}

// A google.protobuf.Any.
std::string any(std::string_view type, std::string_view value) {
  return field('\x0a', "type.googleapis.com/" + std::string(type)) + field('\x12', value);
}

constexpr std::string_view kRefused = "the server's message has too many parts";

std::string response(const Transcoder& transcoder, std::string_view path, std::string_view message) {
  auto told = transcoder.response(*transcoder.find("GET", path).call, message);
  if (auto* problem = std::get_if<Transcoder::Problem>(&told)) return problem->text;
  return std::get<std::string>(told);
}

}  // namespace

TEST_CASE("calls by what they are") {
  auto transcoder = made();
  auto found = transcoder->find("GET", "/v1/shelves/1/books/2");
  REQUIRE(found.call != nullptr);
  CHECK(found.call->path == "/library.v1.Library/GetBook");
  CHECK_FALSE(found.call->takes_body);
  CHECK(transcoder->find("GET", "/v1/read/x").call->server_streams);
  CHECK(transcoder->find("POST", "/v1/write").call->client_streams);
  CHECK(transcoder->find("PUT", "/v1/write").methods == std::vector<std::string_view>{"POST"});
  CHECK(made({}, {"library.v1.Library"}) != nullptr);
  CHECK(made({}, {"library.v1.Other"}) == nullptr);
}

TEST_CASE("a field that was said and then unsaid is printed as the options say") {
  auto transcoder = made();
  CHECK(response(*transcoder, "/v1/read/x:text", "") == "\"\"");
  CHECK(response(*transcoder, "/v1/shelves/1/books:only", "") == "[]");
  CHECK(response(*transcoder, "/v1/shelves/1/books:only", "\x0a\x03\x0a\x01x") == R"([{"name":"x"}])");
  CHECK(response(*transcoder, "/v1/books/x", "\x0a\x01x\x0a\x01y") == R"({"name":"y"})");  // the last one counts
}

TEST_CASE("messages that would take more memory than they may are refused before they are parsed") {
  Options options;
  options.message_memory = 100'000;
  auto transcoder = made(options);
  CHECK(response(*transcoder, "/v1/shelves/1/books", repeated("\x0a\0"sv, 10'000)) == kRefused);  // empty books
  CHECK(response(*transcoder, "/v1/books/x", repeated("\x9a\x06\0"sv, 10'000)) == kRefused);      // unknown fields
  CHECK(response(*transcoder, "/v1/books/x", repeated("\x98\x06\1"sv, 10'000)) == kRefused);
  CHECK(response(*transcoder, "/v1/books/x", repeated("\x18\1"sv, 10'000)) == kRefused);  // a list, not packed
  CHECK(response(*transcoder, "/v1/books/x", "\x1a\x80\x80\1"s + std::string(16'384, '\1')) == kRefused);  // packed
  CHECK(response(*transcoder, "/v1/shelves/1/books", repeated("\x0a\0"sv, 100)).starts_with("{\"books\":[{},{}"));
  options.always_print_primitive_fields = true;
  CHECK(response(*made(options), "/v1/shelves/1/books", repeated("\x0a\0"sv, 100)) == kRefused);
  std::string deep;
  for (int i = 0; i < 300; ++i) deep = field('\x72', deep);
  CHECK(response(*transcoder, "/v1/books/x", deep) == "the server sent what is no library.v1.Book");
  for (std::string_view broken :
       {"\x0a"sv, "\x0a\xff\xff\xff\xff\x0f"sv, "\x72\x7f\x0a"sv, "\xff"sv, "\x0b"sv, "\x0c"sv, "\0"sv})
    CHECK(response(*transcoder, "/v1/books/x", broken) == "the server sent what is no library.v1.Book");
}

TEST_CASE("what an Any holds counts like the rest of the message") {
  Options options;
  options.message_memory = 100'000;
  auto modest = made(options);
  auto extra = [](std::string_view type, std::string_view value) { return field('\x6a', any(type, value)); };
  auto one = extra("library.v1.Author", "\x10\x01");
  CHECK(response(*modest, "/v1/books/x", one) ==
        R"({"extra":{"@type":"type.googleapis.com/library.v1.Author","born":1}})");
  CHECK(response(*modest, "/v1/books/x", extra("library.v1.Book", one)).starts_with(R"({"extra":{"@type":)"));
  CHECK(response(*modest, "/v1/books/x", extra("library.v1.ListBooksResponse", repeated("\x0a\0"sv, 10'000))) ==
        kRefused);
  options.always_print_primitive_fields = true;
  CHECK(response(*made(options), "/v1/books/x", extra("library.v1.ListBooksResponse", repeated("\x0a\0"sv, 100))) ==
        kRefused);
}

TEST_CASE("an Any in an Any in an Any is refused at a depth, whatever memory there is") {
  auto transcoder = made();
  std::string all, books;
  for (int i = 0; i < long_run(10'000); ++i) all = any("google.protobuf.Any", all);
  for (int i = 0; i < 1'000; ++i) books = field('\x6a', any("library.v1.Book", books));
  CHECK(response(*transcoder, "/v1/books/x", field('\x6a', all)) == kRefused);
  CHECK(response(*transcoder, "/v1/books/x", books) == kRefused);
  // In two pieces, which the parser joins.
  CHECK(response(*transcoder, "/v1/books/x",
                 field('\x6a', any("library.v1.Author", all)) +
                     field('\x6a', field('\x0a', "type.googleapis.com/google.protobuf.Any"))) == kRefused);
  // Cut off behind its value, which the printer takes all the same.
  CHECK(response(*transcoder, "/v1/books/x", field('\x6a', any("google.protobuf.Any", all + '\x0a'))) == kRefused);
}

TEST_CASE("groups that the type does not have and names of enumerations count too") {
  Options options;
  options.message_memory = 100'000;
  auto transcoder = made(options);
  CHECK(response(*transcoder, "/v1/books/x", "\x9b\x06" + repeated("\x0b\x0c", 3'000) + "\x9c\x06") == kRefused);
  CHECK(response(*transcoder, "/v1/books/x", "\x73" + repeated("\x20\x01", 3'000) + "\x74") == kRefused);  // no group
  auto genres = any("library.v1.ListBooksRequest", field('\x1a', std::string(10'000, '\0')));
  CHECK(response(*transcoder, "/v1/books/x", field('\x6a', genres)) == kRefused);
  CHECK(response(*transcoder, "/v1/books/x", "\x9b\x06" + repeated("\x0b\x0c", 30) + "\x9c\x06") == "{}");
}

TEST_CASE("what an Any holds must be a message of its type: the printer would read a torn list without end") {
  auto transcoder = made();
  constexpr std::string_view kNoJson =
      "the server's message has no JSON: an Any of an unknown type, or nested too deeply";
  auto torn = any("library.v1.ListBooksRequest", field('\x1a', std::string(30, '\xc3')));
  CHECK(response(*transcoder, "/v1/books/x", field('\x6a', torn)) == kNoJson);
  CHECK(response(*transcoder, "/v1/books/x", field('\x6a', any("google.protobuf.Any", torn))) == kNoJson);
  CHECK(response(*transcoder, "/v1/books/x", field('\x6a', any("library.v1.Book", field('\x6a', torn)))) == kNoJson);
}

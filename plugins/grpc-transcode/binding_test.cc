#include "binding.h"

#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>

#include <fstream>
#include <memory>

#include "http_rule.h"

namespace {

namespace pb = google::protobuf;

struct Library {
  Library() {
    std::ifstream file(DESCRIPTORS, std::ios::binary);
    pb::FileDescriptorSet set;
    REQUIRE(set.ParseFromIstream(&file));
    for (const auto& one : set.file()) REQUIRE(pool.BuildFile(one) != nullptr);
    factory.SetDelegateToGeneratedFactory(false);
    book.reset(factory.GetPrototype(pool.FindMessageTypeByName("test.Book"))->New());
  }
  std::string bind(std::string_view field, std::string_view value) { return bind_text(*book, field, value); }
  pb::DescriptorPool pool;
  pb::DynamicMessageFactory factory{&pool};
  std::unique_ptr<pb::Message> book;
};

}  // namespace

TEST_CASE("text becomes fields of all kinds") {
  Library library;
  for (const auto& [field, value] : {std::pair{"name", "a \"b\"\\\n"},
                                     {"author.full_name", "x"},
                                     {"author.fullName", "Ann"},
                                     {"pages", "1"},
                                     {"pages", "-2"},
                                     {"lent", "true"},
                                     {"genre", "NOVEL"},
                                     {"cover", "AAE="},
                                     {"printed", "1970-01-01T00:00:01Z"},
                                     {"signed", "true"},
                                     {"weight", "1.5"}})
    CHECK_MESSAGE(library.bind(field, value) == "", std::string(field));
  CHECK(library.bind("genre", "0") == "");
  CHECK(library.bind("genre", "1") == "");
  CHECK(library.book->ShortDebugString() ==
        "name: \"a \\\"b\\\"\\\\\\n\" author { full_name: \"Ann\" } pages: 1 pages: -2 lent: true genre: NOVEL cover: "
        "\"\\000\\001\" "
        "printed { seconds: 1 } signed { value: true } weight: 1.5");
}

TEST_CASE("what does not fit is refused") {
  Library library;
  for (const auto& [field, value] : {std::pair{"title", "x"},
                                     {"", "x"},
                                     {"author", "x"},
                                     {"author.", "x"},
                                     {"name.x", "x"},
                                     {"labels", "x"},
                                     {"labels.a", "x"},
                                     {"pages", "x"},
                                     {"pages", "9223372036854775808"},
                                     {"lent", "maybe"},
                                     {"genre", "POEM"},
                                     {"printed", "yesterday"},
                                     {"name", "\xff"},
                                     {"weight", "1,5"}})
    CHECK_MESSAGE(library.bind(field, value) != "", std::string(field), " ", std::string(value));
}

TEST_CASE("annotations are read from options that nobody declared") {
  Library library;
  const auto* service = library.pool.FindServiceByName("test.Library");
  auto rules = http_rules(*service->FindMethodByName("Get"));
  REQUIRE(rules.size() == 3);
  CHECK(rules[0].method == "GET");
  CHECK(rules[0].path == "/v1/{name=books/*}");
  CHECK(rules[1].method == "HEAD");
  CHECK(rules[2].method == "POST");
  CHECK(rules[2].path == "/v1/{name=books/*}:read");
  CHECK(rules[2].body == "author");
  CHECK(rules[2].response_body == "author");
  CHECK(http_rules(*service->FindMethodByName("Plain")).empty());
}

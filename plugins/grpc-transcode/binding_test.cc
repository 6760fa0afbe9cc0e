#include "binding.h"

#include <doctest/doctest.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/util/type_resolver_util.h>

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
    types.reset(pb::util::NewTypeResolverForDescriptorPool("type.googleapis.com", &pool));
    book.reset(factory.GetPrototype(pool.FindMessageTypeByName("library.v1.Book"))->New());
  }
  // Empty when done.
  std::string bind(std::string_view name, std::string_view value) {
    std::string problem;
    auto field = find_field(*book->GetDescriptor(), name, problem);
    if (!field) return problem;
    return bind_text(*book, *field, value, *types) ? "" : "no value";
  }
  FieldPath field(std::string_view name) {
    std::string problem;
    return find_field(*book->GetDescriptor(), name, problem).value_or(FieldPath{});
  }
  pb::DescriptorPool pool;
  pb::DynamicMessageFactory factory{&pool};
  std::unique_ptr<pb::util::TypeResolver> types;
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
                                     {"weight", "1.5"},
                                     {"loan", "2s"}})
    CHECK_MESSAGE(library.bind(field, value) == "", std::string(field));
  CHECK(library.book->ShortDebugString() ==
        "name: \"a \\\"b\\\"\\\\\\n\" author { full_name: \"Ann\" } pages: 1 pages: -2 lent: true genre: NOVEL cover: "
        "\"\\000\\001\" "
        "printed { seconds: 1 } signed { value: true } weight: 1.5 loan { seconds: 2 }");
}

TEST_CASE("what was there before is replaced, by defaults too") {
  Library library;
  for (const auto& [field, value] : {std::pair{"name", "x"}, {"lent", "true"}, {"genre", "2"}, {"signed", "true"}})
    CHECK(library.bind(field, value) == "");
  for (const auto& [field, value] : {std::pair{"name", ""}, {"lent", "false"}, {"genre", "0"}, {"signed", "false"}})
    CHECK(library.bind(field, value) == "");
  CHECK(library.book->ShortDebugString() == "signed { }");
}

TEST_CASE("what does not fit is refused") {
  Library library;
  for (const auto& [field, value] : {std::pair{"title", "x"},
                                     {"", "x"},
                                     {"author", "x"},
                                     {"author.", "x"},
                                     {".author", "x"},
                                     {"name.x", "x"},
                                     {"labels", "x"},
                                     {"labels.a", "x"},
                                     {"notes", "{}"},
                                     {"extra", "{}"},
                                     {"pages", "x"},
                                     {"pages", ""},
                                     {"pages", "9223372036854775808"},
                                     {"lent", "maybe"},
                                     {"genre", "POEM"},
                                     {"printed", "yesterday"},
                                     {"name", "\xff"},
                                     {"\xff", "name"},
                                     {"weight", "1,5"}})
    CHECK_MESSAGE(library.bind(field, value) != "", std::string(field), " ", std::string(value));
  std::string deep;
  for (int i = 0; i < 40; ++i) deep += "sequel.";
  CHECK(library.bind(deep + "name", "x") != "");
}

TEST_CASE("a field overlaps with itself and with what holds it") {
  Library library;
  CHECK(overlap(library.field("author.full_name"), library.field("author.fullName")));
  CHECK(overlap({library.field("author.born").front()}, library.field("author.born")));
  CHECK(overlap(library.field("signed"), library.field("signed.value")));
  CHECK_FALSE(overlap(library.field("author.born"), library.field("author.full_name")));
  CHECK_FALSE(overlap(library.field("name"), library.field("sequel.name")));
}

TEST_CASE("annotations are read from options that nobody declared") {
  Library library;
  const auto* service = library.pool.FindServiceByName("library.v1.Library");
  auto rules = http_rules(*service->FindMethodByName("GetBook"));
  REQUIRE(rules.size() == 3);
  CHECK(rules[0].method == "GET");
  CHECK(rules[0].path == "/v1/{name=shelves/*/books/*}");
  CHECK(rules[2].method == "REPORT");
  CHECK(rules[2].response_body == "author");
  CHECK(http_rules(*service->FindMethodByName("CreateBook"))[0].body == "book");
  CHECK(http_rules(*service->FindMethodByName("Hidden")).empty());
}

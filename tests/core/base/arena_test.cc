#include "base/arena.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

namespace postern {
namespace {

TEST_CASE("a copy is the text, whatever its length") {
  BlockPool pool;
  Arena arena(pool);
  for (std::size_t size = 0; size <= 100; ++size) {
    std::string text;
    for (std::size_t i = 0; i < size; ++i) text += static_cast<char>('!' + i);
    auto behind = arena.copy(text);
    CHECK(arena.copy("|") == "|");
    CHECK(behind == text);
    CHECK((size == 0 || behind.data() != text.data()));
  }
}

TEST_CASE("what stands alone goes from one arena to another") {
  BlockPool pool;
  Arena arena(pool);
  arena.allocate(3000);
  auto* kept = static_cast<char*>(arena.allocate_alone(10));
  std::memcpy(kept, "still here", 10);
  arena.allocate(3000);  // large, but not alone
  auto* large = static_cast<char*>(arena.allocate_alone(5000));
  large[4999] = 'x';
  CHECK(arena.total() >= 11'000);
  Arena::Large* taken = arena.take_alone();
  CHECK(arena.take_alone() == nullptr);
  arena.reset();
  CHECK(arena.total() == 0);
  Arena other(pool);
  other.allocate(3000);  // stays its own
  other.give_alone(taken);
  CHECK(std::string_view(kept, 10) == "still here");
  CHECK(large[4999] == 'x');
  CHECK(other.total() >= 8010);
  CHECK(other.copy("and more") == "and more");
}

TEST_CASE("the smallest that stand alone count as what they take") {
  BlockPool pool;
  Arena arena(pool);
  for (int i = 0; i < 1000; ++i) arena.allocate_alone(1);
  CHECK(arena.total() >= 16'000);
}

}  // namespace
}  // namespace postern

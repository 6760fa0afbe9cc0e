#include "base/arena.h"

#include <doctest/doctest.h>

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

TEST_CASE("the last allocation goes on where it is, while there is room") {
  BlockPool pool;
  Arena arena(pool);
  auto* first = arena.allocate(100);
  CHECK(arena.extend(first, 100, 50));
  auto* second = arena.allocate(10);
  CHECK_FALSE(arena.extend(first, 150, 1));
  CHECK(arena.extend(second, 10, 10));
  CHECK_FALSE(arena.extend(second, 20, BlockPool::kBlockSize));
  auto* large = arena.allocate(5000);
  CHECK_FALSE(arena.extend(large, 5000, 1));
}

TEST_CASE("what is large counts with the rest, and goes with it") {
  BlockPool pool;
  Arena arena(pool);
  arena.allocate(10);
  auto* large = static_cast<char*>(arena.allocate(5000));
  large[4999] = 'x';
  CHECK(arena.copy("behind it") == "behind it");
  CHECK(arena.total() >= 5019);
  arena.reset();
  CHECK(arena.total() == 0);
}

}  // namespace
}  // namespace postern

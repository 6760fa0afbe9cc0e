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

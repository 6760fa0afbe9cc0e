#include "base/arena.h"

#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "base/packer.h"

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

TEST_CASE("what stands alone outlives the blocks and counts on") {
  BlockPool pool;
  Arena arena(pool);
  arena.allocate(3000);
  auto* kept = static_cast<char*>(arena.allocate_alone(10));
  std::memcpy(kept, "still here", 10);
  arena.allocate(3000);
  auto* large = static_cast<char*>(arena.allocate_alone(5000));
  large[4999] = 'x';
  CHECK(arena.total() >= 11'000);
  arena.release_blocks();
  CHECK(std::string_view(kept, 10) == "still here");
  CHECK(large[4999] == 'x');
  CHECK(arena.total() == 5010);
  CHECK(arena.copy("and more") == "and more");
  arena.release_blocks();
  CHECK(arena.total() == 5010);
  arena.reset();
  CHECK(arena.total() == 0);
}

struct Packed {
  std::string_view name;
  std::span<int> numbers;
  void pack(Packer& packer) {
    packer.text(name);
    int* first = numbers.data();
    packer.array(first, numbers.size());
    numbers = {first, numbers.size()};
  }
};

TEST_CASE("a packer measures first and then moves all of it together") {
  std::string text = "a name";
  int some[] = {1, 2, 3};
  Packed packed{text, some};
  Packer measure;
  packed.pack(measure);
  CHECK(packed.name.data() == text.data());
  auto memory = std::make_unique<std::byte[]>(measure.size());
  Packer packer(memory.get());
  packed.pack(packer);
  CHECK(packer.size() == measure.size());
  text = "gone..";
  some[2] = 0;
  CHECK(packed.name == "a name");
  CHECK(packed.numbers[2] == 3);
  CHECK(reinterpret_cast<std::uintptr_t>(packed.numbers.data()) % alignof(int) == 0);
}

TEST_CASE("nothing packs to nothing") {
  Packer packer;
  std::string_view text;
  int* none = nullptr;
  packer.text(text);
  packer.array(none, 0);
  packer.object(none);
  CHECK(packer.size() == 0);
}

}  // namespace
}  // namespace postern

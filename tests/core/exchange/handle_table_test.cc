#include "exchange/handle_table.h"

#include <doctest/doctest.h>

#include <vector>

namespace postern::proxy {
namespace {

std::vector<int> walk(const HandleTable<int>& table) {
  std::vector<int> seen;
  for (auto at = table.next(0); at != 0; at = table.next(at)) seen.push_back(*table.find(at));
  return seen;
}

TEST_CASE("a walk sees each object once, and goes on behind one that has ended") {
  HandleTable<int> table(2);
  CHECK(table.next(0) == 0);
  int objects[] = {10, 11, 12, 13};
  std::uint64_t handles[4];
  for (int i = 0; i < 4; ++i) handles[i] = table.add(objects[i]);
  CHECK(walk(table) == std::vector{10, 11, 12, 13});
  table.remove(handles[1]);
  CHECK(walk(table) == std::vector{10, 12, 13});
  CHECK(table.next(handles[1]) == handles[2]);
  CHECK(table.next(handles[3]) == 0);
  int late = 14;
  std::uint64_t again = table.add(late);  // takes the place that is free
  CHECK(table.next(handles[0]) == again);
  CHECK(table.find(handles[1]) == nullptr);
}

TEST_CASE("places are taken again, the latest that became free first, and old handles stay void") {
  HandleTable<int> table(0);
  int objects[] = {0, 1, 2, 3, 4};
  std::uint64_t handles[5];
  for (int i = 0; i < 3; ++i) handles[i] = table.add(objects[i]);
  CHECK(table.size() == 3);
  table.remove(handles[0]);
  table.remove(handles[2]);
  table.remove(handles[2]);  // no more there
  CHECK(table.size() == 1);
  auto index = [](std::uint64_t handle) { return handle >> 32 & 0xffffff; };
  std::uint64_t second = table.add(objects[3]), first = table.add(objects[4]);
  CHECK(index(second) == 2);
  CHECK(index(first) == 0);
  CHECK(table.find(handles[0]) == nullptr);
  CHECK(table.find(handles[2]) == nullptr);
  CHECK(table.find(second) == &objects[3]);
  CHECK(index(table.add(objects[0])) == 3);  // none is free
  CHECK(table.size() == 4);
  CHECK(walk(table) == std::vector{4, 1, 3, 0});
}

TEST_CASE("handles of other workers, and what is none, end a walk") {
  HandleTable<int> here(0), there(1);
  int object = 1;
  auto foreign = there.add(object);
  here.add(object);
  CHECK(here.next(foreign) == 0);
  CHECK(here.next(5) == 0);
  CHECK(here.next(~std::uint64_t{0}) == 0);
}

}  // namespace
}  // namespace postern::proxy

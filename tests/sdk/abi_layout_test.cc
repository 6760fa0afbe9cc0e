// The ABI's layout as a C++ compiler sees it; abi_layout.c asserts the same in C.
#include <doctest/doctest.h>
#include <postern/abi.h>
#include <postern/testing.h>

#include <cstring>
#include <type_traits>

#define SIZE(type, bytes)                                                                              \
  static_assert(sizeof(type) == (bytes) && std::is_standard_layout_v<type> && std::is_trivial_v<type>, \
                "the size of " #type " has changed");
#define AT(type, member, offset) static_assert(offsetof(type, member) == (offset), #type "." #member " has moved");
#include "abi_layout.inc"
#undef SIZE
#undef AT

extern "C" const postern_plugin* c_plugin_query(const postern_host* host);

TEST_CASE("a plugin written in C runs in the chain") {
  postern::testing::FakeGateway gateway;
  gateway.load(&c_plugin_query);
  CHECK(gateway.configure().ok());
  CHECK(gateway.get("/").status() == 200);
}

TEST_CASE("a function exists when it lies inside struct_size and is not null") {
  postern_body_table table = {};
  table.struct_size = offsetof(postern_body_table, detach);
  table.replace = [](postern_exchange, std::uint32_t, postern_str) -> postern_status { return POSTERN_OK; };
  table.detach = [](postern_exchange, std::uint32_t) -> postern_status { return POSTERN_OK; };
  CHECK(POSTERN_HAS(&table, postern_body_table, replace));
  CHECK_FALSE(POSTERN_HAS(&table, postern_body_table, detach));
  table.struct_size = sizeof table;
  CHECK(POSTERN_HAS(&table, postern_body_table, detach));
  table.detach = nullptr;
  CHECK_FALSE(POSTERN_HAS(&table, postern_body_table, detach));
}

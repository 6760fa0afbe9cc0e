#include "vary.h"

#include <doctest/doctest.h>

TEST_CASE("members of Vary, in any case and with spaces") {
  for (auto yes : {"Origin", "origin", "Accept-Encoding, ORIGIN", " ,Origin\t,x", "*", "Accept, *"})
    CHECK(vary_names(yes, "origin"));
  for (auto no : {"", ",", "Accept", "X-Origin", "Origin-X", "Origin X", "Ori,gin"})
    CHECK_FALSE(vary_names(no, "origin"));
}

TEST_CASE("its name") {
  CHECK(is_vary("Vary"));
  CHECK(is_vary("VARY"));
  CHECK_FALSE(is_vary("Vary2"));
  CHECK_FALSE(is_vary("*"));
}

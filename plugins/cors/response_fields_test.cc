#include "response_fields.h"

#include <doctest/doctest.h>

TEST_CASE("members of Vary, in any case and with spaces") {
  for (auto yes : {"Origin", "origin", "Accept-Encoding, ORIGIN", " ,Origin\t,x", "*", "Accept, *"})
    CHECK(vary_names(yes, "origin"));
  for (auto no : {"", ",", "Accept", "X-Origin", "Origin-X", "Origin X", "Ori,gin"})
    CHECK_FALSE(vary_names(no, "origin"));
}

TEST_CASE("names, in any case") {
  CHECK(is_vary("Vary"));
  CHECK(is_vary("VARY"));
  CHECK_FALSE(is_vary("Vary2"));
  CHECK_FALSE(is_vary("*"));
  CHECK(is_cors("Access-Control-Allow-Origin"));
  CHECK(is_cors("access-control-max-age"));
  for (auto no : {"Access-Control-", "Access-Control", "X-Access-Control-Max-Age", "Accept", ""})
    CHECK_FALSE(is_cors(no));
}

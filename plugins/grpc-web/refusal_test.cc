#include "refusal.h"

#include <doctest/doctest.h>

TEST_CASE("HTTP's statuses by the standard table") {
  constexpr std::uint32_t kTable[][2] = {{400, 13}, {401, 16}, {403, 7}, {404, 12}, {429, 14}, {502, 14},
                                         {503, 14}, {504, 14}, {413, 2}, {500, 2},  {599, 2}};
  for (const auto& [http, grpc] : kTable) CHECK(refusal_of(http, false).code == grpc);
  CHECK(refusal_of(504, true).code == 4);
  CHECK(refusal_of(502, true).code == 14);
  CHECK(refusal_of(429, true).message == "Too Many Requests");
}

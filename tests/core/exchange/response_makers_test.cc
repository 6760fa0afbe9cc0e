#include "exchange/response_makers.h"

#include <doctest/doctest.h>

using namespace postern::proxy;

namespace {

Link at(std::uint32_t position) {
  Link link;
  link.position = position;
  return link;
}

}  // namespace

TEST_CASE("the upstream's response is made by no instance") {
  ResponseMakers makers;
  CHECK_FALSE(makers.made_current(at(0)));
  CHECK_FALSE(makers.has_answered(at(0)));
}

TEST_CASE("an error is made by those that failed over it, one after another") {
  ResponseMakers makers;
  makers.failed(at(1));
  makers.failed(at(2));
  CHECK(makers.made_current(at(1)));
  CHECK(makers.made_current(at(2)));
  CHECK_FALSE(makers.made_current(at(0)));
  CHECK_FALSE(makers.has_answered(at(1)));
}

TEST_CASE("an answer is made by its instance alone, which answers once for good") {
  ResponseMakers makers;
  makers.failed(at(1));
  makers.answered(at(2));
  CHECK_FALSE(makers.made_current(at(1)));
  CHECK(makers.made_current(at(2)));
  makers.answered(at(0));
  CHECK_FALSE(makers.made_current(at(2)));
  CHECK(makers.has_answered(at(2)));
  makers.failed(at(2));
  CHECK(makers.has_answered(at(2)));
}

#include "upstream/balancer.h"

#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

namespace postern::proxy {
namespace {

using All = std::vector<Candidate>;

std::map<std::string, std::size_t> choices(Balancer& balancer, const All& all) {
  std::map<std::string, std::size_t> chosen;
  balancer.reset(all);
  for (int i = 0; i < 1000; ++i) {
    const std::string key = "key-" + std::to_string(i);
    chosen[key] = balancer.choose(all, key);
  }
  return chosen;
}

std::vector<std::size_t> counts(const std::map<std::string, std::size_t>& chosen, std::size_t endpoints) {
  std::vector<std::size_t> count(endpoints);
  for (const auto& [key, endpoint] : chosen) ++count.at(endpoint);
  return count;
}

TEST_CASE("a key stays where it is when another endpoint goes") {
  auto balancer = Balancer::make(config::Balance::consistent_hash, 1);
  const auto three = choices(
      *balancer, {{"10.0.0.1:80", "10.0.0.1:80"}, {"10.0.0.2:80", "10.0.0.2:80"}, {"10.0.0.3:80", "10.0.0.3:80"}});
  const auto two = choices(*balancer, {{"10.0.0.1:80", "10.0.0.1:80"}, {"10.0.0.2:80", "10.0.0.2:80"}});
  for (const auto& [key, endpoint] : three)
    if (endpoint != 2) CHECK(two.at(key) == endpoint);
  for (std::size_t count : counts(three, 3)) CHECK(count > 200);
}

TEST_CASE("two names of one address have keys of their own") {
  auto balancer = Balancer::make(config::Balance::consistent_hash, 1);
  const All all{{"10.0.0.1:443", "blue.example:443"}, {"10.0.0.1:443", "green.example:443"}};
  for (std::size_t count : counts(choices(*balancer, all), 2)) CHECK(count > 300);
}

TEST_CASE("an endpoint that is not available has its keys moved, and nobody else's") {
  auto balancer = Balancer::make(config::Balance::consistent_hash, 1);
  All all{{"10.0.0.1:80", "10.0.0.1:80"}, {"10.0.0.2:80", "10.0.0.2:80"}, {"10.0.0.3:80", "10.0.0.3:80"}};
  const auto before = choices(*balancer, all);
  all[1].available = false;
  for (const auto& [key, endpoint] : choices(*balancer, all)) {
    CHECK(endpoint != 1);
    if (before.at(key) != 1) CHECK(endpoint == before.at(key));
  }
}

}  // namespace
}  // namespace postern::proxy

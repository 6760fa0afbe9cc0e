#include "limit_key.h"

#include <doctest/doctest.h>

#include <string>

namespace {

std::string address_key(std::string_view text, unsigned prefix = 64) {
  LimitKey key;
  key.start("p");
  key.add_address(text, prefix);
  return std::string(key.text());
}

template <class... Parts>
std::string key_of(std::string_view prefix, Parts... parts) {
  LimitKey key;
  key.start(prefix);
  (key.add(parts), ...);
  return std::string(key.text());
}

}  // namespace

TEST_CASE("IPv6 addresses count as one within their prefix") {
  CHECK(address_key("2001:db8::1") == address_key("2001:db8:0:0:ffff::2"));
  CHECK(address_key("2001:db8::1") != address_key("2001:db8:0:1::1"));
  CHECK(address_key("2001:db8::1", 128) != address_key("2001:db8::2", 128));
  CHECK(address_key("2001:db8:0:f0::1", 60) == address_key("2001:db8:0:ff::1", 60));
  CHECK(address_key("2001:db8:0:e0::1", 60) != address_key("2001:db8:0:ff::1", 60));
  CHECK(address_key("8000::", 1) == address_key("ffff::", 1));
}

TEST_CASE("IPv4 counts as it is, inside IPv6 too") {
  CHECK(address_key("192.0.2.7") != address_key("192.0.2.8"));
  CHECK(address_key("::ffff:192.0.2.7") == address_key("192.0.2.7"));
  CHECK(address_key("unix") != address_key("192.0.2.7"));
  CHECK(address_key("not:an:address") != address_key("::1"));
  CHECK(address_key(std::string(100, ':')) != address_key("::1"));
}

TEST_CASE("no choice of values makes two lists of values alike") {
  CHECK(key_of("p", "ab", "c") != key_of("p", "a", "bc"));
  CHECK(key_of("p", "a", "") != key_of("p", "", "a"));
  CHECK(key_of("p", "a") != key_of("p", "a", ""));
  LimitKey absent;
  absent.start("p");
  absent.add_absent();
  CHECK(std::string(absent.text()) != key_of("p", ""));
  CHECK(std::string(absent.text()) != key_of("p", "anonymous"));
}

TEST_CASE("values that do not fit share one key, that of no other values") {
  CHECK(key_of("p", std::string(1100, 'a')) == key_of("p", std::string(1200, 'b')));
  CHECK(key_of("p", "x", std::string(1100, 'a'), "y") == key_of("p", std::string(70'000, 'b')));
  CHECK(key_of("p", std::string(1100, 'a')) != key_of("q", std::string(1100, 'a')));
  CHECK(key_of("p", std::string(1021, 'a')).size() == 1024);
  CHECK(key_of("p", std::string(1022, 'a')).size() == 3);
  CHECK(key_of("p", std::string(1021, 'a'), "") == key_of("p", std::string(1022, 'a')));
}

#include "origins.h"

#include <doctest/doctest.h>

#include <initializer_list>

namespace {

Origins of(std::initializer_list<std::string_view> written) {
  Origins origins;
  for (auto one : written) CHECK(origins.add(one) == "");
  origins.sort();
  return origins;
}

}  // namespace

TEST_CASE("exact origins: scheme, host and port, as browsers write them") {
  auto origins = of({"https://b.example.com", "HTTPS://A.Example.Com:443", "http://localhost:3000", "http://[::1]:80",
                     "capacitor://localhost"});
  for (auto good : {"https://b.example.com", "https://a.example.com", "http://localhost:3000", "http://[::1]",
                    "capacitor://localhost"})
    CHECK(origins.allow(good));
  for (auto bad :
       {"", "null", "*", "https://example.com", "http://b.example.com", "https://b.example.com:8443",
        "https://b.example.com/", "https://b.example.com.evil.com", "https://B.example.com", "http://localhost:30000"})
    CHECK_FALSE(origins.allow(bad));
  CHECK_FALSE(origins.everybody());
}

TEST_CASE("subdomains of any depth, but not the domain itself nor anything that only ends like it") {
  auto origins = of({"https://*.example.com", "http://*.test:8080"});
  for (auto good : {"https://a.example.com", "https://a.b-1_c.example.com", "http://x.test:8080"})
    CHECK(origins.allow(good));
  for (auto bad : {"https://example.com", "https://.example.com", "http://a.example.com", "https://evilexample.com",
                   "https://evil.com/.example.com", "https://evil.com#.example.com", "https://user@.example.com",
                   "https://evil.com:80.example.com", "https://a.example.com:8443", "https://a.example.com.evil.com",
                   "http://x.test", "https://..example.com"})
    CHECK_FALSE(origins.allow(bad));
}

TEST_CASE("an asterisk allows everybody") {
  auto origins = of({"https://a.example.com", "*"});
  CHECK(origins.everybody());
  CHECK(origins.allow("null"));
}

TEST_CASE("what can never match is refused with a sentence") {
  Origins origins;
  for (auto bad : {"",
                   "example.com",
                   "https://",
                   "https://example.com/",
                   "https://example.com/path",
                   "https://example.com?x",
                   "null",
                   "https://*",
                   "https://*.",
                   "https://a.*.com",
                   "https://*a.com",
                   "*://example.com",
                   "https://exa mple.com",
                   "https://b\xc3\xbc"
                   "cher.de",
                   "https://a.com:",
                   "https://a.com:123456",
                   "https://a.com:x",
                   "https://[::1",
                   "https://[]",
                   "https://.a.com",
                   "1s://a.com"}) {
    CAPTURE(bad);
    CHECK(origins.add(bad) != "");
  }
  CHECK(origins.add("https://example.com/").find("without the slash") != std::string::npos);
}

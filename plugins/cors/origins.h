// Which origins (RFC 6454) are allowed: by name, by subdomain, or all. Knows nothing of the gateway.
#pragma once

#include <string>
#include <string_view>
#include <vector>

class Origins {
 public:
  // "*", "https://app.example.com:8443" or "https://*.example.com". A sentence when it is none of these, else empty.
  std::string add(std::string_view written);
  void sort();  // once, after the last add

  bool everybody() const noexcept { return everybody_; }
  // `origin` as a browser sends it: in lower case, without a default port. Compared byte by byte.
  bool allow(std::string_view origin) const noexcept;

 private:
  // "https://" and ".example.com:8443": what stands before and after the subdomain.
  struct Subdomains {
    std::string scheme;
    std::string domain;
    bool take(std::string_view origin) const noexcept;
  };

  bool everybody_ = false;
  std::vector<std::string> exact_;  // sorted
  std::vector<Subdomains> subdomains_;
};

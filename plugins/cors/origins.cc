#include "origins.h"

#include <postern/text/ascii.h>

#include <algorithm>

namespace {

using postern::is_digit;
using postern::is_lower;

// Characters of a domain's name as browsers write it: other letters are in punycode.
bool is_domain(char c) noexcept { return is_lower(c) || is_digit(c) || c == '-' || c == '.' || c == '_'; }

bool is_scheme(std::string_view text) noexcept {
  auto good = [](char c) { return is_lower(c) || is_digit(c) || c == '+' || c == '-' || c == '.'; };
  return !text.empty() && is_lower(text.front()) && std::all_of(text.begin(), text.end(), good);
}

bool is_port(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 5 && std::all_of(text.begin(), text.end(), is_digit);
}

// A name, an IPv4 address or an IPv6 address in brackets, and perhaps a port.
bool is_host(std::string_view text) noexcept {
  std::size_t end = text.starts_with('[') ? text.find(']') : text.find(':');
  if (text.starts_with('[')) {
    auto inside = [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.'; };
    if (end == text.npos || end == 1 || !std::all_of(text.begin() + 1, text.begin() + static_cast<long>(end), inside))
      return false;
    ++end;
  } else {
    auto name = text.substr(0, end);
    if (name.empty() || name.front() == '.' || !std::all_of(name.begin(), name.end(), is_domain)) return false;
  }
  return end >= text.size() || (text[end] == ':' && is_port(text.substr(end + 1)));
}

// Browsers leave the scheme's own port out.
void drop_default_port(std::string& origin) {
  for (std::string_view port : {std::string_view("http://:80"), std::string_view("https://:443")}) {
    auto scheme = port.substr(0, port.find(':') + 3);
    auto suffix = port.substr(scheme.size());
    if (origin.starts_with(scheme) && origin.ends_with(suffix)) return origin.resize(origin.size() - suffix.size());
  }
}

}  // namespace

std::string Origins::add(std::string_view written) {
  if (written == "*") {
    everybody_ = true;
    return {};
  }
  std::string origin = postern::to_lower(written);
  if (origin == "null")
    return "\"null\" is the origin of every sandboxed page and local file; allow \"*\" if everybody may";
  auto colon = origin.find("://");
  if (colon == std::string::npos || !is_scheme(std::string_view(origin).substr(0, colon)))
    return "an origin is a scheme and a host, as in \"https://app.example.com\", or \"*\"";
  std::size_t host = colon + 3;
  if (origin.find_first_of("/?#", host) != std::string::npos)
    return "an origin ends with its host or port: without a path, and without the slash at the end";
  drop_default_port(origin);
  bool wildcard = std::string_view(origin).substr(host).starts_with("*.");
  if (!is_host(std::string_view(origin).substr(wildcard ? host + 2 : host)))
    return "its host is malformed; \"*.\" may only stand at the host's beginning, and letters beyond ASCII are written "
           "in "
           "punycode";
  if (wildcard)
    subdomains_.push_back({origin.substr(0, host), origin.substr(host + 1)});
  else
    exact_.push_back(std::move(origin));
  return {};
}

void Origins::sort() { std::sort(exact_.begin(), exact_.end()); }

bool Origins::allow(std::string_view origin) const noexcept {
  if (everybody_ || std::binary_search(exact_.begin(), exact_.end(), origin)) return true;
  return std::any_of(subdomains_.begin(), subdomains_.end(), [&](const Subdomains& s) { return s.take(origin); });
}

// What the asterisk stands for is part of a host and nothing else: "https://evil.com/.example.com" is not taken.
bool Origins::Subdomains::take(std::string_view origin) const noexcept {
  if (origin.size() <= scheme.size() + domain.size()) return false;
  if (!origin.starts_with(scheme) || !origin.ends_with(domain)) return false;
  auto labels = origin.substr(scheme.size(), origin.size() - scheme.size() - domain.size());
  return labels.front() != '.' && std::all_of(labels.begin(), labels.end(), is_domain);
}

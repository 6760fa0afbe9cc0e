#include "config/names.h"

#include <arpa/inet.h>
#include <postern/text/ascii.h>

#include <algorithm>
#include <charconv>

#include "config/report.h"

namespace postern::config {
namespace {

template <class Predicate>
bool all_of(std::string_view text, Predicate good) {
  return std::all_of(text.begin(), text.end(), good);
}

bool is_ip(int family, std::string_view text) {
  unsigned char bytes[16];
  return text.size() < 64 && inet_pton(family, std::string(text).c_str(), bytes) == 1;
}
bool is_ip4(std::string_view text) { return is_ip(AF_INET, text); }
bool is_ip6(std::string_view text) { return is_ip(AF_INET6, text); }
bool is_bracketed_ip6(std::string_view text) {
  return text.size() > 2 && text.front() == '[' && text.back() == ']' && is_ip6(text.substr(1, text.size() - 2));
}

bool parse_number(std::string_view text, int max, int& value) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && is_digit(text[0]) && error == std::errc() && end == text.data() + text.size() && value <= max;
}

// Labels of letters, digits, "-" and "_" between dots (service names in container networks have underscores).
bool is_host_name(std::string_view text) {
  if (text.empty() || text.size() > 253 || text.front() == '.' || text.find("..") != std::string_view::npos)
    return false;
  return all_of(text, [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; });
}

// A name whose last label is numeric would be taken for a broken IPv4 address.
bool ends_numeric(std::string_view text) {
  std::string_view last = text.substr(text.rfind('.') + 1);
  return !last.empty() && all_of(last, is_digit);
}

bool is_unix_address(std::string_view text, std::string& problem) {
  std::string_view path = text.substr(5);
  constexpr std::size_t kLongestPath = 107;  // sockaddr_un
  if (!path.empty() && path.size() <= kLongestPath) return true;
  problem = "expected unix: and a path of at most 107 bytes, found " + shown(text);
  return false;
}

// Splits at the last colon; false when there is no port.
bool split_port(std::string_view text, std::string_view& host, int& port) {
  std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || !parse_number(text.substr(colon + 1), 65'535, port)) return false;
  host = text.substr(0, colon);
  return true;
}

}  // namespace

bool is_plugin_name(std::string_view text) {
  if (text.empty() || text.size() > 64 || !(is_lower(text[0]) || is_digit(text[0]))) return false;
  return all_of(text, [](char c) { return is_lower(c) || is_digit(c) || c == '-' || c == '_'; });
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 128 || text[0] == '.') return false;
  return all_of(text, [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '_' || c == '.'; });
}

bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  auto good = [&](char c) { return is_letter(c) || is_digit(c) || kOthers.find(c) != std::string_view::npos; };
  return !text.empty() && all_of(text, good);
}

bool is_listen_address(std::string_view text, std::string& problem) {
  if (text.starts_with("unix:")) return is_unix_address(text, problem);
  std::string_view host;
  int port = 0;
  if (split_port(text, host, port) && (is_ip4(host) || is_bracketed_ip6(host))) return true;
  problem =
      "expected an address and a port, as in \"0.0.0.0:8080\", \"[::]:8080\" or \"unix:/run/postern.sock\", found " +
      shown(text);
  return false;
}

bool is_target_address(std::string_view text, std::string& problem) {
  if (text.starts_with("unix:")) return is_unix_address(text, problem);
  std::string_view host;
  int port = 0;
  if (split_port(text, host, port) && port > 0) {
    if (is_ip4(host) || is_bracketed_ip6(host)) return true;
    if (is_host_name(host) && !ends_numeric(host)) return true;
  }
  problem =
      "expected a host and a port, as in \"api.internal:8080\", \"127.0.0.1:9001\" or \"unix:/run/api.sock\", found " +
      shown(text);
  if (text.find("://") != std::string_view::npos) problem += "; write it without the scheme";
  return false;
}

bool is_host_pattern(std::string_view text, std::string& problem) {
  std::string_view name = text.starts_with("*.") ? text.substr(2) : text;
  if (is_host_name(name) && name.back() != '.') return true;
  if (name.size() == text.size() && is_bracketed_ip6(text)) return true;
  problem = "expected a host such as \"api.example.com\" or \"*.example.com\", without a port, found " + shown(text);
  if (text == "*") problem += "; leave \"host\" out to match any";
  return false;
}

bool is_address_block(std::string_view text) {
  std::size_t slash = text.find('/');
  std::string_view address = text.substr(0, slash);
  bool v4 = is_ip4(address);
  if (!v4 && !is_ip6(address)) return false;
  int bits = 0;
  return slash == std::string_view::npos || parse_number(text.substr(slash + 1), v4 ? 32 : 128, bits);
}

}  // namespace postern::config

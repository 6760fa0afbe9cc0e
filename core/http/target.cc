#include "http/target.h"

#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "http/char_class.h"
#include "http/headers.h"

namespace postern::http {
namespace {

tl::unexpected<Error> refuse(const char* text) { return fail(Error::client(ErrorCode::bad_request, text)); }

// Nothing to decode, resolve or merge. A segment that begins with '.' is left to the slow way.
bool is_plain(std::string_view path) noexcept {
  char before = 0;
  for (char c : path) {
    if (c == '%' || c == '\\') return false;
    if (before == '/' && (c == '/' || c == '.')) return false;
    before = c;
  }
  return true;
}

// Decodes escapes of unreserved characters, writes the others in upper case; `to` has room for all of `path`.
Result<std::size_t> decode(std::string_view path, char* to) {
  constexpr const char* kHex = "0123456789ABCDEF";
  std::size_t size = 0;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '\\') return refuse("backslash in the path");
    if (path[i] != '%') {
      to[size++] = path[i];
      continue;
    }
    int high = i + 2 < path.size() ? hex_value(path[i + 1]) : -1;
    int low = high >= 0 ? hex_value(path[i + 2]) : -1;
    if (low < 0) return refuse("malformed escape in the path");
    char c = static_cast<char>(high * 16 + low);
    if (c == 0 || c == '\\') return refuse("escaped NUL or backslash in the path");
    if (is(c, kUnreserved)) {
      to[size++] = c;
    } else {
      to[size++] = '%';
      to[size++] = kHex[high];
      to[size++] = kHex[low];
    }
    i += 2;
  }
  return size;
}

// Merges slashes and resolves "." and ".." in place; `path` begins with '/'. Returns the new size.
Result<std::size_t> resolve(char* path, std::size_t size) {
  std::size_t out = 0;
  for (std::size_t at = 0; at < size;) {
    while (at < size && path[at] == '/') ++at;
    std::size_t end = at;
    while (end < size && path[end] != '/') ++end;
    std::string_view segment(path + at, end - at);
    bool last = end == size;
    bool directory = segment.empty() || segment == "." || segment == "..";
    if (segment == "..") {
      if (out == 0) return refuse("the path climbs above the root");
      while (path[--out] != '/') continue;
    }
    if (!directory || last) path[out++] = '/';
    if (!directory) {
      std::memmove(path + out, segment.data(), segment.size());
      out += segment.size();
    }
    at = end;
  }
  return out;
}

Result<std::string_view> normalise(std::string_view path, Arena& arena) {
  if (is_plain(path)) return path;
  auto* bytes = static_cast<char*>(arena.allocate(path.size(), 1));
  auto decoded = decode(path, bytes);
  if (!decoded) return fail(std::move(decoded.error()));
  auto size = resolve(bytes, *decoded);
  if (!size) return fail(std::move(size.error()));
  std::string_view normal(bytes, *size);
  return normal == path ? path : normal;
}

Result<Target> parse_origin(Target target, std::string_view origin, Arena& arena) {
  auto mark = origin.find('?');
  auto path = normalise(origin.substr(0, mark), arena);
  if (!path) return fail(std::move(path.error()));
  target.origin = origin;
  target.path = *path;
  if (mark != std::string_view::npos) target.query = origin.substr(mark + 1);
  return target;
}

// OPTIONS for the server itself.
Target asterisk(Target target) noexcept {
  target.origin = target.path = "*";
  return target;
}

Result<Target> parse_absolute(std::string_view method, std::string_view raw, Arena& arena) {
  Target target;
  auto colon = raw.find("://");
  if (colon == std::string_view::npos) return refuse("malformed request target");
  for (std::string_view known : {"http", "https"})
    if (same_name(raw.substr(0, colon), known)) target.scheme = known;
  if (target.scheme.empty()) return refuse("unknown scheme in the request target");
  auto rest = raw.substr(colon + 3);
  auto end = std::min(rest.find_first_of("/?"), rest.size());
  target.authority = rest.substr(0, end);
  if (target.authority.empty()) return refuse("request target without a host");
  auto origin = rest.substr(end);
  if (origin.starts_with('/')) return parse_origin(target, origin, arena);
  if (origin.empty() && method == "OPTIONS") return asterisk(target);  // RFC 9112 section 3.2.4
  return parse_origin(target, origin.empty() ? "/" : arena.append(arena.copy("/"), origin), arena);
}

// "[2001:db8::1]"; no zone, no IPvFuture.
bool is_ip_literal(std::string_view text) noexcept {
  if (text.size() < 4 || text.back() != ']') return false;
  char address[INET6_ADDRSTRLEN] = {};
  auto inner = text.substr(1, text.size() - 2);
  if (inner.size() >= sizeof(address) || !all_are(inner, kTarget)) return false;
  std::memcpy(address, inner.data(), inner.size());
  in6_addr parsed;
  return inet_pton(AF_INET6, address, &parsed) == 1;
}

bool is_port(std::string_view text) noexcept {
  if (text.empty() || text.size() > 5) return false;
  unsigned port = 0;
  for (char c : text) {
    if (!is_digit(c)) return false;
    port = port * 10 + static_cast<unsigned>(c - '0');
  }
  return port <= 65535;
}

bool is_reg_name(std::string_view host) noexcept {
  if (all_are(host, kHost)) return !host.empty();
  for (std::size_t i = 0; i < host.size(); ++i) {
    if (is(host[i], kHost)) continue;
    if (host[i] != '%' || i + 2 >= host.size() || hex_value(host[i + 1]) < 0 || hex_value(host[i + 2]) < 0)
      return false;
    i += 2;
  }
  return !host.empty();
}

}  // namespace

Result<Target> parse_target(std::string_view method, std::string_view raw, Arena& arena) {
  if (raw.empty() || !all_are(raw, kTarget)) return refuse("malformed request target");
  if (raw.front() == '/') return parse_origin({}, raw, arena);
  if (raw != "*") return parse_absolute(method, raw, arena);
  if (method != "OPTIONS") return refuse("the target * is for OPTIONS only");
  return asterisk({});
}

Result<std::string_view> parse_authority(std::string_view raw, Arena& arena) {
  const bool literal = raw.starts_with('[');
  auto host_end = literal ? raw.find(']') + 1 : std::min(raw.find(':'), raw.size());
  auto host = raw.substr(0, host_end);
  auto rest = raw.substr(host_end);
  bool good_host = literal ? is_ip_literal(host) : is_reg_name(host);
  if (!good_host || !(rest.empty() || (rest.front() == ':' && is_port(rest.substr(1)))))
    return refuse("malformed host");
  if (all_are(host, kNoUpper)) return raw;
  auto copy = arena.array<char>(raw.size());
  for (std::size_t i = 0; i < raw.size(); ++i) copy[i] = to_lower(raw[i]);
  return std::string_view(copy.data(), copy.size());
}

}  // namespace postern::http

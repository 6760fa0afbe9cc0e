// Parses and normalises a request target. One policy, shared by router and plugins (TS-15):
//  - origin-form, absolute-form (its authority must agree with Host), asterisk-form for OPTIONS; no authority-form;
//  - %XX of unreserved characters is decoded, other escapes get upper-case hex and never become separators: %2F stays
//    %2F, %5C and %00 are refused, as are raw backslashes, controls, spaces and malformed escapes;
//  - "." and ".." segments (also when escaped) are resolved; climbing above the root is refused;
//  - runs of '/' become one; a fragment is refused. The query is never changed (RT-09), only checked for controls;
//  - bytes outside of ASCII are refused everywhere: they have to be escaped.
#pragma once

#include <string_view>

#include "base/arena.h"
#include "base/result.h"

namespace postern::http {

struct Target {
  std::string_view origin;     // path and query as received: a view into the input unless a path had to be put before
  std::string_view path;       // normalised; begins with '/', or is "*"; a view into the input when nothing changed
  std::string_view query;      // without '?'
  std::string_view authority;  // of an absolute-form target, as received; empty otherwise
  std::string_view scheme;     // of an absolute-form target, lower case; empty otherwise
};

// Schemes are http and https. Errors are client errors with code bad_request.
Result<Target> parse_target(std::string_view method, std::string_view raw, Arena& arena);

// Host (RFC 9110 section 7.2): reg-name, IPv4 or [IPv6], optional port 0..65535. Returns it lower-cased.
Result<std::string_view> parse_authority(std::string_view raw, Arena& arena);

}  // namespace postern::http

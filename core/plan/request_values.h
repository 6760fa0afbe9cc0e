// Single values out of a request head: cookies, query parameters, the host without its port.
#pragma once

#include <optional>
#include <string_view>

#include "base/arena.h"
#include "http/headers.h"

namespace postern::proxy {

// The first cookie of that name (case-sensitive) in all Cookie fields (RFC 6265 section 5.4); a view, quotes left on.
std::optional<std::string_view> find_cookie(const http::HeaderList& headers, std::string_view name) noexcept;

// By the rules of postern/text/percent.h. A view of `text` when there is nothing to decode.
std::string_view decode_query_value(std::string_view text, Arena& arena);

// "api.example.com" of "api.example.com:8080", "[::1]" of "[::1]:80"; a trailing dot goes too.
std::string_view host_of(std::string_view authority) noexcept;

}  // namespace postern::proxy

// Small look-ups in a request head that routing, variables and conditions share.
#pragma once

#include <optional>
#include <string_view>

#include "http/headers.h"

namespace postern::server {

std::string_view host_without_port(std::string_view authority) noexcept;  // "[::1]:80" gives "[::1]"
// First cookie of that name in any Cookie field (RFC 6265 section 4.2). Names are case-sensitive.
std::optional<std::string_view> find_cookie(const http::HeaderList& headers, std::string_view name) noexcept;
// First query parameter of that name, as written (not decoded).
std::optional<std::string_view> find_query(std::string_view query, std::string_view name) noexcept;

}  // namespace postern::server

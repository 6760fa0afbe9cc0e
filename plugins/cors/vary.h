// The Vary header (RFC 9110 section 12.5.5). Knows nothing of the gateway.
#pragma once

#include <string_view>

bool is_vary(std::string_view name) noexcept;  // of a header, in any case

// Whether a value of Vary says already that the response depends on `name` (in lower case): by its name or by "*".
bool vary_names(std::string_view vary, std::string_view name) noexcept;

// Which of a response's headers CORS is about. Knows nothing of the gateway.
#pragma once

#include <string_view>

bool is_cors(std::string_view name) noexcept;  // Access-Control-..., in any case
bool is_vary(std::string_view name) noexcept;  // Vary, in any case

// Whether a value of Vary (RFC 9110 section 12.5.5) says already that the response depends on `name` (in lower case):
// by its name or by "*".
bool vary_names(std::string_view vary, std::string_view name) noexcept;

// Which headers an operator may change, and what may stand in one. Knows nothing of the gateway.
#pragma once

#include <string_view>

enum class Message { request, response };
enum class Change { remove, set, add };

// Why this header of this message may not be changed in this way, as the end of a sentence that begins with its name.
// Empty when it may. Framing and hop-by-hop fields (RFC 9110 section 7.6.1) are the gateway's.
std::string_view refusal(std::string_view name, Message message, Change change) noexcept;

// What a value may not contain: CR, LF, NUL and other controls except HTAB (RFC 9110 section 5.5).
bool has_controls(std::string_view text) noexcept;

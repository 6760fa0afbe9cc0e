// Request ids: which ones are accepted, and how new ones are made. Knows nothing of the gateway.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

// 1 to 128 characters of [A-Za-z0-9._-]: nothing that could be confused in a log or a header.
bool is_request_id(std::string_view text) noexcept;

// A random UUID (RFC 9562 section 5.4) as text. Unique, not secret: the generator is fast and per thread, its seed is the
// system's.
class Uuid {
 public:
  Uuid();
  std::string_view text() const noexcept { return {text_.data(), text_.size()}; }

 private:
  std::array<char, 36> text_;
};

// Base64 (RFC 4648 section 4) as grpc-web-text streams it: in pieces of any size, padded wherever a sender flushed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// Decodes a stream. Trivially copyable; zeroed memory is a fresh one.
class Base64Decoder {
 public:
  // Appends what `text` completes. False: it is not base64, and the decoder is of no more use.
  bool decode(std::string_view text, std::string& bytes);
  // Nothing is left over: the stream may end here.
  bool at_boundary() const { return count_ == 0; }

 private:
  bool take(char c, std::string& bytes);
  std::uint32_t bits_ = 0;
  std::uint8_t count_ = 0;    // characters of the group so far, padding included
  std::uint8_t padding_ = 0;  // how many of them were '='
};

// Appends `bytes` with padding, so that a reader can decode them at once.
void append_base64(std::string& text, std::string_view bytes);

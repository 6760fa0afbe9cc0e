// Heads and trailers as the name-value pairs that nghttp2 sends. For the .cc files of this folder alone: nobody else sees
// nghttp2.
#pragma once

#include <nghttp2/nghttp2.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "http/message.h"

namespace postern::http {

// Views into a head, without copies: nghttp2_submit_* copies them once, and puts the names into lower case as it does.
// Connection options never come out, whatever the head says, and framing only as the caller wants it. Reusable.
class H2Lines {
 public:
  // `length`: written as content-length.
  // `scheme`: of the connection (RFC 9113 section 8.3.1), whatever the client's was.
  void set_request(const RequestHead& head, std::string_view scheme, std::optional<std::uint64_t> length);
  void set_response(const ResponseHead& head, std::optional<std::uint64_t> length);
  void set_trailers(const HeaderList& trailers);  // without those that may not come after a body
  const nghttp2_nv* data() const noexcept { return lines_.data(); }
  std::size_t size() const noexcept { return lines_.size(); }

 private:
  void put(std::string_view name, std::string_view value);
  void put_number(std::string_view name, std::uint64_t number, std::array<char, 20>& text);
  void put_fields(const HeaderList& fields);

  std::vector<nghttp2_nv> lines_;
  std::array<char, 20> status_;
  std::array<char, 20> length_;
};

}  // namespace postern::http

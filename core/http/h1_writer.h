// HTTP/1 heads and bodies as bytes. The framing is decided by the codec; fields that would contradict it are left out.
#pragma once

#include <cstdint>
#include <string_view>

#include "http/codec.h"
#include "http/message.h"

namespace postern::http {

enum class ConnectionOption : std::uint8_t { none, close, keep_alive, upgrade };

// What the codec adds to a head on its own account.
struct WireHead {
  ConnectionOption connection = ConnectionOption::none;
  std::string_view upgrade_protocol;  // with ConnectionOption::upgrade
  bool has_length = false;
  std::uint64_t length = 0;
  bool chunked = false;
};

void write_request_head(const RequestHead& head, const WireHead& wire, ByteSink& out);
void write_response_head(const ResponseHead& head, const WireHead& wire, ByteSink& out);

// Writes one body after another in the framing that the head announced.
class H1BodyWriter {
 public:
  // With none, or a length of 0, the body has already ended: whatever is written is swallowed.
  void start(BodyFraming wire) noexcept;
  void write(std::string_view bytes, ByteSink& out);
  void end(const HeaderList* trailers, ByteSink& out);  // trailers are dropped unless chunked
  // Ended, and not shorter or longer than announced.
  bool complete() const noexcept { return ended_ && !broken_; }

 private:
  BodyKind kind_ = BodyKind::none;
  std::uint64_t left_ = 0;
  bool ended_ = false;
  bool broken_ = false;
};

}  // namespace postern::http

#include "base/record.h"

#include <algorithm>
#include <cstring>

namespace postern {
namespace {

// What the handshakes of tunnels are made of: one of these words takes no more than a number or two.
constexpr std::string_view kWords =
    "GET http https websocket Upgrade upgrade Host host Connection connection Origin origin Date date Server server "
    "User-Agent user-agent Sec-WebSocket-Key sec-websocket-key Sec-WebSocket-Version sec-websocket-version "
    "Sec-WebSocket-Extensions sec-websocket-extensions permessage-deflate; client_max_window_bits "
    "Sec-WebSocket-Protocol sec-websocket-protocol Sec-WebSocket-Accept sec-websocket-accept Switching Protocols "
    "Accept-Encoding accept-encoding gzip, deflate, br Accept-Language accept-language en-US,en;q=0.9 "
    "Cache-Control cache-control no-cache Pragma pragma Cookie cookie Authorization authorization Bearer "
    "X-Request-ID x-request-id X-Correlation-ID x-correlation-id X-Forwarded-For x-forwarded-for "
    "X-Forwarded-Proto x-forwarded-proto Content-Length content-length Transfer-Encoding transfer-encoding";
constexpr std::size_t kShortest = 3;    // of texts that are looked for
constexpr std::size_t kWindow = 1'024;  // how much of what is written is looked through

std::size_t position(std::string_view in, std::string_view text) noexcept {
  const void* found = memmem(in.data(), in.size(), text.data(), text.size());
  return found == nullptr ? std::string_view::npos
                          : static_cast<std::size_t>(static_cast<const char*>(found) - in.data());
}

}  // namespace

// Seven bits in a byte, the lowest first; the eighth says that more follow.
void RecordWriter::put(std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) bytes_.push_back(static_cast<char>(value | 0x80));
  bytes_.push_back(static_cast<char>(value));
}

// The length, doubled; odd: then comes where the bytes are, counted from the first usual word on, else the bytes.
void RecordWriter::text(std::string_view text) {
  std::size_t at = std::string_view::npos;
  if (text.size() >= kShortest) at = position(kWords, text);
  if (text.size() >= kShortest && at == std::string_view::npos) {
    at = position(std::string_view(bytes_).substr(0, kWindow), text);
    if (at != std::string_view::npos) at += kWords.size();
  }
  bool known = at != std::string_view::npos;
  put(text.size() * 2 + (known ? 1 : 0));
  known ? put(at) : static_cast<void>(bytes_.append(text));
}

Record RecordWriter::finish() const {
  Record record(new char[bytes_.size()]);
  std::copy(bytes_.begin(), bytes_.end(), record.get());
  return record;
}

std::uint64_t RecordReader::get() noexcept {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    auto byte = static_cast<unsigned char>(*at_++);
    value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
}

void RecordReader::text(std::string_view& text) noexcept {
  std::uint64_t code = get();
  std::size_t size = code / 2;
  if (code % 2 == 0) {
    text = {at_, size};
    at_ += size;
    return;
  }
  std::size_t at = get();
  text = at < kWords.size() ? kWords.substr(at, size) : std::string_view(begin_ + (at - kWords.size()), size);
}

}  // namespace postern

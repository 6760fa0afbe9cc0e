#include "http/h1_writer.h"

#include <charconv>
#include <cstring>
#include <memory>
#include <utility>

#include "base/copy_text.h"
#include "http/known_fields.h"
#include "http/trailers.h"

namespace postern::http {
namespace {

constexpr std::size_t kNumberBytes = 20;    // the longest 64-bit number
constexpr std::size_t kFramingBytes = 160;  // the longest lines that a WireHead adds, without its views

// Room for a head whose size is known beforehand: on the stack unless it is unusually large.
class HeadBuffer {
 public:
  explicit HeadBuffer(std::size_t size) {
    if (size > sizeof(small_)) large_ = std::make_unique<char[]>(size);
    begin_ = at_ = large_ != nullptr ? large_.get() : small_;
  }

  void put(std::string_view text) noexcept {
    if (!text.empty()) copy_text(at_, text.data(), text.size());
    at_ += text.size();
  }
  template <std::size_t N>
  void put(const char (&literal)[N]) noexcept {
    std::memcpy(at_, literal, N - 1);
    at_ += N - 1;
  }
  void put(const Field& field) noexcept {
    put(field.name);
    put(": ");
    put(field.value);
    put("\r\n");
  }
  void put_number(std::uint64_t number) noexcept { at_ = std::to_chars(at_, at_ + kNumberBytes, number).ptr; }
  std::string_view bytes() const noexcept { return {begin_, static_cast<std::size_t>(at_ - begin_)}; }

 private:
  char small_[4096];
  std::unique_ptr<char[]> large_;
  char* begin_;
  char* at_;
};

std::size_t size_of(const HeaderList& fields) noexcept {
  constexpr std::size_t kPunctuation = 4;  // ": " and CR LF
  std::size_t size = 0;
  for (const Field& field : fields) size += field.name.size() + field.value.size() + kPunctuation;
  return size;
}

void put_connection(HeadBuffer& head, const WireHead& wire) noexcept {
  switch (wire.connection) {
    case ConnectionOption::none:
      return;
    case ConnectionOption::close:
      return head.put("Connection: close\r\n");
    case ConnectionOption::keep_alive:
      return head.put("Connection: keep-alive\r\n");
    case ConnectionOption::upgrade:
      break;
  }
  head.put("Connection: upgrade\r\nUpgrade: ");
  head.put(wire.upgrade_protocol);
  head.put("\r\n");
}

void put_framing(HeadBuffer& head, const WireHead& wire) noexcept {
  if (wire.chunked) head.put("Transfer-Encoding: chunked\r\n");
  if (!wire.has_length) return;
  head.put("Content-Length: ");
  head.put_number(wire.length);
  head.put("\r\n");
}

// The fields that are the caller's to choose. Only the first Host of a request is written.
void put_fields(HeadBuffer& head, const HeaderList& fields, bool& host_written) noexcept {
  for (const Field& field : fields) {
    auto known = known_field(field.name);
    if (known == KnownField::host && !std::exchange(host_written, true)) {
      head.put(field);
    } else if (known == KnownField::other) {
      head.put(field);
    }
  }
}

void put_chunk_size(HeadBuffer& head, std::size_t size) noexcept {
  char digits[16];
  auto end = std::to_chars(digits, digits + sizeof(digits), size, 16).ptr;
  head.put({digits, static_cast<std::size_t>(end - digits)});
  head.put("\r\n");
}

// A small chunk is cheaper copied once than sent as three pieces.
void write_chunk(std::string_view bytes, ByteSink& out) {
  constexpr std::size_t kLine = 18;  // 16 digits and CR LF
  constexpr std::size_t kCopied = 2048;
  if (bytes.size() <= kCopied) {
    HeadBuffer chunk(kLine + bytes.size() + 2);
    put_chunk_size(chunk, bytes.size());
    chunk.put(bytes);
    chunk.put("\r\n");
    return out.append(chunk.bytes());
  }
  HeadBuffer line(kLine);
  put_chunk_size(line, bytes.size());
  out.append(line.bytes());
  out.append(bytes);
  out.append("\r\n");
}

void write_last_chunk(const HeaderList* trailers, ByteSink& out) {
  if (trailers == nullptr || trailers->size() == 0) return out.append("0\r\n\r\n");
  HeadBuffer tail(size_of(*trailers) + 5);
  tail.put("0\r\n");
  for (const Field& field : *trailers)
    if (may_be_trailer(field.name)) tail.put(field);
  tail.put("\r\n");
  out.append(tail.bytes());
}

}  // namespace

void write_request_head(const RequestHead& head, const WireHead& wire, ByteSink& out) {
  HeadBuffer bytes(head.method.size() + head.target.size() + head.authority.size() + wire.upgrade_protocol.size() +
                   size_of(head.headers) + kFramingBytes + 32);
  bytes.put(head.method);
  bytes.put(" ");
  bytes.put(head.target);
  bytes.put(" HTTP/1.1\r\n");
  bool host_written = false;
  put_fields(bytes, head.headers, host_written);
  if (!host_written) bytes.put({"Host", head.authority});
  if (head.expect_continue) bytes.put("Expect: 100-continue\r\n");
  put_framing(bytes, wire);
  put_connection(bytes, wire);
  bytes.put("\r\n");
  out.append(bytes.bytes());
}

void write_response_head(const ResponseHead& head, const WireHead& wire, ByteSink& out) {
  auto reason = head.reason.empty() ? reason_phrase(head.status) : head.reason;
  HeadBuffer bytes(reason.size() + wire.upgrade_protocol.size() + size_of(head.headers) + kFramingBytes + kNumberBytes);
  bytes.put("HTTP/1.1 ");
  bytes.put_number(head.status);
  bytes.put(" ");
  bytes.put(reason);
  bytes.put("\r\n");
  bool host_written = true;  // a response has none
  put_fields(bytes, head.headers, host_written);
  put_framing(bytes, wire);
  put_connection(bytes, wire);
  bytes.put("\r\n");
  out.append(bytes.bytes());
}

void H1BodyWriter::start(BodyFraming wire) noexcept {
  kind_ = wire.kind;
  left_ = wire.kind == BodyKind::length ? wire.length : 0;
  ended_ = wire.kind == BodyKind::none || (wire.kind == BodyKind::length && wire.length == 0);
  broken_ = false;
}

void H1BodyWriter::write(std::string_view bytes, ByteSink& out) {
  if (bytes.empty() || ended_ || kind_ == BodyKind::none) return;
  if (kind_ == BodyKind::chunked) return write_chunk(bytes, out);
  if (kind_ == BodyKind::length) {
    if (bytes.size() > left_) {  // never let a body run into the next message
      broken_ = true;
      bytes = bytes.substr(0, static_cast<std::size_t>(left_));
    }
    left_ -= bytes.size();
  }
  if (!bytes.empty()) out.append(bytes);
}

void H1BodyWriter::end(const HeaderList* trailers, ByteSink& out) {
  if (std::exchange(ended_, true)) return;
  if (left_ > 0) broken_ = true;
  if (kind_ == BodyKind::chunked) write_last_chunk(trailers, out);
}

}  // namespace postern::http

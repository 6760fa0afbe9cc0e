// llhttp at its work: the field lines, the body and the trailers of one HTTP/1 message after another (RFC 9112 sections 5 to 7).
//
// The rest of this folder does for HTTP/1 only what llhttp 8.1 cannot do:
// - start lines and targets (start_line.h, target.h): it knows a list of methods and is generous with spaces and versions. So it
//   begins each message behind a start line that it has read once;
// - bounds of heads and trailers (head_reader.h): it counts neither bytes nor fields. It also joins folded lines;
// - the line of a chunk (chunk_line.h): it does not bound it, and refuses legal extensions;
// - framing (body_framing.h): it takes what two readers could understand differently, such as chunks in HTTP/1.0. So our rules
//   decide, and it has to agree (`agrees_with`).
#pragma once

#include <llhttp.h>

#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "http/chunk_line.h"
#include "http/headers.h"
#include "http/message.h"

namespace postern::http {

class H1Parser {
 public:
  enum class Kind : std::uint8_t { request, response };
  enum class At : std::uint8_t { fields, chunk_line, data, trailers, end };
  struct Step {
    std::size_t taken;      // at least one byte
    std::string_view data;  // part of what was taken; may be empty
  };

  explicit H1Parser(Kind kind) noexcept : kind_(kind) {}
  H1Parser(const H1Parser&) = delete;
  H1Parser& operator=(const H1Parser&) = delete;

  // Begins a message: `section` is all that stands between its start line and its body, as HeadReader has gathered it. It
  // outlives `fields`, which gets views into it. All functions fail with the reason, which is static.
  tl::expected<void, const char*> read_fields(std::string_view section, HeaderList& fields);
  // Whether llhttp, too, understands the fields just read as those of a message with this body.
  bool agrees_with(const BodyFraming& body) const noexcept;

  // Goes on behind the fields with a body that has a length or is chunked; `bytes` is not empty. Stops behind each run of
  // data, before the trailer section and at the end.
  tl::expected<Step, const char*> read_body(std::string_view bytes);
  // `section` and `fields` as for read_fields(). The message ends with it.
  tl::expected<void, const char*> read_trailers(std::string_view section, HeaderList& fields);
  At at() const noexcept { return at_; }

 private:
  struct Callbacks;

  tl::expected<void, const char*> read_section(std::string_view section, HeaderList& fields);
  tl::expected<std::size_t, const char*> read_chunk_line(std::string_view bytes);
  tl::expected<std::size_t, const char*> execute(std::string_view bytes);

  llhttp_t parser_{};
  HeaderList* fields_ = nullptr;  // that the running section's fields go to
  std::string_view name_;         // of the field whose value comes next
  std::string_view data_;         // that the running step has found
  ChunkLine line_;
  Kind kind_;
  At at_ = At::fields;
};

}  // namespace postern::http

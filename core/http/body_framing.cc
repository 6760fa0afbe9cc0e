#include "http/body_framing.h"

#include <limits>

#include "http/char_class.h"

namespace postern::http {
namespace {

struct FramingProblem {
  ErrorCode code;
  std::string_view text;
};

tl::unexpected<FramingProblem> refuse(std::string_view text, ErrorCode code = ErrorCode::bad_request) {
  return tl::unexpected(FramingProblem{code, text});
}

// What is wrong with codings other than one plain "chunked": unknown ones are not implemented, the rest is malformed.
tl::unexpected<FramingProblem> refuse_codings(std::string_view value) {
  bool unknown = false;
  for (;;) {
    auto comma = value.find(',');
    auto coding = trim(value.substr(0, comma));
    if (!is_token(coding)) return refuse("malformed Transfer-Encoding");
    bool last = comma == std::string_view::npos;
    if (!same_name(coding, "chunked")) {
      unknown = true;
    } else if (!last) {
      return refuse("chunked is not the last transfer coding");
    }
    if (last) break;
    value.remove_prefix(comma + 1);
  }
  if (!unknown) return refuse("malformed Transfer-Encoding");
  return refuse("only the transfer coding chunked is supported", ErrorCode::not_implemented);
}

tl::expected<BodyFraming, FramingProblem> decide(const ConnectionFields& fields, Version version,
                                                 BodyFraming otherwise) {
  const auto& coding = fields.transfer_encoding;
  const auto& length = fields.content_length;
  if (coding.count == 0 && length.count == 0) return otherwise;
  if (coding.count > 0 && length.count > 0) return refuse("both Content-Length and Transfer-Encoding");
  if (length.count > 1) return refuse("repeated Content-Length");
  if (coding.count > 1) return refuse("repeated Transfer-Encoding");
  if (length.count == 1) {
    auto bytes = parse_content_length(length.value);
    if (!bytes) return refuse("malformed Content-Length");
    return BodyFraming{BodyKind::length, *bytes};
  }
  if (version == Version::http10) return refuse("Transfer-Encoding in HTTP/1.0");
  if (!same_name(coding.value, "chunked")) return refuse_codings(coding.value);
  return BodyFraming{BodyKind::chunked, 0};
}

}  // namespace

std::optional<std::uint64_t> parse_content_length(std::string_view value) noexcept {
  constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();
  if (value.empty() || value.size() > 19) return std::nullopt;  // 19 digits never overflow
  static_assert(kMax / 10 > 999'999'999'999'999'999U);
  std::uint64_t bytes = 0;
  for (char c : value) {
    if (!is_digit(c)) return std::nullopt;
    bytes = bytes * 10 + static_cast<std::uint64_t>(c - '0');
  }
  return bytes;
}

Result<BodyFraming> request_framing(const ConnectionFields& fields, Version version) {
  auto framing = decide(fields, version, {BodyKind::none, 0});
  if (!framing) return fail(Error::client(framing.error().code, std::string(framing.error().text)));
  return *framing;
}

Result<BodyFraming> response_framing(const ConnectionFields& fields, Version version) {
  auto framing = decide(fields, version, {BodyKind::until_close, 0});
  if (!framing) return fail(Error::upstream(ErrorCode::proxy_error, std::string(framing.error().text)));
  return *framing;
}

}  // namespace postern::http

// The fields of an HTTP/2 head or trailer section, one by one as HPACK decodes them, to a RequestHead, ResponseHead or
// HeaderList (RFC 9113 section 8). Strict on its own account, whatever the decoder has checked before: nothing comes out
// that could mean something else when it is written in HTTP/1. The same for both sides.
#pragma once

#include <tl/expected.hpp>

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/error.h"
#include "http/codec.h"
#include "http/message.h"

namespace postern::http {

struct H2Problem {
  // The section breaks HTTP/2 itself: a stream error of type PROTOCOL_ERROR (RFC 9113 section 8.1.1). Otherwise it is only
  // what this gateway does not take, and a request gets the status of the error's code.
  bool malformed;
  Error error;  // of the client for a request, of the upstream for a response
};

class H2FieldReader {
 public:
  enum class Section : std::uint8_t { request, response, request_trailers, response_trailers };

  // Reads one section. Everything that comes out lives in `arena`.
  H2FieldReader(Section section, const HeadLimits& limits, Arena& arena);
  // Copies one field. After a problem fields are only counted; finish_* tells the problem. False when the section has
  // become many times larger than is allowed, which only an attack does: stop decoding it for this stream.
  bool add(std::string_view name, std::string_view value);
  // Names and values so far, as HTTP/1 would write them.
  std::uint32_t bytes() const noexcept { return static_cast<std::uint32_t>(bytes_); }

  // `ends`: END_STREAM stood on the section. Each may be called once, after the section's last field.
  tl::expected<RequestHead*, H2Problem> finish_request(bool ends);
  // `to_head`: the request was a HEAD, so that a length without a body is right.
  tl::expected<ResponseHead*, H2Problem> finish_response(bool ends, bool to_head);
  tl::expected<HeaderList*, H2Problem> finish_trailers();  // null when no field is left

 private:
  enum class Pseudo : std::uint8_t { method, scheme, authority, path, protocol, status };
  static constexpr std::size_t kPseudos = 6;

  bool is_request() const noexcept { return section_ == Section::request; }
  bool is_trailers() const noexcept { return section_ >= Section::request_trailers; }
  bool has(Pseudo which) const noexcept { return (seen_ & bit(which)) != 0; }
  std::string_view value_of(Pseudo which) const noexcept { return pseudo_[static_cast<std::size_t>(which)]; }
  static constexpr std::uint8_t bit(Pseudo which) noexcept { return std::uint8_t(1U << static_cast<unsigned>(which)); }

  void read(std::string_view name, std::string_view value);
  void read_pseudo(std::string_view name, std::string_view value);
  void read_known(std::string_view name, std::string_view value);
  void malformed(std::string_view text);
  void refuse(ErrorCode code, std::string_view text);
  tl::unexpected<H2Problem> problem() const;
  bool check_pseudos_of_request();
  bool read_target(RequestHead& head);
  bool read_authority(RequestHead& head);
  bool read_expectation(RequestHead& head);
  bool read_extended_connect(RequestHead& head);
  bool read_length(BodyFraming& body, bool ends, bool may_lack);
  void join_cookies();

  HeadLimits limits_;
  Section section_;
  Arena* arena_;
  HeaderList headers_;
  HeaderList cookies_;  // crumbs of one field (section 8.2.3)
  std::string_view pseudo_[kPseudos];
  std::string_view host_;
  std::string_view content_length_;
  std::string_view expect_;
  std::uint8_t seen_ = 0;  // a bit for each Pseudo
  bool regular_ = false;   // a regular field has come
  bool has_host_ = false;
  bool has_length_ = false;
  bool has_expect_ = false;
  bool te_trailers_ = false;
  std::uint64_t bytes_ = 0;
  std::uint32_t fields_ = 0;
  std::string_view problem_;  // empty: none. The first one counts, but a malformed head is worse than one too large
  ErrorCode problem_code_ = ErrorCode::bad_request;
  bool malformed_ = false;
};

}  // namespace postern::http

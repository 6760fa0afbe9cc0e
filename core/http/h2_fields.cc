#include "http/h2_fields.h"

#include <algorithm>
#include <new>
#include <string>
#include <type_traits>
#include <utility>

#include "http/body_framing.h"
#include "http/char_class.h"
#include "http/known_fields.h"
#include "http/target.h"
#include "http/trailers.h"

namespace postern::http {
namespace {

constexpr std::size_t kMethodBytes = 32;
constexpr std::uint32_t kPunctuation = 4;    // ": " and CR LF
constexpr std::uint32_t kUsualFields = 16;   // their texts come between them: the list could not grow where it is
constexpr std::uint64_t kBeyondMeasure = 4;  // times head_bytes: no honest head, and no error answer is owed
constexpr std::uint32_t kMaxCrumbs = 1'000;  // of one Cookie

bool is_lower_token(std::string_view name) noexcept {
  return is_token(name) && std::none_of(name.begin(), name.end(), is_upper);
}

// No control characters but HTAB, and neither space nor HTAB at either end (RFC 9113 section 8.2.1).
bool is_h2_value(std::string_view value) noexcept {
  return is_field_value(value) && trim(value).size() == value.size();
}

}  // namespace

H2FieldReader::H2FieldReader(Section section, const HeadLimits& limits, Arena& arena)
    : limits_(limits), section_(section), arena_(&arena), headers_(arena), cookies_(arena) {
  headers_.reserve(kUsualFields);
  if (is_request()) headers_.add_view("Host", {});  // stands first, as HTTP/1 clients put it
}

bool H2FieldReader::add(std::string_view name, std::string_view value) {
  bytes_ += name.size() + value.size() + kPunctuation;
  if (bytes_ > limits_.head_bytes) refuse(ErrorCode::headers_too_large, "the head is too large");
  if (bytes_ > kBeyondMeasure * limits_.head_bytes) return false;
  if (!malformed_) read(name, value);
  return true;
}

void H2FieldReader::read(std::string_view name, std::string_view value) {
  if (!is_h2_value(value)) return malformed("malformed field value");
  if (name.starts_with(':')) return read_pseudo(name, value);
  if (!is_lower_token(name)) return malformed("malformed field name");
  regular_ = true;
  bool crumb = name == "cookie" && section_ == Section::request;
  bool one_more = !crumb || cookies_.size() == 0;
  if (one_more && ++fields_ > limits_.fields) refuse(ErrorCode::headers_too_large, "the head has too many fields");
  if (crumb && cookies_.size() == kMaxCrumbs) refuse(ErrorCode::headers_too_large, "the cookie has too many pieces");
  if (known_field(name) != KnownField::other) return read_known(name, value);
  if (!problem_.empty()) return;
  if (crumb) return cookies_.add(name, value);
  headers_.add(name, value);
}

void H2FieldReader::read_pseudo(std::string_view name, std::string_view value) {
  static constexpr std::pair<std::string_view, Pseudo> kNames[] = {
      {":method", Pseudo::method}, {":scheme", Pseudo::scheme},     {":authority", Pseudo::authority},
      {":path", Pseudo::path},     {":protocol", Pseudo::protocol}, {":status", Pseudo::status}};
  if (is_trailers()) return malformed("a pseudo-header field among trailers");
  if (regular_) return malformed("a pseudo-header field after a regular one");
  for (auto [known, which] : kNames) {
    if (name != known) continue;
    if ((which == Pseudo::status) == is_request()) break;
    if (has(which)) return malformed("a repeated pseudo-header field");
    seen_ |= bit(which);
    if (problem_.empty()) pseudo_[static_cast<std::size_t>(which)] = arena_->copy(value);
    return;
  }
  malformed("an unknown pseudo-header field");
}

// What HTTP/1 acts on: connection options do not exist in HTTP/2 (section 8.2.2).
void H2FieldReader::read_known(std::string_view name, std::string_view value) {
  auto once = [&](bool& has, std::string_view& to, const char* repeated) {
    if (std::exchange(has, true)) return malformed(repeated);
    if (problem_.empty()) to = arena_->copy(value);
  };
  switch (known_field(name)) {
    case KnownField::other:
    case KnownField::trailer:  // hop-by-hop of old; whether trailers come shows at the end
      return;
    case KnownField::connection:
    case KnownField::keep_alive:
    case KnownField::proxy_connection:
    case KnownField::transfer_encoding:
    case KnownField::upgrade:
      return malformed("a connection-specific field");
    case KnownField::te:
      if (value != "trailers") return malformed("TE says other than trailers");
      te_trailers_ = true;
      return;
    case KnownField::host:
      if (is_trailers()) return malformed("trailers that route a message");
      return once(has_host_, host_, "repeated Host");
    case KnownField::content_length:
      if (is_trailers()) return malformed("trailers that frame a body");
      return once(has_length_, content_length_, "repeated Content-Length");
    case KnownField::expect:
      return once(has_expect_, expect_, "repeated Expect");
  }
}

void H2FieldReader::malformed(std::string_view text) {
  if (std::exchange(malformed_, true)) return;
  problem_ = text;
  problem_code_ = ErrorCode::bad_request;
}

void H2FieldReader::refuse(ErrorCode code, std::string_view text) {
  if (!problem_.empty()) return;
  problem_ = text;
  problem_code_ = code;
}

tl::unexpected<H2Problem> H2FieldReader::problem() const {
  bool from_client = section_ == Section::request || section_ == Section::request_trailers;
  auto error = from_client ? Error::client(problem_code_, std::string(problem_))
                           : Error::upstream(ErrorCode::proxy_error, "bad response: " + std::string(problem_));
  return tl::unexpected(H2Problem{malformed_, std::move(error)});
}

// ---- Requests --------------------------------------------------------------------------------------------------------

tl::expected<RequestHead*, H2Problem> H2FieldReader::finish_request(bool ends) {
  static_assert(std::is_trivially_destructible_v<RequestHead>);  // the arena runs no destructors
  auto* head = new (arena_->allocate(sizeof(RequestHead), alignof(RequestHead))) RequestHead(*arena_);
  head->version = Version::http2;
  head->wire_bytes = bytes_;
  head->te_trailers = te_trailers_;
  bool good = problem_.empty() && check_pseudos_of_request() && read_length(head->body, ends, false) &&
              read_extended_connect(*head) && read_target(*head) && read_authority(*head) && read_expectation(*head);
  if (!good) return problem();
  join_cookies();
  headers_.set_view("Host", has_host_ ? host_ : value_of(Pseudo::authority));
  head->headers = headers_;
  return head;
}

bool H2FieldReader::check_pseudos_of_request() {
  if (!has(Pseudo::method) || !is_token(value_of(Pseudo::method))) malformed("missing or malformed :method");
  if (value_of(Pseudo::method) == "CONNECT" && !has(Pseudo::protocol) && !malformed_)
    refuse(ErrorCode::not_implemented, "CONNECT is not supported");
  if (value_of(Pseudo::method).size() > kMethodBytes) refuse(ErrorCode::not_implemented, "the method is too long");
  if (!problem_.empty()) return false;
  if (!has(Pseudo::scheme) || !has(Pseudo::path) || value_of(Pseudo::path).empty())
    malformed("missing :scheme or :path");
  if (has(Pseudo::protocol) && value_of(Pseudo::method) != "CONNECT") malformed(":protocol without CONNECT");
  if (has(Pseudo::protocol) && !is_token(value_of(Pseudo::protocol))) malformed("malformed :protocol");
  return problem_.empty();
}

// The stream's DATA is the other protocol's, not a body.
bool H2FieldReader::read_extended_connect(RequestHead& head) {
  head.method = value_of(Pseudo::method);
  if (!has(Pseudo::protocol)) return true;
  if (has_length_) malformed("an extended CONNECT with a length");
  head.method = "GET";
  head.extended_connect = head.upgrade = true;
  head.upgrade_protocol = value_of(Pseudo::protocol);
  head.body = {};
  return problem_.empty();
}

bool H2FieldReader::read_target(RequestHead& head) {
  auto scheme = value_of(Pseudo::scheme);
  for (std::string_view known : {"http", "https"})
    if (same_name(scheme, known)) scheme = head.scheme = known;
  if (scheme.data() != head.scheme.data()) refuse(ErrorCode::bad_request, "unknown scheme");
  auto path = value_of(Pseudo::path);
  if (path.size() > limits_.request_line_bytes) refuse(ErrorCode::uri_too_long, "the request target is too long");
  if (path.front() != '/' && path != "*") malformed("malformed :path");
  if (!problem_.empty()) return false;
  auto target = parse_target(head.method, path, *arena_);
  if (!target) {
    refuse(target.error().code, arena_->copy(target.error().text));
    return false;
  }
  head.target = target->origin;
  head.path = target->path;
  head.query = target->query;
  return true;
}

// :authority and Host must say the same (section 8.3.1), each in its way.
bool H2FieldReader::read_authority(RequestHead& head) {
  if (!has(Pseudo::authority) && !has_host_) malformed("neither :authority nor Host");
  auto take = [&](std::string_view text) {
    auto authority = parse_authority(text, *arena_);
    if (!authority) return malformed("malformed :authority or Host");
    if (!head.authority.empty() && head.authority != *authority) malformed(":authority and Host disagree");
    head.authority = *authority;
  };
  if (has(Pseudo::authority)) take(value_of(Pseudo::authority));
  if (has_host_) take(host_);
  return !malformed_;
}

bool H2FieldReader::read_expectation(RequestHead& head) {
  if (!has_expect_) return true;
  if (!same_name(expect_, "100-continue")) {
    refuse(ErrorCode::expectation_failed, "unknown expectation");
    return false;
  }
  head.expect_continue = !is_empty(head.body);
  return true;
}

// A length that is told must be what follows; what follows is the codec's to count. `may_lack`: a length may be told of
// a body that does not come.
bool H2FieldReader::read_length(BodyFraming& body, bool ends, bool may_lack) {
  if (has_length_) {
    auto length = parse_content_length(content_length_);
    if (!length) {
      malformed("malformed Content-Length");
    } else if (ends && *length > 0 && !may_lack) {
      malformed("Content-Length without a body");
    } else {
      body = {BodyKind::length, *length};
    }
  } else if (!ends) {
    body = {BodyKind::chunked, 0};
  }
  return !malformed_;
}

void H2FieldReader::join_cookies() {
  if (cookies_.size() == 0) return;
  std::size_t size = 0;
  for (const Field& crumb : cookies_) size += crumb.value.size() + 2;
  auto text = arena_->array<char>(size);
  char* at = text.data();
  for (const Field& crumb : cookies_) {
    if (crumb.value.empty()) continue;
    if (at != text.data()) at = std::copy_n("; ", 2, at);
    at = std::copy(crumb.value.begin(), crumb.value.end(), at);
  }
  headers_.add_view("cookie", {text.data(), static_cast<std::size_t>(at - text.data())});
}

// ---- Responses and trailers ------------------------------------------------------------------------------------------

tl::expected<ResponseHead*, H2Problem> H2FieldReader::finish_response(bool ends, bool to_head) {
  static_assert(std::is_trivially_destructible_v<ResponseHead>);
  auto* head = new (arena_->allocate(sizeof(ResponseHead), alignof(ResponseHead))) ResponseHead(*arena_);
  head->version = Version::http2;
  head->wire_bytes = bytes_;
  auto status = value_of(Pseudo::status);
  bool three_digits = status.size() == 3 && is_digit(status[0]) && is_digit(status[1]) && is_digit(status[2]);
  if (problem_.empty() && (!three_digits || status[0] == '0')) malformed("missing or malformed :status");
  if (problem_.empty()) {
    head->status = static_cast<std::uint16_t>((status[0] - '0') * 100 + (status[1] - '0') * 10 + (status[2] - '0'));
    if (head->status == 101) malformed("101 does not exist in HTTP/2");
    if (head->status < 200 && ends) malformed("an informational response ends the stream");
  }
  if (problem_.empty() && head->status >= 200) read_length(head->body, ends, to_head || head->status == 304);
  if (!problem_.empty()) return problem();
  head->headers = headers_;
  return head;
}

tl::expected<HeaderList*, H2Problem> H2FieldReader::finish_trailers() {
  if (!problem_.empty()) return problem();
  headers_.remove_if([](const Field& field) { return !may_be_trailer(field.name); });
  if (headers_.size() == 0) return nullptr;
  return new (arena_->allocate(sizeof(HeaderList), alignof(HeaderList))) HeaderList(headers_);
}

}  // namespace postern::http

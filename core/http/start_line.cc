#include "http/start_line.h"

#include "http/char_class.h"

namespace postern::http {
namespace {

constexpr std::size_t kMethodBytes = 32;
constexpr std::size_t kEnd = 9;  // of a request line: a space and the version

bool looks_like_version(std::string_view text) noexcept {
  return text.size() == 8 && text.starts_with("HTTP/") && is_digit(text[5]) && text[6] == '.' && is_digit(text[7]);
}

tl::unexpected<Error> bad_request(const char* text) { return fail(Error::client(ErrorCode::bad_request, text)); }

// Why it is refused is told apart only then.
tl::unexpected<Error> refuse_request_line(std::string_view line) {
  auto first = line.find(' ');
  auto last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return bad_request("malformed request line");
  return bad_request(is_token(line.substr(0, first)) ? "malformed HTTP version" : "malformed method");
}

tl::unexpected<Error> bad_response(const char* text) { return fail(Error::upstream(ErrorCode::proxy_error, text)); }

}  // namespace

std::string_view take_start_line(std::string_view& head) noexcept {
  const auto feed = head.find('\n');
  const auto line = head.substr(0, feed - 1);
  head.remove_prefix(feed + 1);
  return line;
}

Result<RequestLine> parse_request_line(std::string_view line) {
  RequestLine request;
  std::size_t method = 0;
  while (method < line.size() && is(line[method], kToken)) ++method;
  if (method == 0 || line.size() < method + 1 + kEnd || line[method] != ' ' || line[line.size() - kEnd] != ' ')
    return refuse_request_line(line);
  const auto last = line.size() - kEnd;
  request.method = line.substr(0, method);
  request.target = line.substr(method + 1, last - method - 1);
  auto version = line.substr(last + 1);
  if (!looks_like_version(version)) return refuse_request_line(line);
  if (version[5] != '1' || version[7] > '1')
    return fail(Error::client(ErrorCode::version_not_supported, std::string(version) + " is not supported"));
  request.version = version[7] == '1' ? Version::http11 : Version::http10;
  if (request.method.size() > kMethodBytes)
    return fail(Error::client(ErrorCode::not_implemented, "the method is too long"));
  return request;
}

Result<StatusLine> parse_status_line(std::string_view line) {
  StatusLine response;
  if (line.size() < 12 || line[8] != ' ' || !looks_like_version(line.substr(0, 8)))
    return bad_response("malformed status line");
  if (line[5] != '1' || line[7] > '1') return bad_response("unsupported HTTP version in the response");
  response.version = line[7] == '1' ? Version::http11 : Version::http10;
  if (!is_digit(line[9]) || !is_digit(line[10]) || !is_digit(line[11]) || line[9] == '0')
    return bad_response("malformed status code");
  response.status = static_cast<std::uint16_t>((line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0'));
  if (line.size() == 12) return response;  // the space before an empty reason is often left out
  if (line[12] != ' ' || !is_field_value(line.substr(13))) return bad_response("malformed status line");
  response.reason = line.substr(13);
  return response;
}

}  // namespace postern::http

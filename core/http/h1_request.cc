#include "http/h1_request.h"

#include <new>
#include <type_traits>

#include "http/body_framing.h"
#include "http/hop_by_hop.h"
#include "http/start_line.h"
#include "http/target.h"

namespace postern::http {
namespace {

tl::unexpected<Error> refuse(std::string_view text, ErrorCode code = ErrorCode::bad_request) {
  return fail(Error::client(code, std::string(text)));
}

// Host and an absolute target must say the same (RFC 9112 section 3.2.2).
Result<void> read_authority(const SingleField& host, const Target& target, RequestHead& head) {
  Arena& arena = head.headers.arena();
  if (host.count > 1) return refuse("repeated Host");
  if (host.count == 0 && head.version != Version::http10) return refuse("missing Host");
  if (host.count == 1) {
    auto authority = parse_authority(host.value, arena);
    if (!authority) return fail(std::move(authority.error()));
    head.authority = *authority;
  }
  if (target.authority.empty()) return {};
  auto authority = parse_authority(target.authority, arena);
  if (!authority) return fail(std::move(authority.error()));
  if (host.count == 1 && *authority != head.authority) return refuse("Host and request target disagree");
  head.authority = *authority;
  if (host.count == 0) head.headers.add_view("Host", head.authority);
  return {};
}

Result<void> read_target(const RequestLine& line, const SingleField& host, RequestHead& head) {
  auto target = parse_target(line.method, line.target, head.headers.arena());
  if (!target) return fail(std::move(target.error()));
  head.target = target->origin;
  head.path = target->path;
  head.query = target->query;
  return read_authority(host, *target, head);
}

Result<void> read_expectation(const SingleField& expect, RequestHead& head) {
  if (expect.count == 0 || head.version == Version::http10) return {};  // RFC 9110 section 10.1.1
  if (expect.count > 1 || !same_name(expect.value, "100-continue"))
    return refuse("unknown expectation", ErrorCode::expectation_failed);
  head.expect_continue =
      head.body.kind != BodyKind::none && !(head.body.kind == BodyKind::length && head.body.length == 0);
  return {};
}

void read_connection(const ConnectionFields& fields, RequestHead& head) {
  head.keep_alive = !fields.close && (head.version == Version::http11 || fields.keep_alive);
  head.upgrade = fields.upgrade && fields.upgrade_protocol.count == 1 && head.version == Version::http11;
  if (head.upgrade) head.upgrade_protocol = fields.upgrade_protocol.value;
}

}  // namespace

Result<RequestHead*> parse_h1_request(std::string_view bytes, H1Parser& parser, Arena& arena, bool& is_head,
                                      Version& version) {
  static_assert(std::is_trivially_destructible_v<RequestHead>);  // the arena runs no destructors
  auto section = bytes;
  auto line = parse_request_line(take_start_line(section));
  if (!line) return fail(std::move(line.error()));
  is_head = line->method == "HEAD";
  version = line->version;
  if (line->method == "CONNECT") return refuse("CONNECT is not supported", ErrorCode::not_implemented);

  auto* head = new (arena.allocate(sizeof(RequestHead), alignof(RequestHead))) RequestHead(arena);
  head->method = line->method;
  head->version = line->version;
  head->wire_bytes = static_cast<std::uint32_t>(bytes.size());
  if (auto read = parser.read_fields(section, head->headers); !read) return refuse(read.error());
  auto fields = take_connection_fields(head->headers);
  if (!fields) return refuse(fields.error());
  auto framing = request_framing(*fields, head->version);
  if (!framing) return fail(std::move(framing.error()));
  if (!parser.agrees_with(*framing)) return refuse("ambiguous body length");
  head->body = *framing;
  head->te_trailers = fields->te_trailers;
  if (auto read = read_target(*line, fields->host, *head); !read) return fail(std::move(read.error()));
  if (auto read = read_expectation(fields->expect, *head); !read) return fail(std::move(read.error()));
  read_connection(*fields, *head);
  return head;
}

}  // namespace postern::http

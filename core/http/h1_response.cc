#include "http/h1_response.h"

#include <new>
#include <type_traits>

#include "http/body_framing.h"
#include "http/hop_by_hop.h"
#include "http/start_line.h"

namespace postern::http {
namespace {

tl::unexpected<Error> refuse(std::string_view text) {
  return fail(Error::upstream(ErrorCode::proxy_error, "bad response: " + std::string(text)));
}

void read_connection(const ConnectionFields& fields, ResponseHead& head) {
  bool persistent = !fields.close && (head.version == Version::http11 || fields.keep_alive);
  head.keep_alive = persistent && head.status != 101;
  head.upgrade_protocol = fields.upgrade_protocol.value;
}

}  // namespace

Result<ResponseHead*> parse_h1_response(std::string_view bytes, H1Parser& parser, Arena& arena) {
  static_assert(std::is_trivially_destructible_v<ResponseHead>);  // the arena runs no destructors
  auto section = bytes;
  auto line = parse_status_line(take_start_line(section));
  if (!line) return fail(std::move(line.error()));

  auto* head = new (arena.allocate(sizeof(ResponseHead), alignof(ResponseHead))) ResponseHead(arena);
  head->version = line->version;
  head->status = line->status;
  head->reason = line->reason;
  head->wire_bytes = static_cast<std::uint32_t>(bytes.size());
  if (auto read = parser.read_fields(section, head->headers); !read) return refuse(read.error());
  auto fields = take_connection_fields(head->headers);
  if (!fields) return refuse(fields.error());
  auto framing = response_framing(*fields, head->version);
  if (!framing) return fail(std::move(framing.error()));
  if (!parser.agrees_with(*framing)) return refuse("ambiguous body length");
  head->body = *framing;
  read_connection(*fields, *head);
  return head;
}

}  // namespace postern::http

#include "exchange/upstream_head.h"

#include <new>

#include "http/hop_by_hop.h"
#include "http/websocket_handshake.h"
#include "plan/forwarded.h"

namespace postern::proxy {
namespace {

constexpr std::uint32_t kAddedFields = 4;  // of the gateway, to what goes to an upstream: most requests get no more

http::RequestHead* copy_for_upstream(const http::RequestHead& request, Arena& arena) {
  auto* head = new (arena.allocate(sizeof(http::RequestHead))) http::RequestHead(request);
  head->headers = http::HeaderList(arena);
  head->headers.reserve(static_cast<std::uint32_t>(request.headers.size()) + kAddedFields);
  for (const auto& f : request.headers.fields())
    if (!http::is_proxy_authentication(f.name)) head->headers.add_view(f.name, f.value);
  head->version = http::Version::http11;
  head->extended_connect = false;
  head->expect_continue = false;
  return head;
}

// Whether the target is the path and the query as they stand, nothing normalised away.
bool says_the_same(std::string_view target, const http::RequestHead& head) noexcept {
  std::string_view path = head.path;
  return target.size() >= path.size() && target.substr(0, path.size()) == path &&
         target.size() == path.size() + (head.query.empty() ? 0 : head.query.size() + 1);
}

void set_target(const http::RequestHead& request, http::RequestHead& head, Arena& arena) {
  bool same = head.path.data() == request.path.data();
  if (same && says_the_same(request.target, head)) return;
  head.target = head.path;
  if (!head.query.empty()) head.target = arena.append(arena.append(arena.copy(head.path), "?"), head.query);
}

// What HTTP/1.1 wants to hear and HTTP/2 does not say (RFC 8441 section 5).
void ask_for_upgrade(const http::RequestHead& request, std::string_view protocol, http::RequestHead& head) {
  head.upgrade = !protocol.empty();
  head.upgrade_protocol = protocol;
  if (!request.extended_connect || !http::same_name(protocol, http::kWebSocket)) return;
  head.headers.set("Sec-WebSocket-Key", http::websocket_key());
  if (!head.headers.find("Sec-WebSocket-Version")) head.headers.set_view("Sec-WebSocket-Version", "13");
}

}  // namespace

Result<http::RequestHead*> make_upstream_head(const ExchangeContext& x, const UpstreamPlan& upstream,
                                              std::string_view host, std::string_view protocol, Arena& arena) {
  const http::RequestHead& request = *x.request;
  http::RequestHead* head = copy_for_upstream(request, arena);
  if (!x.route->rewrite.empty()) {
    auto rewritten = x.route->rewrite.apply(x.variables, request.path, arena);
    if (!rewritten) return fail(rewritten.error());
    head->path = *rewritten;
  }
  set_target(request, *head, arena);
  ask_for_upgrade(request, protocol, *head);
  if (!upstream.config.preserve_host) {
    head->authority = arena.copy(host);
    head->headers.set_view("Host", head->authority);
  }
  add_forwarded(x.shared_plan().trusted_proxies, x.client->client().peer_host(), request, *head);
  return head;
}

}  // namespace postern::proxy

// What the host tables ask of an exchange: fields, headers, responses, retries, endpoints.
#include <charconv>
#include <new>
#include <string>

#include "base/clock.h"
#include "exchange/exchange.h"
#include "exchange/local_reply.h"
#include "exchange/worker_context.h"
#include "http/target.h"

namespace postern::proxy {
namespace {

constexpr std::uint64_t kMaxAllocated = 1024 * 1024;
constexpr std::size_t kMaxEndCallbacks = 64;

}  // namespace

std::string_view Exchange::field(std::uint32_t number) noexcept {
  const http::RequestHead& head = request();
  switch (number) {
    case POSTERN_FIELD_METHOD:
      return head.method;
    case POSTERN_FIELD_TARGET:
      return head.target;
    case POSTERN_FIELD_PATH:
      return head.path;
    case POSTERN_FIELD_QUERY:
      return head.query;
    case POSTERN_FIELD_AUTHORITY:
      return head.authority;
    case POSTERN_FIELD_SCHEME:
      return head.scheme;
    case POSTERN_FIELD_PROTOCOL:
      return http::name_of(head.version);
    default:
      return {};
  }
}

// Whatever a plugin sets must still be a valid request: the same rules as for what clients send.
postern_status Exchange::set_field(std::uint32_t number, std::string_view value) {
  if (!headers_mutable(POSTERN_REQUEST)) return POSTERN_E_STATE;
  http::RequestHead& head = request();
  if (number == POSTERN_FIELD_METHOD) {
    if (!http::is_token(value) || value.size() > 32 || value == "CONNECT") return POSTERN_E_INVALID;
    head.method = x_.arena.copy(value);
    return POSTERN_OK;
  }
  if (number == POSTERN_FIELD_AUTHORITY) {
    auto authority = http::parse_authority(value, x_.arena);
    if (!authority) return POSTERN_E_INVALID;
    head.authority = *authority;
    head.headers.set_view("Host", *authority);
    return POSTERN_OK;
  }
  if (number != POSTERN_FIELD_PATH && number != POSTERN_FIELD_QUERY) return POSTERN_E_STATE;
  std::string target(number == POSTERN_FIELD_PATH ? value : head.path);
  if (number == POSTERN_FIELD_PATH && (value.empty() || value.front() != '/' || value.find('?') != value.npos)) {
    return POSTERN_E_INVALID;
  }
  std::string_view query = number == POSTERN_FIELD_QUERY ? value : head.query;
  if (!query.empty()) target.append("?").append(query);
  auto parsed = http::parse_target(head.method, x_.arena.copy(target), x_.arena);
  if (!parsed) return POSTERN_E_INVALID;
  head.target = parsed->origin;
  head.path = parsed->path;
  head.query = parsed->query;
  return POSTERN_OK;
}

postern_status Exchange::set_status(std::uint32_t status) {
  if (response() == nullptr || relay_.head_sent()) return POSTERN_E_STATE;
  if (status < 200 || status > 599) return POSTERN_E_INVALID;
  if (response()->upgrade) return POSTERN_E_STATE;  // the upstream has changed over already
  // A body that is on its way cannot be unsaid, and one that never comes cannot be promised.
  bool bodiless_after = status == 204 || status == 304;
  bool bodiless_before = response()->status == 204 || response()->status == 304;
  if (bodiless_after != bodiless_before && relay_.origin() == POSTERN_ORIGIN_UPSTREAM && chain_run_.answer() == nullptr)
    return POSTERN_E_STATE;
  response()->status = static_cast<std::uint16_t>(status);
  response()->reason = {};
  return POSTERN_OK;
}

postern_status Exchange::respond(std::uint32_t status, std::string_view content_type, std::string_view body) {
  chain_run_.set_answer(make_answer(static_cast<std::uint16_t>(status), content_type, body, x_.arena));
  return POSTERN_OK;
}

postern_status Exchange::respond_error(std::uint32_t status, std::string_view code, std::string_view message,
                                       std::uint32_t retry_after_s) {
  chain_run_.set_answer(error_answer(status, code, message, retry_after_s));
  return POSTERN_OK;
}

postern_status Exchange::set_origin(std::uint32_t origin) {
  if (chain_run_.answer() == nullptr) return POSTERN_E_STATE;
  if (origin != POSTERN_ORIGIN_LOCAL && origin != POSTERN_ORIGIN_CACHE) return POSTERN_E_INVALID;
  chain_run_.answer()->origin = origin;
  return POSTERN_OK;
}

void Exchange::info(postern_exchange_info& out) const {
  std::uint32_t size = out.struct_size;
  postern_exchange_info full{};
  full.struct_size = size;
  full.worker = x_.worker.index();
  full.generation = x_.shared_plan().generation;
  full.elapsed_ns = x_.loop().clock().now_ns() - x_.started_ns;
  full.started_unix_ms = x_.loop().clock().unix_ms() - full.elapsed_ns / 1'000'000;
  full.request_body_bytes = upload_.bytes();
  full.response_body_bytes = relay_.bytes();
  full.attempts = attempts_.count();
  full.origin = relay_.origin();
  full.connection = x_.client != nullptr ? x_.client->client().handle() : 0;
  full.request_bodiless = x_.request != nullptr && !upload_.has_body() ? 1 : 0;
  full.response_bodiless = relay_.ends_with_head() ? 1 : 0;
  std::memcpy(&out, &full, std::min<std::size_t>(size, sizeof full));
}

void* Exchange::allocate(std::uint64_t size) {
  if (stage_ == Stage::done || size > kMaxAllocated || !has_room(size)) return nullptr;
  void* memory = x_.arena.allocate(size, 16);
  std::memset(memory, 0, size);
  return memory;
}

postern_status Exchange::on_end(std::unique_ptr<EndCallback> callback) {
  if (stage_ == Stage::done) return POSTERN_E_STATE;
  if (end_callbacks_.size() >= kMaxEndCallbacks) return POSTERN_E_LIMIT;
  end_callbacks_.push_back(std::move(callback));
  return POSTERN_OK;
}

postern_status Exchange::replace_body(std::uint32_t message, std::string_view bytes) {
  if (message != POSTERN_REQUEST && message != POSTERN_RESPONSE) return POSTERN_E_INVALID;
  Lane lane = message == POSTERN_REQUEST ? Lane::request_body : Lane::response_body;
  if (!chain_run_.acts_in(lane) || !pipe_of(message).replace(bytes)) return POSTERN_E_STATE;
  chain_run_.count_replaced(lane, bytes.size());
  return POSTERN_OK;
}

postern_status Exchange::detach_body(std::uint32_t message) {
  if (message != POSTERN_REQUEST && message != POSTERN_RESPONSE) return POSTERN_E_INVALID;
  const Instance* caller = acting();
  if (caller == nullptr || stage_ == Stage::done) return POSTERN_E_STATE;
  pipe_of(message).detach(*caller);
  return POSTERN_OK;
}

bool Exchange::may_give_body() const noexcept {
  bool before_bodies = stage_ == Stage::early || stage_ == Stage::request;
  return before_bodies && acting() != nullptr && !upload_.has_body() && !x_.request->extended_connect;
}

postern_status Exchange::give_body(std::string_view bytes) {
  if (!may_give_body()) return POSTERN_E_STATE;
  for (const Link& link : chain_run_.links())
    if (link.instance == acting()) upload_.give(link.position, bytes);
  return POSTERN_OK;
}

postern_status Exchange::stream_body(std::uint32_t message) {
  if (message != POSTERN_REQUEST && message != POSTERN_RESPONSE) return POSTERN_E_INVALID;
  const Instance* caller = acting();
  if (caller == nullptr || stage_ == Stage::done) return POSTERN_E_STATE;
  bool is_request = message == POSTERN_REQUEST;
  BodyPipe& pipe = pipe_of(message);
  const auto& declared = is_request ? caller->request_body : caller->response_body;
  bool begun = !pipe.closed() || (is_request ? stage_ > Stage::collect_body : stage_ >= Stage::relay);
  if (begun || declared.policy == POSTERN_BODY_NONE) return POSTERN_E_STATE;
  pipe.stream(*caller);
  return POSTERN_OK;
}

postern_status Exchange::choose_endpoint(std::uint64_t index) {
  if (stage_ != Stage::select) return POSTERN_E_STATE;
  Upstream* up = upstream();
  if (up == nullptr || index >= up->endpoints().size()) return POSTERN_E_NOT_FOUND;
  attempts_.prefer(index);
  return POSTERN_OK;
}

postern_status Exchange::choose_upstream(std::string_view name) {
  if (stage_ > Stage::select || x_.route == nullptr) return POSTERN_E_STATE;
  Upstream* up = x_.plan.upstreams().find(name);
  if (up == nullptr) return POSTERN_E_NOT_FOUND;
  attempts_.use(&up->plan());
  return POSTERN_OK;
}

}  // namespace postern::proxy

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

VariableId request_id_variable() {
  static const VariableId id = variable_id("request_id");
  return id;
}

}  // namespace

std::string_view Exchange::field(std::uint32_t which) noexcept {
  const http::RequestHead& head = request();
  switch (which) {
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
postern_status Exchange::set_field(std::uint32_t which, std::string_view value) {
  if (!headers_mutable(POSTERN_REQUEST)) return POSTERN_E_STATE;
  http::RequestHead& head = request();
  if (which == POSTERN_FIELD_METHOD) {
    if (!http::is_token(value) || value.size() > 32 || value == "CONNECT") return POSTERN_E_INVALID;
    head.method = arena_.copy(value);
    return POSTERN_OK;
  }
  if (which == POSTERN_FIELD_AUTHORITY) {
    auto authority = http::parse_authority(value, arena_);
    if (!authority) return POSTERN_E_INVALID;
    head.authority = *authority;
    head.headers.set_view("Host", *authority);
    return POSTERN_OK;
  }
  if (which != POSTERN_FIELD_PATH && which != POSTERN_FIELD_QUERY) return POSTERN_E_STATE;
  std::string target(which == POSTERN_FIELD_PATH ? value : head.path);
  if (which == POSTERN_FIELD_PATH && (value.empty() || value.front() != '/' || value.find('?') != value.npos)) {
    return POSTERN_E_INVALID;
  }
  std::string_view query = which == POSTERN_FIELD_QUERY ? value : head.query;
  if (!query.empty()) target.append("?").append(query);
  auto parsed = http::parse_target(head.method, arena_.copy(target), arena_);
  if (!parsed) return POSTERN_E_INVALID;
  head.target = parsed->origin;
  head.path = parsed->path;
  head.query = parsed->query;
  return POSTERN_OK;
}

postern_status Exchange::set_status(std::uint32_t status) {
  if (response() == nullptr || head_sent_) return POSTERN_E_STATE;
  if (status < 200 || status > 599) return POSTERN_E_INVALID;
  if (response()->upgrade) return POSTERN_E_STATE;  // the upstream has changed over already
  // A body that is on its way cannot be unsaid, and one that never comes cannot be promised.
  bool bodiless_after = status == 204 || status == 304;
  bool bodiless_before = response()->status == 204 || response()->status == 304;
  if (bodiless_after != bodiless_before && origin_ == POSTERN_ORIGIN_UPSTREAM && pending_ == nullptr)
    return POSTERN_E_STATE;
  response()->status = static_cast<std::uint16_t>(status);
  response()->reason = {};
  return POSTERN_OK;
}

// A recipient with a clock appends the Date that a response lacks (RFC 9110 section 6.6.1).
void Exchange::add_date(http::ResponseHead& head) {
  if (head.headers.find("Date") != nullptr) return;
  head.headers.add_view("Date", arena_.copy(http_date(system_clock().unix_ms())));
}

postern_status Exchange::respond(std::uint32_t status, std::string_view content_type, std::string_view body) {
  if (stage_ == Stage::done || head_sent_) return POSTERN_E_STATE;
  if (status < 200 || status > 599 || !http::is_field_value(content_type)) return POSTERN_E_INVALID;
  pending_ = new (arena_.allocate(sizeof(http::ResponseHead))) http::ResponseHead(arena_);
  pending_->status = static_cast<std::uint16_t>(status);
  add_date(*pending_);
  if (!content_type.empty()) pending_->headers.add("Content-Type", content_type);
  pending_body_ = arena_.copy(body);
  pending_->body = {http::BodyKind::length, pending_body_.size()};
  pending_origin_ = POSTERN_ORIGIN_LOCAL;
  pending_code_ = pending_message_ = {};
  return POSTERN_OK;
}

postern_status Exchange::respond_error(std::uint32_t status, std::string_view code, std::string_view message,
                                       std::uint32_t retry_after_s) {
  ErrorBody body{code, message, variable(request_id_variable()).string, retry_after_s};
  postern_status answer = respond(status, "application/json", error_envelope(body, arena_));
  if (answer != POSTERN_OK) return answer;
  pending_code_ = arena_.copy(code);
  if (grpc_) pending_message_ = arena_.copy(message);
  if (retry_after_s > 0) pending_->headers.add("Retry-After", std::to_string(retry_after_s));
  return POSTERN_OK;
}

postern_status Exchange::set_origin(std::uint32_t origin) {
  if (pending_ == nullptr) return POSTERN_E_STATE;
  if (origin != POSTERN_ORIGIN_LOCAL && origin != POSTERN_ORIGIN_CACHE) return POSTERN_E_INVALID;
  pending_origin_ = origin;
  return POSTERN_OK;
}

void Exchange::info(postern_exchange_info& out) const {
  std::uint32_t size = out.struct_size;
  postern_exchange_info full{};
  full.struct_size = size;
  full.worker = worker_.index();
  full.generation = plan_.plan().generation;
  full.elapsed_ns = system_clock().now_ns() - started_ns_;
  full.started_unix_ms = system_clock().unix_ms() - full.elapsed_ns / 1'000'000;
  full.request_body_bytes = request_body_bytes_;
  full.response_body_bytes = response_body_bytes_;
  full.attempts = attempts_;
  full.origin = origin_;
  full.connection = client_ != nullptr ? client_->client().handle() : 0;
  full.request_bodiless = request_ != nullptr && !has_request_body() ? 1 : 0;
  full.response_bodiless = response_ends_with_head() ? 1 : 0;
  std::memcpy(&out, &full, std::min<std::size_t>(size, sizeof full));
}

void* Exchange::allocate(std::uint64_t size) {
  if (stage_ == Stage::done || size > kMaxAllocated || !has_room(size)) return nullptr;
  void* memory = arena_.allocate(size, 16);
  std::memset(memory, 0, size);
  return memory;
}

postern_status Exchange::retry(std::uint32_t delay_ms) {
  if (!retry_allowed_) return POSTERN_E_STATE;
  retry_delay_ms_ = delay_ms;
  return POSTERN_OK;
}

postern_status Exchange::on_end(void (*callback)(void*), void* user) {
  if (callback == nullptr) return POSTERN_E_INVALID;
  if (stage_ == Stage::done) return POSTERN_E_STATE;
  if (end_callbacks_.size() >= kMaxEndCallbacks) return POSTERN_E_LIMIT;
  end_callbacks_.push_back({callback, user});
  return POSTERN_OK;
}

postern_status Exchange::replace_body(std::uint32_t message, std::string_view bytes) {
  if (message != POSTERN_REQUEST && message != POSTERN_RESPONSE) return POSTERN_E_INVALID;
  BodyPipe& pipe = message == POSTERN_REQUEST ? upload_ : download_;
  bool its_hook = running_.link == nullptr ||
                  running_.lane == (message == POSTERN_REQUEST ? Lane::request_body : Lane::response_body);
  return its_hook && pipe.replace(bytes) ? POSTERN_OK : POSTERN_E_STATE;
}

postern_status Exchange::detach_body(std::uint32_t message) {
  if (message != POSTERN_REQUEST && message != POSTERN_RESPONSE) return POSTERN_E_INVALID;
  const Instance* who = running();
  if (who == nullptr || stage_ == Stage::done) return POSTERN_E_STATE;
  (message == POSTERN_REQUEST ? upload_ : download_).detach(*who);
  return POSTERN_OK;
}

bool Exchange::may_give_body() const noexcept {
  bool before_bodies = stage_ == Stage::early || stage_ == Stage::request;
  return before_bodies && running() != nullptr && !has_request_body() && !request_->extended_connect;
}

postern_status Exchange::give_body(std::string_view bytes) {
  if (!may_give_body()) return POSTERN_E_STATE;
  for (const Link& link : chain_->links())
    if (link.instance == running()) given_by_ = link.position;
  given_body_ = arena_.copy(bytes);
  return POSTERN_OK;
}

postern_status Exchange::stream_body(std::uint32_t message) {
  if (message != POSTERN_REQUEST && message != POSTERN_RESPONSE) return POSTERN_E_INVALID;
  const Instance* who = running();
  if (who == nullptr || stage_ == Stage::done) return POSTERN_E_STATE;
  bool is_request = message == POSTERN_REQUEST;
  BodyPipe& pipe = is_request ? upload_ : download_;
  const auto& declared = is_request ? who->request_body : who->response_body;
  bool begun = !pipe.closed() || (is_request ? stage_ > Stage::collect_body : stage_ >= Stage::relay);
  if (begun || declared.policy == POSTERN_BODY_NONE) return POSTERN_E_STATE;
  pipe.stream(*who);
  return POSTERN_OK;
}

Upstream* Exchange::upstream() noexcept { return plan_.upstreams().find(upstream_plan_); }

postern_status Exchange::choose_endpoint(std::uint64_t index) {
  if (stage_ != Stage::select) return POSTERN_E_STATE;
  Upstream* up = upstream();
  if (up == nullptr || index >= up->endpoints().size()) return POSTERN_E_NOT_FOUND;
  chosen_endpoint_ = index;
  return POSTERN_OK;
}

postern_status Exchange::choose_upstream(std::string_view name) {
  if (stage_ > Stage::select || route_ == nullptr) return POSTERN_E_STATE;
  Upstream* up = plan_.upstreams().find(name);
  if (up == nullptr) return POSTERN_E_NOT_FOUND;
  upstream_plan_ = &up->plan();
  chosen_endpoint_.reset();
  return POSTERN_OK;
}

}  // namespace postern::proxy

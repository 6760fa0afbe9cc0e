#include "exchange/outbound_call.h"

#include <algorithm>
#include <utility>

#include "exchange/worker_context.h"
#include "http/known_fields.h"
#include "http/target.h"

namespace postern::proxy {
namespace {

constexpr std::size_t kMaxMethod = 32;

bool is_idempotent(std::string_view method) noexcept {
  constexpr std::string_view kIdempotent[] = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"};
  return std::find(std::begin(kIdempotent), std::end(kIdempotent), method) != std::end(kIdempotent);
}

postern_status result_of(std::uint32_t outcome) noexcept {
  switch (outcome) {
    case POSTERN_OUTCOME_CONNECT_FAILED:
    case POSTERN_OUTCOME_OVERLOADED:
    case POSTERN_OUTCOME_NO_ENDPOINT:
      return POSTERN_E_CONNECT;
    case POSTERN_OUTCOME_TIMEOUT:
      return POSTERN_E_TIMEOUT;
    default:
      return POSTERN_E_PROTOCOL;
  }
}

}  // namespace

std::unique_ptr<OutboundCall> OutboundCall::start(WorkerContext& worker, WorkerPlan& plan, const Request& request,
                                                  Done done) {
  Upstream* upstream = plan.upstreams().find(request.upstream);
  if (upstream == nullptr) return nullptr;
  std::unique_ptr<OutboundCall> call(new OutboundCall(worker, plan, *upstream, std::move(done)));
  if (!call->prepare(request)) return nullptr;
  call->starting_ = true;
  call->begin();
  call->starting_ = false;
  return call;
}

OutboundCall::OutboundCall(WorkerContext& worker, WorkerPlan& plan, Upstream& upstream, Done done)
    : worker_(worker),
      plan_(plan),
      upstream_(upstream),
      done_(std::move(done)),
      arena_(worker.blocks()),
      request_(arena_),
      timeout_(&OutboundCall::on_timeout, this),
      report_due_(&OutboundCall::on_report_due, this),
      attempt_(*this) {
  plan_.hold();
}

OutboundCall::~OutboundCall() {
  stop();
  plan_.let_go();
}

// What goes out is a valid request whoever wrote it: a line break in a header or a second length would be another request.
bool OutboundCall::prepare(const Request& wanted) {
  bool method_good = http::is_token(wanted.method) && wanted.method.size() <= kMaxMethod && wanted.method != "CONNECT";
  if (!method_good || wanted.target.empty() || wanted.target.front() != '/') return false;
  request_.method = arena_.copy(wanted.method);
  auto target = http::parse_target(request_.method, arena_.copy(wanted.target), arena_);
  if (!target) return false;
  request_.target = target->origin;
  request_.path = target->path;
  request_.query = target->query;
  for (const http::Field& field : wanted.headers) {
    if (!http::is_token(field.name) || !http::is_field_value(field.value)) return false;
    auto known = http::known_field(field.name);
    if (known != http::KnownField::other && (known != http::KnownField::host || host_given_)) return false;
    if (known == http::KnownField::host) {
      auto authority = http::parse_authority(arena_.copy(field.value), arena_);
      if (!authority) return false;
      request_.authority = *authority;
      host_given_ = true;
    }
    request_.headers.add(field.name, field.value);
  }
  body_ = wanted.body;
  if (!body_.empty()) request_.body = {http::BodyKind::length, body_.size()};
  timeout_ms_ = wanted.timeout_ms;
  max_response_body_ = wanted.max_response_body;
  return true;
}

void OutboundCall::begin() {
  worker_.loop().arm(timeout_, timeout_ms_);
  if (upstream_.resolving()) return upstream_.when_resolved(*this);
  connect();
}

void OutboundCall::on_resolved() {
  if (!over_) connect();
}

void OutboundCall::connect() {
  Endpoint* endpoint = upstream_.choose(*this, arena_);
  if (endpoint == nullptr) return finish(POSTERN_E_CONNECT);
  if (!host_given_) {
    bool unix_socket = endpoint->pool.address().kind == net::Address::Kind::unix_path;
    request_.authority = unix_socket ? std::string_view("localhost") : arena_.copy(endpoint->host);
    request_.headers.set("Host", request_.authority);
  }
  switch (attempt_.connect(*endpoint)) {
    case Attempt::Connect::ready:
      return send();
    case Attempt::Connect::waiting:
      return;
    case Attempt::Connect::refused:
      return finish(POSTERN_E_CONNECT);
  }
}

void OutboundCall::send() {
  auto silence = static_cast<std::uint64_t>(upstream_.plan().config.timeouts.body);
  attempt_.send_head(request_, {timeout_ms_, silence});
  if (!body_.empty()) attempt_.send_body(body_);
  attempt_.send_end(nullptr);
}

bool OutboundCall::may_repeat(const AttemptFailure& failure) const noexcept {
  return failure.stale && !repeated_ && !starting_ && (failure.never_sent || is_idempotent(request_.method));
}

std::string OutboundCall::proxy_header(net::ProxyVersion version) const { return net::proxy_header(version, {}, {}); }

void OutboundCall::on_attempt_failed(const AttemptFailure& failure) {
  if (over_) return;
  if (may_repeat(failure)) {  // the upstream had closed the reused connection before it saw the request
    repeated_ = true;
    return connect();
  }
  finish(result_of(failure.outcome));
}

void OutboundCall::on_upstream_head(http::ResponseHead& head, bool ends) {
  if (over_) return;
  head_ = &head;
  if (ends) finish(POSTERN_OK);
}

void OutboundCall::on_upstream_body(std::string_view bytes) {
  if (over_) return;
  if (bytes.size() > max_response_body_ - response_body_.size()) return finish(POSTERN_E_LIMIT);
  response_body_.append(bytes);
}

void OutboundCall::on_upstream_body_end(http::HeaderList*) {
  if (!over_) finish(POSTERN_OK);
}

void OutboundCall::on_upstream_broken(const Error& error) {
  if (!over_) finish(error.code == ErrorCode::timeout ? POSTERN_E_TIMEOUT : POSTERN_E_PROTOCOL);
}

void OutboundCall::finish(postern_status result) {
  over_ = true;
  result_ = result;
  timeout_.cancel();
  if (result == POSTERN_OK)
    attempt_.release();
  else
    attempt_.cancel();
  if (starting_) return worker_.loop().arm(report_due_, 0);
  report();
}

void OutboundCall::report() {
  auto done = std::exchange(done_, nullptr);
  if (done) done({result_, result_ == POSTERN_OK ? head_ : nullptr, response_body_});
}

void OutboundCall::stop() noexcept {
  over_ = true;
  done_ = nullptr;
  timeout_.cancel();
  report_due_.cancel();
  upstream_.forget(*this);
  attempt_.cancel();
}

void OutboundCall::on_timeout(void* self) {
  auto* call = static_cast<OutboundCall*>(self);
  if (!call->over_) call->finish(POSTERN_E_TIMEOUT);
}

void OutboundCall::on_report_due(void* self) { static_cast<OutboundCall*>(self)->report(); }

}  // namespace postern::proxy

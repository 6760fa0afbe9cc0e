#include "exchange/exchange.h"

#include <algorithm>
#include <array>
#include <new>
#include <string>

#include "base/clock.h"
#include "base/log.h"
#include "exchange/grpc.h"
#include "exchange/local_reply.h"
#include "exchange/worker_context.h"
#include "http/hop_by_hop.h"
#include "plan/forwarded.h"

namespace postern::proxy {
namespace {

constexpr std::uint32_t kMaxAttempts = 5;
constexpr std::uint32_t kMaxStaleAttempts = 3;
constexpr std::uint32_t kAddedFields = 4;  // of the gateway, to what goes to an upstream: most requests get no more

bool idempotent(std::string_view method) {  // RFC 9110 section 9.2.2
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS" ||
         method == "TRACE";
}

void count_begun(WorkerMetrics& metrics) {
  metrics.exchanges.add(1);
  metrics.exchanges_total.add(1);
}

// Exchanges come and go with every request: their memory is kept for the next one.
class ExchangeMemory {
 public:
  ~ExchangeMemory() {
    while (count_ > 0) ::operator delete(free_[--count_]);
  }
  void* take(std::size_t size) { return count_ > 0 ? free_[--count_] : ::operator new(size); }
  void give(void* memory) noexcept {
    if (count_ < kKeep)
      free_[count_++] = memory;
    else
      ::operator delete(memory);
  }

 private:
  static constexpr std::size_t kKeep = 256;
  std::array<void*, kKeep> free_{};  // the first count_ ones
  std::size_t count_ = 0;
};
thread_local ExchangeMemory exchange_memory;

}  // namespace

void* Exchange::operator new(std::size_t size) { return exchange_memory.take(size); }
void Exchange::operator delete(void* memory) noexcept { exchange_memory.give(memory); }

Exchange::Exchange(ResponseSink& client, http::StreamId stream, WorkerContext& worker, WorkerPlan& plan)
    : client_(&client),
      stream_(stream),
      worker_(worker),
      plan_(plan),
      handle_(worker.exchanges().add(*this)),
      arena_(worker.blocks()),
      attempt_arena_(worker.blocks()),
      memory_limit_(static_cast<std::uint64_t>(plan.plan().config->limits.exchange_memory)),
      pause_deadline_(&Exchange::on_pause_deadline, this),
      upload_(*this, POSTERN_REQUEST),
      replay_(worker.buffered_bytes()),
      forwarder_(*this),
      retry_deadline_(&Exchange::on_retry_due, this),
      download_(*this, POSTERN_RESPONSE) {
  plan_.pin();
}

Exchange::~Exchange() {
  if (stage_ != Stage::done) worker_.exchanges().remove(handle_);  // else complete() has done it
  plan_.unpin();
}

void Exchange::begin(http::RequestHead& head, bool ends) {
  request_ = &head;
  head.scheme = client_->client().tls() != nullptr ? "https" : "http";  // whatever the client says
  request_ended_ = ends;
  started_ns_ = worker_.loop().event_ns();
  count_begun(worker_.metrics());
  const Plan& plan = plan_.plan();
  client_ip_ = real_client(plan.trusted_proxies, client_->client().peer_host(), head.headers);
  use_chain(plan.gateway_chain);
  if (is_grpc(head)) bound_call();
  go(Stage::early);
}

// A call's deadline counts from here, whatever it waits for; its answer may take as long as that.
void Exchange::bound_call() {
  grpc_ = true;
  auto value = request_->headers.get("grpc-timeout");
  auto timeout_ms = value ? parse_grpc_timeout(*value) : std::nullopt;
  if (!timeout_ms) return;
  call_deadline_ = std::make_unique<Deadline>(&Exchange::on_call_deadline, this);
  worker_.loop().arm(*call_deadline_, *timeout_ms);
}

void Exchange::on_call_deadline(void* self) {
  static_cast<Exchange*>(self)->fail(Error::upstream(ErrorCode::timeout, "the call's deadline is over"));
}

void Exchange::refuse(const Error& error) {
  if (request_ == nullptr) {
    request_ = new (arena_.allocate(sizeof(http::RequestHead))) http::RequestHead(arena_);
    request_->keep_alive = false;
    started_ns_ = worker_.loop().event_ns();
    count_begun(worker_.metrics());
    client_ip_ = client_->client().peer_host();
    use_chain(plan_.plan().gateway_chain);
    bad_request_ = true;
  }
  request_ended_ = true;
  must_close_ = true;
  fail(error);
}

inline void Exchange::step() {
  switch (stage_) {
    case Stage::early:
      return run_early();
    case Stage::route:
      return run_route();
    case Stage::request:
      return run_request();
    case Stage::collect_body:
      return run_collect_body();
    case Stage::select:
      return run_select();
    case Stage::connect:
      return run_connect();
    case Stage::upstream_request:
      return run_upstream_request();
    case Stage::respond:
      return run_respond();
    case Stage::receive:
    case Stage::await_response:
    case Stage::retry_wait:
    case Stage::relay:
    case Stage::done:
      return wait();
  }
}

void Exchange::advance() {
  if (advancing_) return;  // the loop on the stack goes on
  advancing_ = true;
  while (!waiting_) step();
  advancing_ = false;
}

// The gateway-wide chain begins every route's chain with the same slots, so changing over keeps what it has.
void Exchange::use_chain(const Chain& chain) {
  std::uint32_t have = gateway_slots_size_;
  if (chain_ == nullptr) {
    gateway_slots_size_ = chain.slots_size();
    if (gateway_slots_size_ > 0) {
      gateway_slots_ = static_cast<std::byte*>(arena_.allocate(gateway_slots_size_, 16));
      std::memset(gateway_slots_, 0, gateway_slots_size_);
    }
  } else if (std::uint32_t more = chain.slots_size() - have; more > 0) {
    route_slots_ = static_cast<std::byte*>(arena_.allocate(more, 16));
    std::memset(route_slots_, 0, more);
  }
  chain_ = &chain;
  if (chain.has_conditions()) conditions_.resize(chain.links().size(), -1);
}

void Exchange::run_early() {
  switch (run_hooks(Hook::request_early)) {
    case Run::finished:
      return go(Stage::route);
    case Run::suspended:
      return wait();
    case Run::ended:
      return;
  }
}

void Exchange::run_route() {
  const Plan& plan = plan_.plan();
  auto found = plan.router.find(*request_, client_->client().listener_name(), arena_);
  if (found.kind == RouteMatch::Kind::found) {
    route_ = &plan.routes[found.route];
    path_parameters_ = found.parameters.all();
    upstream_plan_ = route_->upstream;
    use_chain(route_->chain);
  } else if (found.kind == RouteMatch::Kind::method_not_allowed) {
    allow_ = found.allow;
  }
  go(Stage::request);
}

void Exchange::run_request() {
  switch (run_hooks(Hook::request)) {
    case Run::finished:
      break;
    case Run::suspended:
      return wait();
    case Run::ended:
      return;
  }
  reached_ = static_cast<std::uint32_t>(chain_->links().size());
  if (route_ == nullptr) return refuse_unrouted();
  if (request_->body.kind == http::BodyKind::length && body_too_large(request_->body.length)) {
    return reply(Error::client(ErrorCode::payload_too_large,
                               "the request body is larger than " + std::to_string(route_->body_limit) + " bytes"));
  }
  if (choose_upgrade()) go(has_request_body() ? Stage::collect_body : Stage::select);
}

// The gateway-wide request hooks have run for this request too, so that any of them may answer it.
void Exchange::refuse_unrouted() {
  if (allow_.empty()) return reply(Error::client(ErrorCode::not_found, "no route takes this request"));
  reply(Error::client(ErrorCode::method_not_allowed, "the route does not take " + std::string(request_->method)));
  response_->headers.set_view("Allow", allow_);
}

bool Exchange::body_too_large(std::uint64_t bytes) const noexcept {
  return route_ != nullptr && route_->body_limit > 0 && bytes > route_->body_limit;
}

std::uint64_t Exchange::body_read_timeout_ms() const noexcept {
  if (route_ != nullptr) return route_->body_read_timeout_ms;
  return static_cast<std::uint64_t>(plan_.plan().config->timeouts.body_read);
}

void Exchange::run_collect_body() {
  if (upload_mode_ == Upload::held) open_upload();
  if (stage_ != Stage::collect_body) return;  // what a plugin gave has gone through already
  if (upload_mode_ != Upload::collecting || collected_) return go(Stage::select);
  wait();
}

void Exchange::run_select() {
  switch (run_hooks(Hook::upstream_select)) {
    case Run::finished:
      break;
    case Run::suspended:
      return wait();
    case Run::ended:
      return;
  }
  Upstream* up = upstream();
  if (up == nullptr) {
    return reply(Error::gateway("route " + route_->config->id + " has no upstream and no plugin answered"));
  }
  if (up->resolving()) {
    resolving_ = up;
    up->when_resolved(*this);
    worker_.loop().arm(retry_deadline_, static_cast<std::uint64_t>(upstream_plan_->config.timeouts.connect));
    return wait();
  }
  auto& endpoints = up->endpoints();
  bool chosen = chosen_endpoint_ && *chosen_endpoint_ < endpoints.size();
  endpoint_ = chosen ? endpoints[*chosen_endpoint_].get() : up->choose(*this, arena_);
  chosen_endpoint_.reset();
  go(Stage::connect);
}

void Exchange::on_resolved() {
  resolving_ = nullptr;
  retry_deadline_.cancel();
  chosen_endpoint_.reset();
  hook_at_ = chain_->of(Hook::upstream_select).size();  // those hooks have run
  waiting_ = false;
  advance();
}

void Exchange::run_connect() {
  ++attempts_;
  forget_attempt();
  attempt_started_ns_ = worker_.loop().event_ns();
  wait();
  if (endpoint_ == nullptr) {
    return attempt_failed({POSTERN_OUTCOME_NO_ENDPOINT,
                           Error::upstream(ErrorCode::service_unavailable,
                                           "no available endpoint in upstream " + upstream_plan_->config.name),
                           true, false});
  }
  endpoint_text_ = arena_.copy(endpoint_->text);
  switch (forwarder_.connect(*upstream(), *endpoint_)) {
    case Forwarder::Connect::ready:
      return go(Stage::upstream_request);
    case Forwarder::Connect::waiting:
      return;
    case Forwarder::Connect::refused:
      return attempt_failed(
          {POSTERN_OUTCOME_OVERLOADED,
           Error::upstream(ErrorCode::service_unavailable, "too many requests wait for " + std::string(endpoint_text_)),
           true, false});
  }
}

std::string Exchange::proxy_header(net::ProxyVersion version) const {
  return client_ != nullptr ? client_->client().proxy_header(version) : net::proxy_header(version, {}, {});
}

void Exchange::on_connected() {
  go(Stage::upstream_request);
  advance();
}

void Exchange::run_upstream_request() {
  if (upstream_head_ == nullptr) {
    auto prepared = prepare_upstream_head();
    if (!prepared) return reply(prepared.error());
  }
  switch (run_hooks(Hook::upstream_request)) {
    case Run::finished:
      break;
    case Run::suspended:
      return wait();
    case Run::ended:
      return;
  }
  stage_ = Stage::await_response;
  wait();
  send_request();
}

// What goes to the upstream is made anew for each attempt, so that a signature or a rewrite is never applied twice.
Result<void> Exchange::prepare_upstream_head() {
  upstream_connect_ns_ = forwarder_.connect_ns();
  auto* head = new (attempt_arena_.allocate(sizeof(http::RequestHead))) http::RequestHead(*request_);
  head->headers = http::HeaderList(attempt_arena_);
  head->headers.reserve(static_cast<std::uint32_t>(request_->headers.size()) + kAddedFields);
  for (const auto& f : request_->headers.fields())
    if (!http::is_proxy_authentication(f.name)) head->headers.add_view(f.name, f.value);
  if (!route_->rewrite.empty()) {
    auto rewritten = route_->rewrite.apply(*this, request_->path, attempt_arena_);
    if (!rewritten) return postern::fail(rewritten.error());
    head->path = *rewritten;
  }
  bool same = head->path.data() == request_->path.data();
  std::string_view raw = request_->target;
  bool raw_is_clean = same && raw.size() >= head->path.size() && raw.substr(0, head->path.size()) == head->path &&
                      raw.size() == head->path.size() + (head->query.empty() ? 0 : head->query.size() + 1);
  if (!raw_is_clean) {
    head->target = head->path;
    if (!head->query.empty())
      head->target = attempt_arena_.append(attempt_arena_.append(attempt_arena_.copy(head->path), "?"), head->query);
  }
  head->version = http::Version::http11;
  ask_for_upgrade(*head);
  head->extended_connect = false;
  head->expect_continue = false;
  if (!upstream_plan_->config.preserve_host) {
    head->authority = attempt_arena_.copy(endpoint_->host);
    head->headers.set_view("Host", head->authority);
  }
  add_forwarded(plan_.plan().trusted_proxies, client_->client().peer_host(), *request_, *head);
  upstream_head_ = head;
  return {};
}

void Exchange::forget_attempt() {
  upstream_head_ = nullptr;
  attempt_arena_.reset();
}

void Exchange::send_request() {
  http::RequestHead& head = *upstream_head_;
  if (has_request_body()) {
    if (upload_ended_ && request_trailers_ == nullptr)
      head.body = {http::BodyKind::length, replay_.size()};
    else if (upload_ended_ || upload_.modifies())
      head.body = {http::BodyKind::chunked, 0};
    else if (given_by_)
      head.body = {http::BodyKind::length, given_body_.size()};
  }
  auto timeout = route_->response_timeout_ms;
  if (timeout == 0) timeout = static_cast<std::uint64_t>(upstream_plan_->config.timeouts.response);
  auto silence = static_cast<std::uint64_t>(upstream_plan_->config.timeouts.body);
  forwarder_.send_head(head, {timeout, route_->response_body_timeout_ms.value_or(silence)});
  if (!has_request_body()) return;
  if (upload_mode_ != Upload::discarded) upload_mode_ = Upload::streaming;
  replay_.rewind();
  send_replay();
}

void Exchange::on_attempt_failed(const AttemptFailure& failure) {
  pause_of(Lane::head) = Pause{};  // a hook that still holds a piece of the request's body goes on with it
  attempt_failed(failure);
  advance();
}

// Decides what follows a failed attempt: the same again after a stale connection, what a plugin asks for, or the error.
void Exchange::attempt_failed(const AttemptFailure& failure) {
  bool repeatable = replayable_ && (failure.never_sent || idempotent(request_->method));
  if (failure.stale && repeatable && stale_attempts_ < kMaxStaleAttempts) {
    ++stale_attempts_;
    --attempts_;
    hold_upload();
    return go(Stage::connect);
  }
  if (ask_for_retry({.outcome = failure.outcome, .never_sent = failure.never_sent})) return;
  logger("server").write(LogLevel::warn, "upstream attempt failed",
                         {{"upstream", upstream_plan_->config.name},
                          {"endpoint", endpoint_text_},
                          {"route", route_->config->id},
                          {"error", failure.error.text}});
  reply(failure.error);
}

// Tells the plugins how the attempt went. True: one of them asked for another, and it is on its way.
bool Exchange::ask_for_retry(AttemptResult attempt) {
  if (chain_->of(Hook::upstream_result).empty()) return false;
  postern_upstream_result result{};
  result.struct_size = sizeof result;
  result.outcome = attempt.outcome;
  result.status = attempt.status;
  result.never_sent = attempt.never_sent ? 1 : 0;
  result.attempt = attempts_;
  result.connect_ns = forwarder_.connect_ns();
  result.duration_ns = worker_.loop().event_ns() - attempt_started_ns_;
  result.upstream_view = {upstream_plan_->config.name.data(), upstream_plan_->config.name.size()};
  result.endpoint_view = {endpoint_text_.data(), endpoint_text_.size()};
  retry_allowed_ = replayable_ && attempts_ < kMaxAttempts && !head_sent_;
  result.retryable = retry_allowed_ ? 1 : 0;
  retry_delay_ms_.reset();
  run_upstream_result(result);
  retry_allowed_ = false;
  if (!retry_delay_ms_) return false;
  forwarder_.cancel();
  hold_upload();
  go(Stage::retry_wait);
  wait();
  worker_.loop().arm(retry_deadline_, *retry_delay_ms_);
  return true;
}

void Exchange::on_retry_due(void* self) {
  auto* x = static_cast<Exchange*>(self);
  if (auto* unresolved = std::exchange(x->resolving_, nullptr)) {
    unresolved->forget(*x);
    return x->fail(
        Error::upstream(ErrorCode::service_unavailable,
                        "the names of upstream " + x->upstream_plan_->config.name + " are not resolved yet"));
  }
  if (x->stage_ != Stage::retry_wait) return;
  x->go(Stage::select);
  x->advance();
}

void Exchange::on_upstream_head(http::ResponseHead& head, bool ends) {
  upstream_duration_ns_ = worker_.loop().event_ns() - attempt_started_ns_;
  if (ask_for_retry({.outcome = POSTERN_OUTCOME_RESPONSE, .status = head.status})) return;
  if (head.upgrade && !answers_upgrade(head)) {
    forwarder_.cancel();
    return fail(Error::upstream(ErrorCode::proxy_error, "the upstream switched to a protocol that nobody asked for"));
  }
  if (request_->extended_connect && !head.upgrade && head.status < 300) {  // a 2xx would open the client's tunnel
    forwarder_.cancel();
    return fail(Error::upstream(ErrorCode::proxy_error, "the upstream answered without switching protocols"));
  }
  head.headers.remove_if([](const http::Field& f) { return http::is_proxy_authentication(f.name); });
  add_date(head);
  response_ = &head;
  origin_ = POSTERN_ORIGIN_UPSTREAM;
  response_ends_ = ends;
  forget_replay();
  forget_attempt();
  go(Stage::respond);
  advance();
  if (stage_ == Stage::respond && !ends) forwarder_.pause_response();
}

// 100 has been answered by the gateway already; 103 and others pass to clients that know them (RFC 9110 section 15.2).
void Exchange::on_upstream_informational(http::ResponseHead& head) {
  if (client_ == nullptr || head_sent_ || head.status == 100 || request_->version == http::Version::http10) return;
  client_->write_informational(stream_, head);
}

void Exchange::on_upstream_broken(const Error& error) {
  if (head_sent_) {
    error_code_ = name_of(error.code);
    error_cause_ = arena_.copy(error.text);
    return abort(POSTERN_END_UPSTREAM);
  }
  fail(error);
}

void Exchange::run_respond() {
  switch (run_hooks(Hook::response)) {
    case Run::finished:
      break;
    case Run::suspended:
      return wait();
    case Run::ended:
      return;
  }
  if (passes_for_tunnel())  // RFC 8441 section 5
    reply(Error::gateway("a plugin's answer is none to an extended CONNECT").with(ErrorCode::not_implemented));
  response_->upgrade ? start_tunnel() : start_relay();
}

void Exchange::fail(const Error& error) {
  if (stage_ == Stage::done) return;
  if (head_sent_) {
    error_code_ = name_of(error.code);
    error_cause_ = arena_.copy(error.text);
    return abort(error.origin == Origin::upstream ? POSTERN_END_UPSTREAM : POSTERN_END_ABORTED);
  }
  drop_pauses();
  reply(error);
  advance();
}

void Exchange::reply(const Error& error) {
  // What happened upstream or inside is for the log; the client gets the sentence of the code.
  bool clients_fault = error.origin == Origin::client;
  std::string_view message = clients_fault ? std::string_view(error.text) : http::reason_phrase(status_of(error.code));
  error_cause_ = arena_.copy(error.text);
  respond_error(status_of(error.code), name_of(error.code), message, 0);
  commit_local_response();
}

void Exchange::commit_local_response() {
  forwarder_.cancel();
  retry_deadline_.cancel();
  if (auto* unresolved = std::exchange(resolving_, nullptr)) unresolved->forget(*this);
  upload_.close();
  download_.close();
  drop_pauses();  // nobody waits for their hooks any more
  upload_mode_ = Upload::discarded;
  response_ = std::exchange(pending_, nullptr);
  local_body_ = pending_body_;
  error_code_ = pending_code_;
  error_message_ = pending_message_;
  origin_ = pending_origin_;
  response_trailers_ = nullptr;
  // A response hook that answers anew lets the remaining ones see the new response.
  if (stage_ != Stage::respond) go(Stage::respond);
  waiting_ = false;
}

void Exchange::abort(std::uint32_t end) {
  must_close_ = true;
  complete(end);
}

void Exchange::complete(std::uint32_t end) {
  if (stage_ == Stage::done) return;
  stage_ = Stage::done;
  if (pause_count_ != 0) drop_pauses();
  retry_deadline_.cancel();
  call_deadline_.reset();
  if (resolving_ != nullptr) resolving_->forget(*this);
  upload_.close();
  download_.close();
  if (tunnel_ != nullptr)
    tunnel_->stop(end == POSTERN_END_OK ? "upstream" : end == POSTERN_END_CLIENT_GONE ? "client" : "aborted");
  tunnel_place_.leave();
  if (!end_callbacks_.empty())
    for (auto& callback : std::exchange(end_callbacks_, {})) callback.run(callback.user);
  if (chain_ != nullptr) run_complete(bad_request_ && end == POSTERN_END_OK ? POSTERN_END_BAD_REQUEST : end);
  if (end == POSTERN_END_OK)
    forwarder_.release();
  else
    forwarder_.cancel();
  worker_.exchanges().remove(handle_);
  if (chain_ != nullptr) worker_.metrics().exchanges.add(-1);
  if (auto* client = std::exchange(client_, nullptr)) client->on_exchange_done(*this, end, must_close_);
}

void Exchange::on_client_gone(std::uint32_t end) {
  if (stage_ == Stage::done) return;
  client_ = nullptr;
  complete(end);
}

}  // namespace postern::proxy

#include "exchange/exchange.h"

#include <algorithm>
#include <new>
#include <string>

#include "base/clock.h"
#include "exchange/exchange_memory.h"
#include "exchange/grpc.h"
#include "exchange/local_reply.h"
#include "exchange/worker_context.h"
#include "http/hop_by_hop.h"
#include "plan/forwarded.h"

namespace postern::proxy {
namespace {

VariableId request_id_variable() {
  static const VariableId id = variable_id("request_id");
  return id;
}

void count_begun(WorkerMetrics& metrics) {
  metrics.exchanges.add(1);
  metrics.exchanges_total.add(1);
}

thread_local ExchangeMemory exchange_memory;

}  // namespace

void* Exchange::operator new(std::size_t size) { return exchange_memory.take(size); }
void Exchange::operator delete(void* memory) noexcept { exchange_memory.give(memory); }

Exchange::Exchange(ResponseSink& client, http::StreamId stream, WorkerContext& worker, WorkerPlan& plan)
    : x_{.client = &client,
         .stream = stream,
         .worker = worker,
         .plan = plan,
         .variables = *this,
         .arena = Arena(worker.blocks()),
         .handle = worker.exchanges().add(*this)},
      memory_limit_(static_cast<std::uint64_t>(plan.plan().config->limits.exchange_memory)),
      chain_run_(*this, x_),
      attempts_(*this, x_, chain_run_),
      upload_(*this, x_, chain_run_, attempts_.attempt()),
      relay_(*this, x_, chain_run_, attempts_.attempt()),
      upgrade_(x_, relay_, attempts_.attempt()) {
  x_.plan.pin();
}

Exchange::~Exchange() {
  if (stage_ != Stage::done) x_.worker.exchanges().remove(x_.handle);  // else complete() has done it
  x_.plan.unpin();
}

void Exchange::begin(http::RequestHead& head, bool ends) {
  x_.request = &head;
  head.scheme = x_.client->client().tls() != nullptr ? "https" : "http";  // whatever the client says
  x_.request_ended = ends;
  x_.started_ns = x_.loop().event_ns();
  count_begun(x_.worker.metrics());
  const Plan& plan = x_.shared_plan();
  client_ip_ = real_client(plan.trusted_proxies, x_.client->client().peer_host(), head.headers);
  chain_run_.use(plan.gateway_chain);
  if (is_grpc(head)) bound_call();
  go(Stage::early);
}

// A call's deadline counts from here, whatever it waits for; its answer may take as long as that.
void Exchange::bound_call() {
  x_.grpc = true;
  auto value = x_.request->headers.get("grpc-timeout");
  auto timeout_ms = value ? parse_grpc_timeout(*value) : std::nullopt;
  if (!timeout_ms) return;
  call_deadline_ = std::make_unique<Deadline>(&Exchange::on_call_deadline, this);
  x_.loop().arm(*call_deadline_, *timeout_ms);
}

void Exchange::on_call_deadline(void* self) {
  static_cast<Exchange*>(self)->fail(Error::upstream(ErrorCode::timeout, "the call's deadline is over"));
}

void Exchange::refuse(const Error& error) {
  if (x_.request == nullptr) {
    x_.request = new (x_.arena.allocate(sizeof(http::RequestHead))) http::RequestHead(x_.arena);
    x_.request->keep_alive = false;
    x_.started_ns = x_.loop().event_ns();
    count_begun(x_.worker.metrics());
    client_ip_ = x_.client->client().peer_host();
    chain_run_.use(x_.shared_plan().gateway_chain);
    bad_request_ = true;
  }
  x_.request_ended = true;
  relay_.require_close();
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

// ---- Stages: the request -------------------------------------------------------------------------------------------------

void Exchange::run_early() {
  if (hooks_passed(Hook::request_early)) go(Stage::route);
}

void Exchange::run_route() {
  const Plan& plan = x_.shared_plan();
  auto found = plan.router.find(*x_.request, x_.client->client().listener_name(), x_.arena);
  if (found.kind == RouteMatch::Kind::found) {
    x_.route = &plan.routes[found.route];
    path_parameters_ = found.parameters.all();
    attempts_.use(x_.route->upstream);
    chain_run_.use(x_.route->chain);
  } else if (found.kind == RouteMatch::Kind::method_not_allowed) {
    allow_ = found.allow;
  }
  go(Stage::request);
}

void Exchange::run_request() {
  if (!hooks_passed(Hook::request)) return;
  chain_run_.reach_all();
  if (x_.route == nullptr) return refuse_unrouted();
  if (upload_.announces_too_much()) return reply(upload_.too_large());
  auto chosen = upgrade_.choose(upload_.has_body());
  if (!chosen) return reply(chosen.error());
  go(upload_.has_body() ? Stage::collect_body : Stage::select);
}

// The gateway-wide request hooks have run for this request too, so that any of them may answer it.
void Exchange::refuse_unrouted() {
  if (allow_.empty()) return reply(Error::client(ErrorCode::not_found, "no route takes this request"));
  reply(Error::client(ErrorCode::method_not_allowed, "the route does not take " + std::string(x_.request->method)));
  relay_.head()->headers.set_view("Allow", allow_);
}

void Exchange::run_collect_body() {
  bool collected = upload_.collect();
  if (stage_ != Stage::collect_body) return;  // what a plugin gave has gone through already
  collected ? go(Stage::select) : wait();
}

void Exchange::on_body_collected() {
  if (stage_ != Stage::collect_body) return;
  go(Stage::select);
  advance();
}

// ---- Stages: the upstream ------------------------------------------------------------------------------------------------

void Exchange::run_select() {
  if (hooks_passed(Hook::upstream_select)) select_endpoint();
}

void Exchange::select_endpoint() {
  switch (attempts_.choose()) {
    case Attempts::Choice::made:
      return go(Stage::connect);
    case Attempts::Choice::waits_for_names:
      return wait();
    case Attempts::Choice::no_upstream:
      return reply(Error::gateway("route " + x_.route->config->id + " has no upstream and no plugin answered"));
  }
}

void Exchange::on_names_resolved() {
  waiting_ = false;
  select_endpoint();
  advance();
}

void Exchange::run_connect() {
  wait();
  if (attempts_.connect()) go(Stage::upstream_request);
}

std::string Exchange::proxy_header(net::ProxyVersion version) const {
  return x_.client != nullptr ? x_.client->client().proxy_header(version) : net::proxy_header(version, {}, {});
}

void Exchange::on_connected() {
  go(Stage::upstream_request);
  advance();
}

void Exchange::run_upstream_request() {
  auto prepared = attempts_.prepare_head(upgrade_.protocol());
  if (!prepared) return reply(prepared.error());
  if (!hooks_passed(Hook::upstream_request)) return;
  stage_ = Stage::await_response;
  wait();
  upload_.frame(*attempts_.head());
  attempts_.send_head();
  upload_.start();
}

void Exchange::on_attempt_failed(const AttemptFailure& failure) {
  chain_run_.forget_head();  // a hook that still holds a piece of the request's body goes on with it
  switch (attempts_.after_failure(failure, upload_.replayable())) {
    case Attempts::Next::connect:
      upload_.hold();
      go(Stage::connect);
      break;
    case Attempts::Next::retry_later:
      wait_for_retry();
      break;
    case Attempts::Next::give_up:
      reply(failure.error);
      break;
  }
  advance();
}

void Exchange::wait_for_retry() {
  if (stage_ >= Stage::respond) return;  // answered or ended by a hook that was resumed meanwhile
  upload_.hold();
  go(Stage::retry_wait);
  wait();
}

void Exchange::on_retry_due() {
  if (stage_ != Stage::retry_wait) return;
  go(Stage::select);
  advance();
}

// ---- Stages: the response ------------------------------------------------------------------------------------------------

void Exchange::on_upstream_head(http::ResponseHead& head, bool ends) {
  if (attempts_.repeats_after(head.status, upload_.replayable())) return wait_for_retry();
  if (done()) return;
  if (const char* problem = upgrade_.problem_of(head, *attempts_.head()))
    return fail(Error::upstream(ErrorCode::proxy_error, problem));
  head.headers.remove_if([](const http::Field& f) { return http::is_proxy_authentication(f.name); });
  add_date(head, x_.arena);
  relay_.take(head, ends);
  upload_.forget_replay();
  attempts_.forget_head();
  go(Stage::respond);
  advance();
  if (stage_ == Stage::respond && !ends) attempts_.attempt().pause_response();
}

// 100 has been answered by the gateway already; 103 and others pass to clients that know them (RFC 9110 section 15.2).
void Exchange::on_upstream_informational(http::ResponseHead& head) {
  if (x_.client == nullptr || relay_.head_sent()) return;
  if (head.status == 100 || x_.request->version == http::Version::http10) return;
  x_.client->write_informational(x_.stream, head);
}

void Exchange::run_respond() {
  if (!hooks_passed(Hook::response)) return;
  if (upgrade_.passes_for_tunnel(*relay_.head()))
    reply(Error::gateway("a plugin's answer is none to an extended CONNECT").with(ErrorCode::not_implemented));
  stage_ = Stage::relay;
  wait();
  relay_.head()->upgrade ? upgrade_.start() : relay_.start();
}

void Exchange::on_upstream_broken(const Error& error) {
  relay_.head_sent() ? break_off(error, POSTERN_END_UPSTREAM) : fail(error);
}

void Exchange::on_answer(const LocalAnswer& answer) {
  commit(answer);
  advance();
}

void Exchange::on_resumed(std::uint64_t number) {
  auto go_on = [](WorkerContext& worker, std::uint64_t exchange, std::uint64_t pause) {
    if (Exchange* x = worker.exchanges().find(exchange)) x->chain_run_.go_on(pause);
  };
  x_.worker.resumptions().add(go_on, x_.handle, number);
}

void Exchange::on_resume(Lane lane, postern_verdict verdict) {
  if (lane == Lane::request_body) return upload_.resume(verdict);
  if (lane == Lane::response_body) return relay_.resume(verdict);
  waiting_ = false;
  advance();
}

// ---- Bodies --------------------------------------------------------------------------------------------------------------

std::uint64_t Exchange::body_read_timeout_ms() const noexcept {
  if (x_.route != nullptr) return x_.route->body_read_timeout_ms;
  return static_cast<std::uint64_t>(x_.shared_plan().config->timeouts.body_read);
}

void Exchange::on_client_body(std::string_view bytes) {
  if (!upgrade_.has_tunnel()) return upload_.on_body(bytes);
  upload_.count(bytes.size());
  upgrade_.tunnel().from_client(bytes);
}

void Exchange::on_client_body_end(http::HeaderList* trailers) {
  x_.request_ended = true;
  upgrade_.has_tunnel() ? upgrade_.tunnel().client_ended() : upload_.on_end(trailers);
}

void Exchange::on_body_refused(const Error& error) {
  if (!x_.request_ended) relay_.require_close();
  fail(error);
}

void Exchange::on_upstream_body(std::string_view bytes) {
  upgrade_.has_tunnel() ? upgrade_.tunnel().from_upstream(bytes) : relay_.on_body(bytes);
}

void Exchange::on_upstream_body_end(http::HeaderList* trailers) {
  upgrade_.has_tunnel() ? relay_.finish() : relay_.on_end(trailers);
}

void Exchange::on_upstream_drained() { upgrade_.has_tunnel() ? upgrade_.on_upstream_drained() : upload_.on_drained(); }

// ---- Answers and the end -------------------------------------------------------------------------------------------------

void Exchange::fail(const Error& error) {
  if (done()) return;
  if (relay_.head_sent())
    return break_off(error, error.origin == Origin::upstream ? POSTERN_END_UPSTREAM : POSTERN_END_ABORTED);
  reply(error);
  advance();
}

void Exchange::break_off(const Error& error, std::uint32_t end) {
  relay_.break_off(error);
  error_cause_ = x_.arena.copy(error.text);
  abort(end);
}

void Exchange::reply(const Error& error) {
  // What happened upstream or inside is for the log; the client gets the sentence of the code.
  bool clients_fault = error.origin == Origin::client;
  std::string_view message = clients_fault ? std::string_view(error.text) : http::reason_phrase(status_of(error.code));
  error_cause_ = x_.arena.copy(error.text);
  commit(error_answer(status_of(error.code), name_of(error.code), message, 0));
}

LocalAnswer Exchange::error_answer(std::uint32_t status, std::string_view code, std::string_view message,
                                   std::uint32_t retry_after_s) {
  ErrorBody error{code, message, variable(request_id_variable()).string, retry_after_s};
  return make_error_answer(static_cast<std::uint16_t>(status), error, x_.arena);
}

void Exchange::commit(const LocalAnswer& answer) {
  if (done()) return;
  attempts_.cancel();
  upload_.discard();
  chain_run_.forget_all();
  relay_.take(answer);
  // A response hook that answers anew lets the remaining ones see the new response.
  if (stage_ != Stage::respond) go(Stage::respond);
  waiting_ = false;
}

void Exchange::abort(std::uint32_t end) {
  relay_.require_close();
  complete(end);
}

void Exchange::complete(std::uint32_t end) {
  if (done()) return;
  stage_ = Stage::done;
  chain_run_.stop();
  call_deadline_.reset();
  upload_.discard();
  relay_.close();
  upgrade_.stop(end);
  if (!end_callbacks_.empty())
    for (auto& callback : std::exchange(end_callbacks_, {})) callback->run();
  if (chain_run_.has_chain()) run_complete(bad_request_ && end == POSTERN_END_OK ? POSTERN_END_BAD_REQUEST : end);
  attempts_.end(end == POSTERN_END_OK);
  x_.worker.exchanges().remove(x_.handle);
  if (chain_run_.has_chain()) x_.worker.metrics().exchanges.add(-1);
  if (auto* client = std::exchange(x_.client, nullptr)) client->on_exchange_done(*this, end, relay_.must_close());
}

void Exchange::run_complete(std::uint32_t end) {
  if (chain_run_.of(Hook::complete).empty()) return;
  postern_completion completion{};
  completion.struct_size = sizeof completion;
  completion.end = end;
  completion.status = relay_.head_sent() ? relay_.head()->status : 0;
  completion.origin = relay_.origin();
  completion.request_head_bytes = x_.request->wire_bytes;
  completion.request_body_bytes = upload_.bytes();
  completion.response_head_bytes = relay_.head_sent() ? relay_.head()->wire_bytes : 0;
  completion.response_body_bytes = relay_.bytes();
  completion.duration_ns = x_.loop().event_ns() - x_.started_ns;
  completion.upstream_duration_ns = attempts_.duration_ns();
  completion.upstream_connect_ns = attempts_.connect_ns();
  completion.attempts = attempts_.count();
  completion.error_code_view = {relay_.error_code().data(), relay_.error_code().size()};
  completion.error_cause_view = {error_cause_.data(), error_cause_.size()};
  chain_run_.tell_completion(completion);
}

void Exchange::on_client_gone(std::uint32_t end) {
  if (done()) return;
  x_.client = nullptr;
  complete(end);
}

}  // namespace postern::proxy

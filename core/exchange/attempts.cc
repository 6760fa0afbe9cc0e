#include "exchange/attempts.h"

#include <string>
#include <utility>

#include "base/log.h"
#include "exchange/upstream_head.h"

namespace postern::proxy {
namespace {

constexpr std::uint32_t kMaxAttempts = 5;
constexpr std::uint32_t kMaxStaleAttempts = 3;

bool idempotent(std::string_view method) {  // RFC 9110 section 9.2.2
  return method == "GET" || method == "HEAD" || method == "PUT" || method == "DELETE" || method == "OPTIONS" ||
         method == "TRACE";
}

std::uint64_t ms(std::int64_t configured) noexcept { return static_cast<std::uint64_t>(configured); }

}  // namespace

// ---- Where to --------------------------------------------------------------------------------------------------------

void Attempts::use(const UpstreamPlan* upstream) noexcept {
  upstream_plan_ = upstream;
  preferred_ = kNoPreference;
}

Attempts::Choice Attempts::choose() {
  Upstream* up = upstream();
  if (up == nullptr) return Choice::no_upstream;
  if (up->resolving()) {
    resolving_ = up;
    up->when_resolved(*this);
    x_.loop().arm(deadline_, ms(upstream_plan_->config.timeouts.connect));
    return Choice::waits_for_names;
  }
  auto& endpoints = up->endpoints();
  endpoint_ = preferred_ < endpoints.size() ? endpoints[preferred_].get() : up->choose(x_.variables, x_.arena);
  preferred_ = kNoPreference;
  return Choice::made;
}

void Attempts::on_resolved() {
  resolving_ = nullptr;
  deadline_.cancel();
  preferred_ = kNoPreference;
  host_.on_names_resolved();
}

void Attempts::on_deadline(void* self) { static_cast<Attempts*>(self)->deadline_passed(); }

void Attempts::deadline_passed() {
  if (resolving_ == nullptr) return host_.on_retry_due();
  std::exchange(resolving_, nullptr)->forget(*this);
  host_.on_unresolved(
      Error::upstream(ErrorCode::service_unavailable,
                      "the names of upstream " + upstream_plan_->config.name + " are not resolved yet"));
}

// ---- One attempt -----------------------------------------------------------------------------------------------------

bool Attempts::connect() {
  ++count_;
  forget_head();
  started_ns_ = x_.loop().event_ns();
  if (endpoint_ == nullptr)
    return fail_to_connect(POSTERN_OUTCOME_NO_ENDPOINT,
                           "no available endpoint in upstream " + upstream_plan_->config.name);
  endpoint_text_ = x_.arena.copy(endpoint_->text);
  auto connection = attempt_.connect(*endpoint_);
  if (connection == Attempt::Connect::refused)
    return fail_to_connect(POSTERN_OUTCOME_OVERLOADED, "too many requests wait for " + std::string(endpoint_text_));
  return connection == Attempt::Connect::ready;
}

bool Attempts::fail_to_connect(std::uint32_t outcome, std::string text) {
  host_.on_attempt_failed({outcome, Error::upstream(ErrorCode::service_unavailable, std::move(text)),
                           /*never_sent=*/true, /*stale=*/false});
  return false;
}

Result<void> Attempts::prepare_head(std::string_view protocol) {
  if (head_ != nullptr) return {};
  connect_ns_ = attempt_.connect_ns();
  auto made = make_upstream_head(x_, *upstream_plan_, endpoint_->host, protocol, arena_);
  if (!made) return fail(made.error());
  head_ = *made;
  return {};
}

void Attempts::forget_head() noexcept {
  head_ = nullptr;
  arena_.reset();
}

void Attempts::send_head() {
  const auto& timeouts = upstream_plan_->config.timeouts;
  std::uint64_t head_ms = x_.route->response_timeout_ms != 0 ? x_.route->response_timeout_ms : ms(timeouts.response);
  attempt_.send_head(*head_, {head_ms, x_.route->response_body_timeout_ms.value_or(ms(timeouts.body))});
}

// ---- What came of it -------------------------------------------------------------------------------------------------

// The same again after a stale connection, what a plugin asks for, or the error.
Attempts::Next Attempts::after_failure(const AttemptFailure& failure, bool replayable) {
  bool repeatable = replayable && (failure.never_sent || idempotent(x_.request->method));
  if (failure.stale && repeatable && stale_count_ < kMaxStaleAttempts) {
    ++stale_count_;
    --count_;
    return Next::connect;
  }
  if (ask_for_retry({.outcome = failure.outcome, .never_sent = failure.never_sent}, replayable))
    return Next::retry_later;
  logger("server").write(LogLevel::warn, "upstream attempt failed",
                         {{"upstream", upstream_plan_->config.name},
                          {"endpoint", endpoint_text_},
                          {"route", x_.route->config->id},
                          {"error", failure.error.text}});
  return Next::give_up;
}

bool Attempts::repeats_after(std::uint16_t status, bool replayable) {
  duration_ns_ = x_.loop().event_ns() - started_ns_;
  return ask_for_retry({.outcome = POSTERN_OUTCOME_RESPONSE, .status = status}, replayable);
}

// Tells the plugins how the attempt went. True: one of them asked for another, whose delay has begun, or resumed a hook that
// answered or ended the exchange.
bool Attempts::ask_for_retry(Outcome outcome, bool replayable) {
  if (Trail* trail = chain_run_.trail()) trail->attempt(result_of(outcome), x_.loop().event_ns() - x_.started_ns);
  if (chain_run_.of(Hook::upstream_result).empty()) return false;
  retry_allowed_ = replayable && count_ < kMaxAttempts;
  retry_delay_ms_.reset();
  const std::uint32_t course = chain_run_.course();
  chain_run_.tell_upstream_result(result_of(outcome));
  retry_allowed_ = false;
  if (chain_run_.course() != course) return true;
  if (!retry_delay_ms_) return false;
  attempt_.cancel();
  x_.loop().arm(deadline_, *retry_delay_ms_);
  return true;
}

postern_upstream_result Attempts::result_of(Outcome outcome) const noexcept {
  postern_upstream_result result{};
  result.struct_size = sizeof result;
  result.outcome = outcome.outcome;
  result.status = outcome.status;
  result.never_sent = outcome.never_sent ? 1 : 0;
  result.attempt = count_;
  result.connect_ns = attempt_.connect_ns();
  result.duration_ns = x_.loop().event_ns() - started_ns_;
  result.upstream_view = {upstream_plan_->config.name.data(), upstream_plan_->config.name.size()};
  result.endpoint_view = {endpoint_text_.data(), endpoint_text_.size()};
  result.retryable = retry_allowed_ ? 1 : 0;
  return result;
}

postern_status Attempts::retry(std::uint32_t delay_ms) {
  if (!retry_allowed_) return POSTERN_E_STATE;
  retry_delay_ms_ = delay_ms;
  return POSTERN_OK;
}

void Attempts::cancel() noexcept {
  stop_waiting();
  attempt_.cancel();
}

void Attempts::end(bool reuse) noexcept {
  stop_waiting();
  reuse ? attempt_.release() : attempt_.cancel();
}

void Attempts::stop_waiting() noexcept {
  deadline_.cancel();
  if (auto* unresolved = std::exchange(resolving_, nullptr)) unresolved->forget(*this);
}

}  // namespace postern::proxy

#include "limiter.h"

#include <algorithm>

#include "window_log.h"

std::optional<Limiter::Outcome> Limiter::take(std::span<const LimitKey> keys) {
  if (keys.size() == 1) return all(keys, Mode::take);
  // Keys are this instance's alone, so that nobody can use up between the steps what was asked for. (During a reload an
  // instance of the old generation may: then a refused request has been counted by some limits. None is ever exceeded.)
  std::lock_guard lock(several_);
  auto outcome = all(keys, Mode::ask);
  return outcome && outcome->allowed ? all(keys, Mode::take) : outcome;
}

std::optional<Limiter::Outcome> Limiter::all(std::span<const LimitKey> keys, Mode mode) const {
  Outcome outcome;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    auto result = one(rules_[i], keys[i].text(), mode);
    if (!result) return std::nullopt;
    bool refused = result->allowed == 0;
    bool tighter = i == 0 || (refused ? outcome.refused == 0 || result->retry_after_ms > outcome.retry_after_ms
                                      : outcome.refused == 0 && result->remaining < outcome.remaining);
    if (refused) outcome.refused |= 1u << i;
    if (!tighter) continue;
    outcome.tightest = i;
    outcome.remaining = result->remaining;
    outcome.retry_after_ms = result->retry_after_ms;
    outcome.reset_ms = result->reset_ms;
  }
  outcome.allowed = outcome.refused == 0;
  return outcome;
}

Limiter::Result Limiter::one(const Rule& rule, std::string_view key, Mode mode) const {
  if (rule.algorithm == Algorithm::sliding_window) return exact(rule, key, mode);
  bool bucket = rule.algorithm == Algorithm::token_bucket;
  return dict_.limit(key, {0, bucket ? POSTERN_LIMIT_TOKEN_BUCKET : POSTERN_LIMIT_SLIDING_WINDOW, rule.limit,
                           rule.window_ms, rule.burst, mode == Mode::take ? 1u : 0u});
}

// Another worker may have changed the log between reading and writing it. Then somebody has got on, so trying again ends
// soon; that it never ends so late is seen as a failure.
Limiter::Result Limiter::exact(const Rule& rule, std::string_view key, Mode mode) const {
  constexpr int kAttempts = 1000;
  WindowLog log;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    auto now_ms = postern::now_ms();
    auto stored = dict_.get(key, log.buffer());
    log.loaded(stored ? stored->size() : 0);
    auto verdict = log.ask(rule.limit, rule.window_ms, now_ms);
    postern::Status written = POSTERN_OK;
    if (mode == Mode::take && verdict.allowed) {
      verdict = log.take(rule.limit, rule.window_ms, now_ms);
      written = stored ? dict_.compare_and_set(key, log.before(), log.after(), rule.window_ms)
                       : dict_.add(key, log.after(), rule.window_ms);
    }
    if (written.ok())
      return postern::LimitResult{0, verdict.allowed ? 1u : 0u, verdict.remaining, verdict.retry_after_ms,
                                  verdict.reset_ms};
    if (written != POSTERN_E_CONFLICT && written != POSTERN_E_EXISTS) break;
  }
  return std::nullopt;
}

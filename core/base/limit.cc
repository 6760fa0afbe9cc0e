#include "base/limit.h"

#include <algorithm>

namespace postern {
namespace {

__extension__ typedef unsigned __int128 Wide;

constexpr std::uint64_t kMaxProduct = 1ull << 62;
constexpr std::uint64_t kMaxWindow = 1ull << 40;

constexpr std::uint64_t divide_up(std::uint64_t a, std::uint64_t b) noexcept { return a / b + (a % b != 0 ? 1 : 0); }

bool product_fits(std::uint64_t a, std::uint64_t b) noexcept {
  std::uint64_t product = 0;
  return !__builtin_mul_overflow(a, b, &product) && product <= kMaxProduct;
}

// Each millisecond gives back `limit` units of 1/window_ms tokens.
LimitResult apply_token_bucket(LimitState& state, const Limit& rule, std::uint64_t now_ms) noexcept {
  if (state.window_ms != rule.window_ms && state.window_ms != 0) {
    Wide rescaled = static_cast<Wide>(state.first) * rule.window_ms / state.window_ms;
    state.first = rescaled > kMaxProduct ? kMaxProduct : static_cast<std::uint64_t>(rescaled);
  }
  state.window_ms = rule.window_ms;
  std::uint64_t elapsed = now_ms > state.at_ms ? now_ms - state.at_ms : 0;
  state.at_ms += elapsed;
  std::uint64_t capacity = rule.burst * rule.window_ms;
  std::uint64_t missing = elapsed > state.first / rule.limit ? 0 : state.first - elapsed * rule.limit;
  missing = std::min(missing, capacity);

  std::uint64_t wanted = std::max<std::uint64_t>(rule.cost, 1) * rule.window_ms;
  LimitResult result;
  result.allowed = wanted <= capacity - missing;
  if (!result.allowed) result.retry_after_ms = divide_up(wanted - (capacity - missing), rule.limit);
  if (result.allowed && rule.cost > 0) missing += wanted;
  state.first = missing;
  result.remaining = (capacity - missing) / rule.window_ms;
  result.reset_ms = divide_up(missing, rule.limit);
  return result;
}

// Moves the windows on so that `state` speaks of the one that holds now_ms. Returns how far into it now_ms is.
std::uint64_t enter_window(LimitState& state, std::uint64_t window_ms, std::uint64_t now_ms) noexcept {
  std::uint64_t begin = now_ms - now_ms % window_ms;
  if (state.window_ms != window_ms) {
    state = {Limit::Algorithm::sliding_window, window_ms, begin, 0, 0};
  } else if (begin > state.at_ms) {
    state.second = begin - state.at_ms == window_ms ? state.first : 0;
    state.first = 0;
    state.at_ms = begin;
  }
  return now_ms > state.at_ms ? now_ms - state.at_ms : 0;
}

// When, counted from a window's begin, `older` admitted in the window before weigh no more than `room` (in 1/window_ms).
std::uint64_t faded_at(std::uint64_t older, std::uint64_t room, std::uint64_t window_ms) noexcept {
  if (older == 0) return 0;
  std::uint64_t overlap = room / older;
  return overlap >= window_ms ? 0 : window_ms - overlap;
}

LimitResult apply_sliding_window(LimitState& state, const Limit& rule, std::uint64_t now_ms) noexcept {
  std::uint64_t window = rule.window_ms;
  std::uint64_t elapsed = enter_window(state, window, now_ms);
  std::uint64_t current = std::min(state.first, rule.limit);  // the limit may have been higher then
  std::uint64_t previous = std::min(state.second, rule.limit);
  std::uint64_t weighted = current * window + previous * (window - elapsed);
  std::uint64_t capacity = rule.limit * window;
  std::uint64_t wanted = std::max<std::uint64_t>(rule.cost, 1);

  LimitResult result;
  result.allowed = wanted * window + weighted <= capacity;
  if (result.allowed) {
    current += rule.cost;
    weighted += rule.cost * window;
    state.first = current;
  } else if (current + wanted <= rule.limit) {
    result.retry_after_ms = faded_at(previous, (rule.limit - current - wanted) * window, window) - elapsed;
  } else {
    result.retry_after_ms = window - elapsed + faded_at(current, (rule.limit - wanted) * window, window);
  }
  result.remaining = weighted >= capacity ? 0 : (capacity - weighted) / window;
  if (current > 0)
    result.reset_ms = 2 * window - elapsed;
  else if (previous > 0)
    result.reset_ms = window - elapsed;
  return result;
}

}  // namespace

bool Limit::well_formed() const noexcept {
  if (limit == 0 || window_ms == 0 || window_ms > kMaxWindow || limit > kMaxProduct) return false;
  std::uint64_t at_once = algorithm == Algorithm::token_bucket ? burst : limit;
  return at_once >= 1 && cost <= at_once && product_fits(at_once, window_ms);
}

LimitResult apply(LimitState& state, const Limit& rule, std::uint64_t now_ms) noexcept {
  if (state.algorithm != rule.algorithm) state = {rule.algorithm, 0, 0, 0, 0};
  if (state.window_ms == 0 && rule.algorithm == Limit::Algorithm::token_bucket) state.at_ms = now_ms;
  return rule.algorithm == Limit::Algorithm::token_bucket ? apply_token_bucket(state, rule, now_ms)
                                                          : apply_sliding_window(state, rule, now_ms);
}

}  // namespace postern

// Rate limits as arithmetic: a state, a rule and a time in, a decision out. Whole numbers throughout, so results are exact.
#pragma once

#include <cstdint>

namespace postern {

struct Limit {
  enum class Algorithm : std::uint8_t {
    token_bucket,   // GCRA: `limit` per window on average, `burst` at once
    sliding_window  // two counters, the older weighted by the part of its window that still overlaps
  };
  Algorithm algorithm = Algorithm::token_bucket;
  std::uint64_t limit = 1;
  std::uint64_t window_ms = 1;
  std::uint64_t burst = 1;  // token bucket only
  std::uint64_t cost = 1;   // 0 asks whether one would be admitted, without taking it

  // At least 1 each; a cost that could ever be admitted; products that fit: (burst or limit) * window_ms up to 2^62,
  // windows up to 2^40 ms.
  bool well_formed() const noexcept;
};

struct LimitResult {
  bool allowed = false;  // true: admitted and charged; false: nothing was charged
  std::uint64_t remaining = 0;
  std::uint64_t retry_after_ms = 0;  // the earliest time at which the same would be admitted; 0 when allowed
  std::uint64_t reset_ms = 0;        // until the full limit is available again
};

// What one key remembers. A new one has used up nothing. When the rule's algorithm (or the sliding window's length) changes
// it begins anew.
struct LimitState {
  Limit::Algorithm algorithm = Limit::Algorithm::token_bucket;
  std::uint64_t window_ms = 0;  // of the rule that wrote this; 0: new
  std::uint64_t at_ms = 0;      // token bucket: of `first`; sliding window: when the current window began
  std::uint64_t first =
      0;  // token bucket: what is missing, in 1/window_ms tokens; sliding window: admitted in the current
  std::uint64_t second = 0;  // sliding window: admitted in the window before
};

// `rule` must be well formed. Time that runs backwards (clocks of threads differ a little) counts as standing still.
LimitResult apply(LimitState& state, const Limit& rule, std::uint64_t now_ms) noexcept;

}  // namespace postern

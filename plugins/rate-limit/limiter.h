// Asks and charges the limits of one instance in the shared dict: all of them, or none.
#pragma once

#include <postern/plugin.h>

#include <mutex>
#include <optional>
#include <span>

#include "limit_key.h"
#include "rule.h"

class Limiter {
 public:
  Limiter(postern::Dict dict, const std::vector<Rule>& rules) : dict_(dict), rules_(rules) {}

  struct Outcome {
    bool allowed = false;
    std::size_t tightest = 0;   // index of the rule that the rest speaks of; it refused, or has the least left
    std::uint32_t refused = 0;  // one bit for each rule that refused
    std::uint64_t remaining = 0, retry_after_ms = 0, reset_ms = 0;
  };
  // One key for each rule, in their order. None when the dict fails.
  std::optional<Outcome> take(std::span<const LimitKey> keys);

 private:
  enum class Mode { ask, take };
  using Result = std::optional<postern::LimitResult>;

  std::optional<Outcome> all(std::span<const LimitKey> keys, Mode mode) const;
  Result one(const Rule& rule, std::string_view key, Mode mode) const;
  Result exact(const Rule& rule, std::string_view key, Mode mode) const;

  postern::Dict dict_;
  const std::vector<Rule>& rules_;
  std::mutex several_;  // makes asking and taking one step when there are several rules
};

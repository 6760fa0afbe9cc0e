// What an instance is told: its limits and how requests are told apart.
#pragma once

#include <postern/plugin.h>

#include <vector>

#include "rule.h"

struct Settings {
  static constexpr std::size_t kMaxRules = 8;

  std::vector<Rule> rules;  // 1 .. kMaxRules
  unsigned ipv6_prefix = 0;
  bool anonymous_by_ip = false;
  bool headers = false;
  std::uint64_t memory = 0;  // bytes
};

// Reports what is wrong to `setup`, all of it, and declares the variables that the limits need.
Settings read_settings(postern::Setup& setup, postern::Node config);

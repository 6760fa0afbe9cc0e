// One limit: how many, how fast, and who shares a count.
#pragma once

#include <postern/plugin.h>

#include <cstdint>
#include <string>
#include <vector>

struct Dimension {
  enum class Kind { ip, global, route, consumer, header, variable };
  Kind kind = Kind::ip;
  std::string header;          // header only
  postern::Variable variable;  // all but global and header
};

enum class Algorithm {
  token_bucket,     // `limit` per window on average, `burst` at once
  sliding_window,   // no span of a window's length ever holds more than `limit`
  sliding_counter,  // the same, estimated from two counters
};

struct Rule {
  Algorithm algorithm = Algorithm::token_bucket;
  std::uint64_t limit = 1;
  std::uint64_t window_ms = 1;
  std::uint64_t burst = 1;  // token_bucket only
  std::vector<Dimension> by;
  std::string label;       // of the metrics: "ip", "consumer+route", "header:x-tenant"
  std::string key_prefix;  // what sets its keys apart from those of all other rules; ends with a zero byte

  // What a client that has been quiet may send at once.
  std::uint64_t capacity() const { return algorithm == Algorithm::token_bucket ? burst : limit; }
};

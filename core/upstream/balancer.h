// Chooses among endpoints. Pure logic: knows weights, loads and availability, no sockets.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"

namespace postern::proxy {

// What a balancer sees of an endpoint.
struct Candidate {
  std::string_view name;  // its address
  std::string_view host;  // the target as configured. With the address it is the identity for hashing
  std::uint32_t weight = 1;
  std::uint64_t active = 0;  // exchanges in flight
  bool available = true;
};

class Balancer {
 public:
  static constexpr std::size_t kNone = static_cast<std::size_t>(-1);
  // `seed` differs by worker, so that workers do not march in step.
  static std::unique_ptr<Balancer> make(config::Balance kind, std::uint64_t seed);
  virtual ~Balancer() = default;

  // The set changed: endpoints came, went, or changed weight. Indices refer to this set from now on.
  virtual void reset(std::span<const Candidate> candidates) = 0;
  // Index of the choice among available candidates, kNone when there is none. `key` for the hashing kinds.
  virtual std::size_t choose(std::span<const Candidate> candidates, std::string_view key) = 0;
};

}  // namespace postern::proxy

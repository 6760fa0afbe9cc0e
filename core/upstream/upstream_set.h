// The upstreams of one worker and generation: endpoints with their pools, the balancer, names resolved again while running.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "net/resolver.h"
#include "net/timer.h"
#include "plan/plan.h"
#include "upstream/balancer.h"
#include "upstream/upstream_context.h"
#include "upstream/upstream_pool.h"

namespace postern::proxy {

// One address of an upstream.
struct Endpoint {
  Endpoint(UpstreamContext& context, net::Address address, std::string_view host, std::uint32_t weight,
           const UpstreamPlan& plan);

  std::string text;  // "127.0.0.1:9001"
  std::string host;  // the target as configured, for preserve_host: false
  std::uint32_t weight;
  std::uint64_t active = 0;  // exchanges in flight
  bool available = true;     // false: a plugin took it out
  bool gone = false;         // no longer in the set; lives until active is 0
  UpstreamPool pool;
};

// Someone who came before the upstream's names were resolved for the first time.
class ResolveWaiter {
 public:
  virtual void on_resolved() = 0;

 protected:
  ~ResolveWaiter() = default;
};

class Upstream {
 public:
  Upstream(UpstreamContext& context, const UpstreamPlan& plan);
  Upstream(const Upstream&) = delete;
  Upstream& operator=(const Upstream&) = delete;
  ~Upstream();

  const UpstreamPlan& plan() const noexcept { return plan_; }
  // The balancer's choice, or null when no endpoint is available. `reader` gives client.ip and the hash key.
  Endpoint* choose(const VariableReader& reader, Arena& arena);
  const std::vector<std::unique_ptr<Endpoint>>& endpoints() const noexcept { return endpoints_; }
  bool set_available(std::string_view address, bool available);  // by endpoint or target address; false: unknown
  void retire();                                                 // of a drained generation
  // True while there is no endpoint because names have not been resolved for the first time.
  bool resolving() const noexcept { return unresolved_ > 0 && endpoints_.empty(); }
  void when_resolved(ResolveWaiter& waiter);  // on_resolved comes once, when resolving() has ended
  void forget(ResolveWaiter& waiter) noexcept;

 private:
  struct Name;  // a target that is a host name
  void resolve(Name& name);
  void rebuild();
  void fill_candidates();
  void wake_waiters();

  struct Fixed {
    net::Address address;
    std::string host;
    std::uint32_t weight;
  };
  UpstreamContext& context_;
  const UpstreamPlan& plan_;
  std::vector<Fixed> fixed_;  // targets that are addresses
  std::vector<std::unique_ptr<Endpoint>> endpoints_;
  std::vector<std::unique_ptr<Endpoint>> leaving_;
  std::vector<std::unique_ptr<Name>> names_;
  std::unique_ptr<net::Timer> resolve_timer_;
  std::unique_ptr<Balancer> balancer_;
  std::vector<Candidate> candidates_;  // what the balancer sees, in the order of endpoints_
  std::vector<ResolveWaiter*> waiters_;
  std::size_t unresolved_ = 0;
};

class UpstreamSet {
 public:
  UpstreamSet(UpstreamContext& context, const Plan& plan);
  Upstream* find(const UpstreamPlan* plan) noexcept;
  Upstream* find(std::string_view name) noexcept;
  void retire();
  const std::vector<std::unique_ptr<Upstream>>& all() const noexcept { return all_; }

 private:
  std::vector<std::unique_ptr<Upstream>> all_;
};

}  // namespace postern::proxy

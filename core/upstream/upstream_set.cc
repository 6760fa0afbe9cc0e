#include "upstream/upstream_set.h"

#include <postern/abi.h>

#include <algorithm>
#include <utility>

namespace postern::proxy {

Endpoint::Endpoint(UpstreamContext& context, net::Address address, std::string_view configured_host, std::uint32_t w,
                   const UpstreamPlan& plan)
    : text(address.text()), host(configured_host), weight(w), pool(context, std::move(address), plan, host) {}

// A target that is a host name, and the addresses it had when last asked.
struct Upstream::Name {
  std::string host;
  std::uint16_t port = 0;
  std::uint32_t weight = 1;
  std::string text;
  std::vector<net::Address> addresses;
  std::unique_ptr<net::Lookup> lookup;
  bool answered = false;
};

Upstream::Upstream(UpstreamContext& context, const UpstreamPlan& plan)
    : context_(context), plan_(plan), balancer_(Balancer::make(plan.config.balance, context.worker)) {
  for (const auto& target : plan.config.targets) {
    auto address = net::parse_address(target.address);
    if (!address) continue;  // checked when the configuration was loaded
    auto weight = static_cast<std::uint32_t>(target.weight);
    if (address->kind != net::Address::Kind::name) {
      fixed_.push_back({*address, target.address, weight});
      continue;
    }
    auto name = std::make_unique<Name>();
    name->host = address->host;
    name->port = address->port;
    name->weight = weight;
    name->text = target.address;
    if (auto before = context_.known_addresses.find(name->text); before != context_.known_addresses.end()) {
      name->addresses = before->second;
      name->answered = true;
    }
    unresolved_ += name->answered ? 0 : 1;
    names_.push_back(std::move(name));
  }
  rebuild();
  if (names_.empty()) return;
  for (auto& name : names_) resolve(*name);
  auto interval = static_cast<std::uint64_t>(plan.config.resolve_interval);
  resolve_timer_ = net::Timer::start(context_.loop, interval, interval, [this] {
    for (auto& name : names_) resolve(*name);
  });
}

Upstream::~Upstream() = default;

void Upstream::resolve(Name& name) {
  if (name.lookup != nullptr) return;  // the last question is still open
  name.lookup =
      net::Lookup::start(context_.loop, name.host, name.port, [this, &name](Result<std::vector<net::Address>> result) {
        name.lookup.reset();
        bool first = !std::exchange(name.answered, true);
        // An answer that fails keeps the last good addresses: a name server that is down must not empty a pool.
        bool changed = result && *result != name.addresses;
        if (changed) context_.known_addresses[name.text] = name.addresses = std::move(*result);
        if (changed) rebuild();
        if (first) --unresolved_;
        if (!resolving()) wake_waiters();
      });
}

// Brings endpoints in line with the targets. Endpoints that stay keep their pools; those that left finish their exchanges.
void Upstream::rebuild() {
  std::vector<std::unique_ptr<Endpoint>> before = std::exchange(endpoints_, {});
  auto add = [&](const net::Address& address, std::string_view host, std::uint32_t weight) {
    // Two names of one address are two hosts behind it, with certificates of their own.
    auto same = [&](const auto& e) { return e != nullptr && e->pool.address() == address && e->host == host; };
    if (std::any_of(endpoints_.begin(), endpoints_.end(), same)) return;
    if (auto at = std::find_if(before.begin(), before.end(), same); at != before.end()) {
      (*at)->weight = weight;
      endpoints_.push_back(std::move(*at));
      return;
    }
    endpoints_.push_back(std::make_unique<Endpoint>(context_, address, host, weight, plan_));
  };
  for (const auto& f : fixed_) add(f.address, f.host, f.weight);
  for (const auto& n : names_)
    for (const auto& address : n->addresses) add(address, n->text, n->weight);
  for (auto& left : before) {
    if (left == nullptr) continue;
    left->gone = true;
    left->pool.retire();
    leaving_.push_back(std::move(left));
  }
  std::erase_if(leaving_, [](const auto& e) { return e->active == 0 && e->pool.open() == 0; });
  fill_candidates();
  balancer_->reset(candidates_);
}

void Upstream::fill_candidates() {
  candidates_.resize(endpoints_.size());
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    const Endpoint& e = *endpoints_[i];
    candidates_[i] = {e.text, e.host, e.weight, e.active, e.available};
    endpoints_[i]->pool.metrics().weight(e.weight, e.available);
  }
}

Endpoint* Upstream::choose(const VariableReader& reader, Arena& arena) {
  if (endpoints_.size() == 1) return endpoints_[0]->available ? endpoints_[0].get() : nullptr;
  std::string_view key;
  if (plan_.config.balance == config::Balance::consistent_hash) key = plan_.hash_by.expand(reader, arena);
  if (plan_.config.balance == config::Balance::ip_hash) {
    static const VariableId client_ip = variable_id("client.ip");
    key = reader.variable(client_ip).string;
  }
  for (std::size_t i = 0; i < endpoints_.size(); ++i) {
    candidates_[i].active = endpoints_[i]->active;
    candidates_[i].available = endpoints_[i]->available;
  }
  std::size_t chosen = balancer_->choose(candidates_, key);
  return chosen == Balancer::kNone ? nullptr : endpoints_[chosen].get();
}

bool Upstream::set_available(std::string_view address, bool available) {
  bool known = false;
  for (auto& e : endpoints_) {
    if (e->text != address && e->host != address) continue;
    e->available = available;
    e->pool.metrics().weight(e->weight, available);
    known = true;  // a name stands for all its addresses
  }
  return known;
}

void Upstream::retire() {
  resolve_timer_.reset();
  for (auto& e : endpoints_) e->pool.retire();
}

void Upstream::when_resolved(ResolveWaiter& waiter) { waiters_.push_back(&waiter); }

void Upstream::forget(ResolveWaiter& waiter) noexcept { std::erase(waiters_, &waiter); }

void Upstream::wake_waiters() {
  auto waiters = std::exchange(waiters_, {});
  while (!waiters.empty()) {
    auto* next = waiters.back();
    waiters.pop_back();
    next->on_resolved();
  }
}

UpstreamSet::UpstreamSet(UpstreamContext& context, const Plan& plan) {
  for (const auto& upstream : plan.upstreams) all_.push_back(std::make_unique<Upstream>(context, *upstream));
}

Upstream* UpstreamSet::find(const UpstreamPlan* plan) noexcept {
  return plan == nullptr ? nullptr : all_[plan->number].get();
}

Upstream* UpstreamSet::find(std::string_view name) noexcept {
  for (auto& upstream : all_)
    if (upstream->plan().config.name == name) return upstream.get();
  return nullptr;
}

void UpstreamSet::retire() {
  for (auto& upstream : all_) upstream->retire();
}

}  // namespace postern::proxy

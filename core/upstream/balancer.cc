#include "upstream/balancer.h"

#include <postern/random.h>

#include <algorithm>

namespace postern::proxy {
namespace {

using Candidates = std::span<const Candidate>;

// FNV-1a with a final mix: stable across processes and workers, so that all of them agree on a key's endpoint.
std::uint64_t hash(std::string_view text, std::uint64_t salt = 0) {
  std::uint64_t h = 1469598103934665603ull ^ salt;
  for (unsigned char c : text) h = (h ^ c) * 1099511628211ull;
  h ^= h >> 33;
  h *= 0xff51afd7ed558ccdull;
  h ^= h >> 33;
  h *= 0xc4ceb9fe1a85ec53ull;
  return h ^ (h >> 33);
}

class RoundRobin final : public Balancer {
 public:
  explicit RoundRobin(std::uint64_t seed) : next_(seed) {}
  void reset(Candidates) override {}
  std::size_t choose(Candidates all, std::string_view) override {
    for (std::size_t tries = 0; tries < all.size(); ++tries) {
      std::size_t i = next_++ % all.size();
      if (all[i].available) return i;
    }
    return kNone;
  }

 private:
  std::uint64_t next_;
};

// Smooth weighted round robin: each turn everyone gains its weight, the richest is chosen and pays the total. Heavy
// endpoints are spread out instead of coming in bursts.
class WeightedRoundRobin final : public Balancer {
 public:
  void reset(Candidates all) override { credit_.assign(all.size(), 0); }
  std::size_t choose(Candidates all, std::string_view) override {
    std::size_t best = kNone;
    std::int64_t total = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!all[i].available) continue;
      credit_[i] += all[i].weight;
      total += all[i].weight;
      if (best == kNone || credit_[i] > credit_[best]) best = i;
    }
    if (best != kNone) credit_[best] -= total;
    return best;
  }

 private:
  std::vector<std::int64_t> credit_;
};

// Fewest exchanges in flight for its weight; ties go round.
class LeastConnections final : public Balancer {
 public:
  explicit LeastConnections(std::uint64_t seed) : start_(seed) {}
  void reset(Candidates) override {}
  std::size_t choose(Candidates all, std::string_view) override {
    std::size_t best = kNone;
    ++start_;
    for (std::size_t n = 0; n < all.size(); ++n) {
      std::size_t i = (start_ + n) % all.size();
      if (all[i].available && (best == kNone || less_loaded(all[i], all[best]))) best = i;
    }
    return best;
  }

 private:
  static bool less_loaded(const Candidate& a, const Candidate& b) { return a.active * b.weight < b.active * a.weight; }
  std::uint64_t start_;
};

// The less loaded of two random choices: nearly as even as least_connections, without looking at everyone.
class RandomTwo final : public Balancer {
 public:
  explicit RandomTwo(std::uint64_t seed) : random_(seed) {}
  void reset(Candidates) override {}
  std::size_t choose(Candidates all, std::string_view) override {
    std::size_t first = pick(all), second = pick(all);
    if (first == kNone || second == kNone) return first;
    return all[second].active < all[first].active ? second : first;
  }

 private:
  std::size_t pick(Candidates all) {
    std::uint64_t total = 0;
    for (const Candidate& c : all) total += c.available ? c.weight : 0;
    if (total == 0) return kNone;
    std::uint64_t at = random_.below(total);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (!all[i].available) continue;
      if (at < all[i].weight) return i;
      at -= all[i].weight;
    }
    return kNone;
  }
  Random random_;
};

// A ring of points, 100 per unit of weight (capped): removing one of n endpoints moves about 1/n of the keys.
class ConsistentHash final : public Balancer {
 public:
  void reset(Candidates all) override {
    ring_.clear();
    std::uint64_t total = 0;
    for (const Candidate& c : all) total += c.weight;
    for (std::size_t i = 0; i < all.size(); ++i) {
      std::uint64_t points =
          total == 0 ? 0 : std::max<std::uint64_t>(1, all[i].weight * points_in_all(all.size()) / total);
      std::uint64_t salt = all[i].host == all[i].name ? 0 : hash(all[i].host);
      for (std::uint64_t p = 0; p < points; ++p)
        ring_.push_back({hash(all[i].name, salt + p * 0x9e3779b97f4a7c15ull), i});
    }
    std::sort(ring_.begin(), ring_.end(), [](const Point& a, const Point& b) { return a.at < b.at; });
  }
  std::size_t choose(Candidates all, std::string_view key) override {
    if (ring_.empty()) return kNone;
    std::uint64_t at = hash(key);
    auto from =
        std::lower_bound(ring_.begin(), ring_.end(), at, [](const Point& p, std::uint64_t h) { return p.at < h; });
    for (std::size_t n = 0; n < ring_.size(); ++n) {
      if (from == ring_.end()) from = ring_.begin();
      if (all[from->candidate].available) return from->candidate;
      ++from;
    }
    return kNone;
  }

 private:
  static std::uint64_t points_in_all(std::size_t endpoints) {
    return std::min<std::uint64_t>(100 * endpoints, 100'000);
  }
  struct Point {
    std::uint64_t at;
    std::size_t candidate;
  };
  std::vector<Point> ring_;
};

}  // namespace

std::unique_ptr<Balancer> Balancer::make(config::Balance kind, std::uint64_t seed) {
  switch (kind) {
    case config::Balance::round_robin:
      return std::make_unique<RoundRobin>(seed);
    case config::Balance::weighted_round_robin:
      return std::make_unique<WeightedRoundRobin>();
    case config::Balance::least_connections:
      return std::make_unique<LeastConnections>(seed);
    case config::Balance::random:
      return std::make_unique<RandomTwo>(seed);
    case config::Balance::ip_hash:
    case config::Balance::consistent_hash:
      return std::make_unique<ConsistentHash>();
  }
  return nullptr;
}

}  // namespace postern::proxy

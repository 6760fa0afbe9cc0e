// PerWorker and PerRoute: what a worker keeps for itself, so that no request waits for a lock. Not thread_local, whose
// destructors would keep the library loaded until the worker threads end.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "postern/detail/async.h"

namespace postern {

// One T for each worker. A member of the instance: it is made in `configure`, when the number of workers is known.
template <class T>
class PerWorker {
 public:
  PerWorker() : slots_(worker_count()) {}

  // The calling worker's own. Made by the worker that first asks, so that its memory is that worker's, too.
  T& mine() {
    std::unique_ptr<T>& slot = slots_[static_cast<std::size_t>(worker())];
    if (slot == nullptr) slot = std::make_unique<T>();
    return *slot;
  }

 private:
  std::vector<std::unique_ptr<T>> slots_;  // by index; each is touched by its worker alone
};

// One T for each route on each worker: the series of a route's metrics, found once and kept. Counting a request is a few additions
// then.
template <class T>
class PerRoute {
 public:
  // The T of the exchange's route, which `make(std::string_view route)` gives the first time. "none" is the route of exchanges
  // that no route has taken. Allocates nothing once a route is known.
  template <class Make>
  T& of(const Exchange& x, Make&& make) {
    Kept& kept = kept_.mine();
    const std::string_view route = x.get(route_).string().value_or("none");
    if (kept.last == nullptr || kept.last->first != route) kept.last = &find(kept, route, make);
    return kept.last->second;
  }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  using ByName = std::unordered_map<std::string, T, Hash, std::equal_to<>>;
  struct Kept {
    ByName all;
    typename ByName::value_type* last = nullptr;  // in `all`, where it stays; mostly the next one too
  };

  template <class Make>
  static typename ByName::value_type& find(Kept& kept, std::string_view route, Make& make) {
    auto found = kept.all.find(route);
    if (found == kept.all.end()) found = kept.all.emplace(std::string(route), make(route)).first;
    return *found;
  }

  Variable route_{"route.id"};
  PerWorker<Kept> kept_;
};

}  // namespace postern

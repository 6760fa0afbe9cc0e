// "upstream": endpoints of the configured upstreams.
#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/lookup.h"
#include "upstream/upstream_set.h"

namespace postern::plugin {
namespace {

using proxy::Exchange;
using proxy::Upstream;
using proxy::WorkerContext;

constexpr std::uint64_t kMaxName = 1024;

std::uint64_t endpoint_count(postern_exchange handle) {
  std::uint64_t count = 0;
  with_exchange(handle, [&](Exchange& x) {
    Upstream* upstream = x.upstream();
    count = upstream == nullptr ? 0 : upstream->endpoints().size();
    return POSTERN_OK;
  });
  return count;
}

postern_status endpoint_at(postern_exchange handle, std::uint64_t index, postern_endpoint* endpoint) {
  if (endpoint == nullptr || endpoint->struct_size < sizeof(endpoint->struct_size)) return POSTERN_E_INVALID;
  return with_exchange(handle, [&](Exchange& x) {
    Upstream* upstream = x.upstream();
    if (upstream == nullptr || index >= upstream->endpoints().size()) return POSTERN_E_NOT_FOUND;
    const proxy::Endpoint& e = *upstream->endpoints()[index];
    fill_sized(*endpoint, postern_endpoint{0, static_cast<std::uint32_t>(index), str(e.text), e.weight,
                                           e.available ? 1u : 0u, e.active});
    return POSTERN_OK;
  });
}

postern_status choose(postern_exchange handle, std::uint64_t index) {
  return change_exchange(
      handle, [](Exchange&) { return POSTERN_OK; }, [&](Exchange& x) { return x.choose_endpoint(index); });
}

postern_status choose_upstream(postern_exchange handle, postern_str upstream) {
  if (!usable(upstream, kMaxName)) return POSTERN_E_INVALID;
  return change_exchange(
      handle, [](Exchange&) { return POSTERN_OK; }, [&](Exchange& x) { return x.choose_upstream(view(upstream)); });
}

// In every generation that has such an endpoint: it is as well or ill in all of them, also in the one that is just starting.
bool set_available_here(WorkerContext& worker, std::string_view upstream, std::string_view address, bool available) {
  bool known = false;
  for (const auto& plan : worker.plans()) {
    Upstream* found = plan->upstreams().find(upstream);
    known |= found != nullptr && found->set_available(address, available);
  }
  return known;
}

// On a worker its own sets tell whether there is such an endpoint. Elsewhere nobody can be asked without waiting: then the
// answer is only whether there is a worker to tell.
postern_status set_available(postern_str upstream, postern_str address, std::int32_t available) noexcept {
  if (!usable(upstream, kMaxName) || !usable(address, kMaxName)) return POSTERN_E_INVALID;
  WorkerContext* here = WorkerContext::current();
  if (here != nullptr && !set_available_here(*here, view(upstream), view(address), available != 0))
    return POSTERN_E_NOT_FOUND;
  bool told = here != nullptr;
  for (std::uint32_t i = 0; i < WorkerContext::kMax; ++i) {
    WorkerContext* other = WorkerContext::at(i);
    if (other == nullptr || other == here) continue;
    std::string name(view(upstream)), text(view(address));
    told |=
        other->loop().post([other, name, text, available] { set_available_here(*other, name, text, available != 0); });
  }
  return told ? POSTERN_OK : POSTERN_E_NOT_FOUND;
}

}  // namespace

const postern_upstream_table& upstream_table() {
  static const postern_upstream_table table{sizeof(table), 1, &endpoint_count, &endpoint_at, &choose, &choose_upstream,
                                            &set_available};
  return table;
}

}  // namespace postern::plugin

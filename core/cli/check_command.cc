#include <fmt/core.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <string>

#include "base/log.h"
#include "cli/commands.h"
#include "config/node.h"
#include "plan/plan.h"
#include "plugin/admission.h"

namespace postern::cli {
namespace {

std::string chain_of(const proxy::Chain& chain) {
  std::string out;
  for (const auto& link : chain.links()) out += (out.empty() ? "" : " > ") + link.instance->name;
  return out.empty() ? "no plugins" : out;
}

// The gateway buffers a body once for all plugins that asked, so the largest limit counts.
std::uint64_t buffered(const proxy::Chain& chain, proxy::Hook hook, postern_body_policy proxy::Instance::*policy) {
  std::uint64_t most = 0;
  for (const auto& link : chain.of(hook)) {
    const auto& p = link.instance->*policy;
    if (p.policy == POSTERN_BODY_BUFFER) most = std::max(most, p.limit);
  }
  return most;
}

std::string memory_of(const proxy::Chain& chain) {
  auto request = buffered(chain, proxy::Hook::request_body, &proxy::Instance::request_body);
  auto response = buffered(chain, proxy::Hook::response_body, &proxy::Instance::response_body);
  auto word = [](std::uint64_t bytes) {
    return bytes == 0 ? "nothing" : config::show_size(static_cast<std::int64_t>(bytes));
  };
  if (request == 0 && response == 0) return "buffers nothing";
  return fmt::format("buffers at most {} of a request and {} of a response", word(request), word(response));
}

std::string streams(const config::StreamingDemand& demand) {
  if (demand.what == config::Streaming::none) return "";
  std::string by = demand.stack.empty() ? "" : " (stack " + demand.stack + ")";
  return (demand.what == config::Streaming::both ? "; streams both ways" : "; streams responses") + by;
}

void print_route(const proxy::RoutePlan& route, const plugin::Admission& admission) {
  auto to = route.upstream == nullptr ? std::string("answered by a plugin") : "upstream " + route.config->upstream;
  fmt::print("routes/{}: {} -> {}; {}{}\n", route.config->id, chain_of(route.chain), to, memory_of(route.chain),
             streams(route.config->streaming));
  fmt::print("  {}\n", admission.told);
}

void print_warnings(const plugin::Generation& generation) {
  config::Problems warnings;
  plugin::warn_of_guards(generation.instances(), warnings);
  for (const auto& warning : warnings) std::fprintf(stderr, "warning: %s\n", warning.line().c_str());
}

}  // namespace

int check_command(const CheckOptions& options) {
  auto generation = load_generation(options.config_file);
  if (generation != nullptr) {
    const auto& plan = *generation->plan();
    for (std::size_t i = 0; i < plan.routes.size(); ++i)
      print_route(plan.routes[i], plugin::admission_of(generation->chain_of(i)));
    print_warnings(*generation);
    fmt::print("without a route: {}; {}\n", chain_of(plan.gateway_chain), memory_of(plan.gateway_chain));
    fmt::print("plugins of all exchanges of a worker together buffer at most {}\n",
               config::show_size(plan.config->limits.body_buffer_total));
    fmt::print("{} is good: {} route{}, {} plugin instance{}\n", options.config_file, plan.routes.size(),
               plan.routes.size() == 1 ? "" : "s", plan.instances.size(), plan.instances.size() == 1 ? "" : "s");
  }
  int code = generation != nullptr ? 0 : 1;
  generation.reset();
  shutdown_logging();
  return code;
}

}  // namespace postern::cli

#include "cli/check_command.h"

#include <algorithm>
#include <cstdio>

#include "base/log.h"
#include "config/node.h"

namespace postern::cli {
namespace {

std::string chain_text(const server::Chain& chain) {
  std::string text;
  for (const auto& link : chain.links()) text += (text.empty() ? "" : " -> ") + link.instance->name;
  return text.empty() ? "(empty)" : text;
}

// A direction's body is buffered once for all who ask, so the largest limit counts (N-08).
std::uint64_t worst_case_buffer(const server::Chain& chain) {
  std::uint64_t request = 0, response = 0;
  for (const auto& link : chain.links()) {
    const auto& in = link.instance->request_body;
    const auto& out = link.instance->response_body;
    if (in.policy == POSTERN_BODY_BUFFER) request = std::max(request, in.limit);
    if (out.policy == POSTERN_BODY_BUFFER) response = std::max(response, out.limit);
  }
  return request + response;
}

}  // namespace

std::shared_ptr<plugin::Generation> load_or_complain(const std::string& config_file) {
  config::Problems problems;
  auto config = std::make_shared<const config::Config>(config::load_file(config_file, problems));
  std::shared_ptr<plugin::Generation> generation;
  if (problems.empty()) generation = plugin::Generation::build(config, 1, problems);
  for (const auto& p : problems) std::fprintf(stderr, "%s\n", p.line().c_str());
  if (problems.empty()) return generation;
  std::fprintf(stderr, "%zu problem%s\n", problems.size(), problems.size() == 1 ? "" : "s");
  return nullptr;
}

int check_command(const CheckOptions& options) {
  auto generation = load_or_complain(options.config_file);
  if (generation == nullptr) return 1;
  const server::Plan& plan = *generation->plan();
  std::printf("gateway: %s\n", chain_text(plan.gateway_chain).c_str());
  for (const auto& route : plan.routes) {
    std::printf("route %s: %s\n", route.config->id.c_str(), chain_text(route.chain).c_str());
    std::uint64_t most = worst_case_buffer(route.chain);
    if (most > 0) {
      std::printf("  buffers at most %s per request\n", config::show_size(static_cast<std::int64_t>(most)).c_str());
    }
  }
  std::printf("%s is good\n", options.config_file.c_str());
  return 0;
}

}  // namespace postern::cli

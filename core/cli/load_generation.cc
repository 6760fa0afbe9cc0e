#include <cstdio>

#include "base/log.h"
#include "cli/commands.h"
#include "config/config.h"

namespace postern::cli {

std::shared_ptr<plugin::Generation> load_generation(const std::string& config_file) {
  config::Problems problems;
  auto config = std::make_shared<config::Config>(config::load_file(config_file, problems));
  auto generation = plugin::Generation::build(std::move(config), 1, problems);
  if (generation != nullptr) return generation;
  flush_logging();  // what plugins had to say comes first
  for (const auto& problem : problems) std::fprintf(stderr, "%s\n", problem.line().c_str());
  std::fprintf(stderr, "%zu problem%s\n", problems.size(), problems.size() == 1 ? "" : "s");
  return nullptr;
}

}  // namespace postern::cli

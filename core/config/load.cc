#include <algorithm>
#include <tuple>

#include "config/check.h"
#include "config/config.h"
#include "config/environment.h"
#include "config/include.h"
#include "config/names.h"
#include "config/report.h"
#include "config/sections.h"

namespace postern::config {
namespace {

constexpr std::int64_t kVersion = 1;
constexpr Milliseconds kDay = 24 * 3'600'000;

void check_version(Fields& fields) {
  auto version = fields.find("version");
  if (!version) return;
  const Node& node = version->node();
  if (node.kind != Node::Kind::integer || node.integer != kVersion)
    version->expected("1, the version of the configuration language");
}

// Includes, and what must be there, are seen to by the callers.
void read_sections(Fields& fields, Config& config) {
  Chains chains;
  fields.find("include");
  if (auto workers = fields.find("workers")) read_workers(*workers, config.workers);
  if (auto section = fields.find("listeners")) read_listeners(*section, config.listeners);
  if (auto section = fields.find("plugin_path")) section->read_strings(config.plugin_path);
  if (auto section = fields.find("trusted_proxies")) read_trusted_proxies(*section, config.trusted_proxies);
  if (auto section = fields.find("upstreams")) read_upstreams(*section, config.upstreams);
  if (auto section = fields.find("stacks")) chains.read_stacks(*section);
  if (auto section = fields.find("services")) chains.read_services(*section, config.services);
  if (auto section = fields.find("plugins")) chains.read_chain(*section, config.plugins, config.streaming);
  if (auto section = fields.find("routes")) read_routes(*section, chains, config);
  if (auto section = fields.find("limits")) read_limits(*section, config.limits);
  if (auto section = fields.find("timeouts")) read_timeouts(*section, config.timeouts);
  fields.read_duration("tls_reload_interval", config.tls_reload_interval, 0, kDay);
  if (auto section = fields.find("log")) read_log(*section, config.log);
}

Config build(const Node& root, const std::string& file, Problems& problems) {
  Config config;
  config.file = file;
  if (root.kind != Node::Kind::map) return config;  // reported already
  Fields fields(Cursor(root, "", problems));
  if (!root.find("version") && !root.broken)
    add_problem(problems, root.position, "", "\"version\" is missing; write \"version: 1\"");
  check_version(fields);
  read_sections(fields, config);
  fields.finish();
  if (!root.broken) check_references(config, problems);
  return config;
}

// In the order of the text. What has been added beyond the cap stays last.
void sort(Problems& problems) {
  auto place = [](const Problem& p) {
    static const std::string kNone;
    return std::tie(p.position.file ? *p.position.file : kNone, p.position.line, p.position.column);
  };
  auto end = is_full(problems) ? problems.end() - 1 : problems.end();
  std::stable_sort(problems.begin(), end, [&](const Problem& a, const Problem& b) { return place(a) < place(b); });
}

}  // namespace

Config load_file(const std::string& path, Problems& problems) {
  Environment environment = process_environment();
  Config config = build(read_with_includes(path, environment, problems), path, problems);
  sort(problems);
  return config;
}

Config load_text(std::string_view text, const std::string& name, Problems& problems) {
  Environment environment = process_environment();
  Config config = build(read_text(text, name, environment, problems), name, problems);
  sort(problems);
  return config;
}

}  // namespace postern::config

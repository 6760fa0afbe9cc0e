#include "cli/cli.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "cli/check_command.h"
#include "cli/explain_command.h"
#include "cli/run_command.h"
#include "plugin/host.h"

namespace postern::cli {
namespace {

constexpr int kUsage = 2;

void add_config(CLI::App& command, std::string& file) {
  command.add_option("-c,--config", file, "The configuration file")->required();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Postern, a plugin-hosted API gateway", "postern");
  app.require_subcommand(1);
  RunOptions run_options;
  CheckOptions check_options;
  ExplainOptions explain_options;

  auto* run = app.add_subcommand("run", "Serve until SIGTERM; SIGHUP reloads");
  add_config(*run, run_options.config_file);
  auto* check = app.add_subcommand("check", "Check a configuration without starting it");
  add_config(*check, check_options.config_file);
  auto* explain = app.add_subcommand("explain", "Print the route and the chain of a request, and why");
  add_config(*explain, explain_options.config_file);
  explain->add_option("method", explain_options.method, "GET, POST, ...")->required();
  explain->add_option("url", explain_options.url, "/path?query or http://host/path")->required();
  explain->add_option("-H,--header", explain_options.headers, "A request header, 'Name: value'; may be repeated");
  explain->add_option("--listener", explain_options.listener, "The listener it comes through (default: the first)");
  auto* version = app.add_subcommand("version", "Print the versions of the product and of the plugin ABI");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    int code = app.exit(e);
    return code == 0 ? 0 : kUsage;
  }
  if (run->parsed()) return run_command(run_options);
  if (check->parsed()) return check_command(check_options);
  if (explain->parsed()) return explain_command(explain_options);
  if (version->parsed()) {
    std::printf("postern %s, plugin ABI %u.%u\n", std::string(plugin::product_version()).c_str(), POSTERN_ABI_MAJOR,
                POSTERN_ABI_MINOR);
  }
  return 0;
}

}  // namespace postern::cli

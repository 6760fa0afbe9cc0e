#include "cli/cli.h"

#include <CLI/CLI.hpp>
#include <functional>
#include <memory>
#include <string>

#include "cli/commands.h"
#include "cli/run_command.h"

namespace postern::cli {
namespace {

constexpr int kUsage = 2;

void add_config_file(CLI::App& command, std::string& file) {
  command.add_option("-c,--config,config", file, "The configuration file")->required()->type_name("FILE");
}

void add_run(CLI::App& app, std::function<int()>& chosen) {
  auto* command = app.add_subcommand("run", "Serve until SIGTERM; SIGHUP reloads the configuration");
  auto options = std::make_shared<RunOptions>();
  add_config_file(*command, options->config_file);
  command->callback([options, &chosen] { chosen = [options] { return run_command(*options); }; });
}

void add_check(CLI::App& app, std::function<int()>& chosen) {
  auto* command = app.add_subcommand("check", "Check a configuration and its plugins without starting anything");
  auto options = std::make_shared<CheckOptions>();
  add_config_file(*command, options->config_file);
  command->callback([options, &chosen] { chosen = [options] { return check_command(*options); }; });
}

void add_explain(CLI::App& app, std::function<int()>& chosen) {
  auto* command = app.add_subcommand("explain", "Say which route takes a request, and its chain with the reasons");
  auto options = std::make_shared<ExplainOptions>();
  command->add_option("-c,--config", options->config_file, "The configuration file")->required()->type_name("FILE");
  command->add_option("method", options->method, "GET, POST, ...")->required();
  command->add_option("url", options->url, "\"/path?query\" or \"http://host/path\"")->required();
  command->add_option("-H,--header", options->headers, "A request header, \"Name: value\"; may be repeated")
      ->type_name("HEADER")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command->add_option("--listener", options->listener, "The listener it comes in on; otherwise the first")
      ->type_name("NAME");
  command->callback([options, &chosen] { chosen = [options] { return explain_command(*options); }; });
}

void add_diff(CLI::App& app, std::function<int()>& chosen) {
  auto* command = app.add_subcommand("diff", "Say what differs between two configurations, and whom that lets in");
  auto options = std::make_shared<DiffOptions>();
  command->add_option("old", options->before, "The configuration file that serves")->required()->type_name("OLD");
  command->add_option("new", options->after, "The one that is to serve")->required()->type_name("NEW");
  command->callback([options, &chosen] { chosen = [options] { return diff_command(*options); }; });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Postern: an API gateway whose features are plugins", "postern");
  app.require_subcommand(1);
  std::function<int()> chosen;
  add_run(app, chosen);
  add_check(app, chosen);
  add_explain(app, chosen);
  add_diff(app, chosen);
  app.add_subcommand("version", "Print the version")->callback([&] { chosen = version_command; });
  app.footer(
      "Exit codes: 0 good, 1 the configuration or the request is wrong, 2 usage, 3 diff: it opens "
      "something to anonymous requests.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {  // the library's way to say both "help was asked for" and "wrong usage"
    return app.exit(e) == 0 ? 0 : kUsage;
  }
  return chosen();
}

}  // namespace postern::cli

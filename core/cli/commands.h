// The commands that end by themselves. Each returns the exit code.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "plugin/generation.h"

namespace postern::cli {

struct CheckOptions {
  std::string config_file;
};
// Loads the configuration with its plugins, starts nothing; says what each route does and may buffer.
int check_command(const CheckOptions& options);

struct ExplainOptions {
  std::string config_file;
  std::string method;
  std::string url;                   // "/path?query" or "http://host/path"
  std::vector<std::string> headers;  // "Name: value"
  std::string listener;              // empty: the first
};
// Prints which route takes the request, why the others do not, and the chain with the reason for each position.
int explain_command(const ExplainOptions& options);

struct DiffOptions {
  std::string before, after;  // configuration files
};
// Prints what differs between two configurations: routes, chains, upstreams. 3 when the later one lets anonymous requests in where
// the earlier one refuses them, which is said last.
int diff_command(const DiffOptions& options);

int version_command();

// For the three above: null after every problem has gone to standard error, one per line, and their number.
std::shared_ptr<plugin::Generation> load_generation(const std::string& config_file);

}  // namespace postern::cli

// `postern check`: everything that starting would refuse, without starting.
#pragma once

#include <memory>
#include <string>

#include "plugin/generation.h"

namespace postern::cli {

struct CheckOptions {
  std::string config_file;
};
int check_command(const CheckOptions& options);  // the exit code

// Loads and configures without starting. Null after printing every problem to standard error.
std::shared_ptr<plugin::Generation> load_or_complain(const std::string& config_file);

}  // namespace postern::cli

// `postern run`: serves until it is told to stop.
#pragma once

#include <string>

namespace postern::cli {

struct RunOptions {
  std::string config_file;
};
int run_command(const RunOptions& options);  // the exit code

}  // namespace postern::cli

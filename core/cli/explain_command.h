// `postern explain`: which route a request takes, why the others lost, and who runs in which order.
#pragma once

#include <string>
#include <vector>

namespace postern::cli {

struct ExplainOptions {
  std::string config_file;
  std::string method;
  std::string url;                   // "/path?query" or "http://host/path?query"
  std::vector<std::string> headers;  // "Name: value"
  std::string listener;              // empty: the first
};
int explain_command(const ExplainOptions& options);  // the exit code; 1 also when no route takes the request

}  // namespace postern::cli

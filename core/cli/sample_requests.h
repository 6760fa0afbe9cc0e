// Requests that the routes of a configuration are about: one for each of their hosts and paths.
#pragma once

#include <string>
#include <vector>

#include "config/config.h"

namespace postern::cli {

struct SampleRequest {
  std::string pattern;  // what it stands for, "api.example.com/users/{id}"
  std::string method, url, listener;
  std::vector<std::string> headers;  // "Name: value"
};

// Paths that are regular expressions have none: nothing tells what they match.
std::vector<SampleRequest> sample_requests(const config::Config& config);

}  // namespace postern::cli

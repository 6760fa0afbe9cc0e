#include "cli/sample_requests.h"

namespace postern::cli {
namespace {

// "/users/{id}/*" as somebody asks for it: "/users/x/x".
std::string path_of(const std::string& pattern) {
  std::string path;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    bool parameter = pattern[i] == '{' || (pattern[i] == ':' && i > 0 && pattern[i - 1] == '/');
    if (!parameter && pattern[i] != '*') {
      path += pattern[i];
      continue;
    }
    path += 'x';
    while (parameter && i + 1 < pattern.size() && pattern[i + 1] != '/') ++i;
  }
  return path;
}

// What is asked to be there is there, so that the request gets as far as it can.
std::vector<std::string> fields_of(const std::vector<config::HeaderMatch>& matches, const char* name_before,
                                   const char* value_after) {
  std::vector<std::string> fields;
  for (const auto& match : matches)
    if (!match.negate && match.how != config::HeaderMatch::How::regex)
      fields.push_back(name_before + match.name + value_after + (match.value.empty() ? "x" : match.value));
  return fields;
}

std::string query_of(const std::vector<config::HeaderMatch>& matches) {
  std::string query;
  for (const auto& field : fields_of(matches, "", "=")) query += (query.empty() ? '?' : '&') + field;
  return query;
}

SampleRequest sample_of(const config::Config& config, const config::Match& match, const std::string& host) {
  std::string name = host.starts_with("*.") ? "x" + host.substr(1) : host;
  SampleRequest request;
  request.pattern = host + match.path;
  request.method = match.methods.empty() ? "GET" : match.methods.front();
  request.url = (name.empty() ? "" : "http://" + name) + path_of(match.path) + query_of(match.query);
  request.listener = !match.listeners.empty()   ? match.listeners.front()
                     : config.listeners.empty() ? ""
                                                : config.listeners.front().name;
  request.headers = fields_of(match.headers, "", ": ");
  for (auto& cookie : fields_of(match.cookies, "Cookie: ", "=")) request.headers.push_back(std::move(cookie));
  return request;
}

}  // namespace

std::vector<SampleRequest> sample_requests(const config::Config& config) {
  std::vector<SampleRequest> samples;
  for (const auto& route : config.routes) {
    for (const auto& match : route.matches) {
      if (!match.path_regex.empty()) continue;
      if (match.hosts.empty()) samples.push_back(sample_of(config, match, ""));
      for (const auto& host : match.hosts) samples.push_back(sample_of(config, match, host));
    }
  }
  return samples;
}

}  // namespace postern::cli

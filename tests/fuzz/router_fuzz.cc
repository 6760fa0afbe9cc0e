// Any lines as hosts and paths of routes, and the last one as a request: compiling and routing end, and explain names the
// route that was found.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "plan/router.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<config::Route> routes;
  std::string_view line;
  while (!text.empty() && routes.size() < 64) {
    std::size_t end = text.find('\n');
    line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    config::Match match;
    std::size_t slash = line.find('/');
    if (slash != std::string_view::npos && slash > 0) match.hosts = {std::string(line.substr(0, slash))};
    match.path = slash == std::string_view::npos ? "" : line.substr(slash);
    if (line.size() % 3 == 0) match.methods = {"GET"};
    config::Route& route = routes.emplace_back();
    route.id = std::to_string(routes.size());
    route.matches.push_back(std::move(match));
  }
  config::Problems problems;
  proxy::Router router = proxy::Router::compile(routes, problems);

  BlockPool pool;
  Arena arena(pool);
  http::RequestHead head(arena);
  std::size_t slash = line.find('/');
  head.method = line.size() % 2 == 0 ? "GET" : "PUT";
  head.path = slash == std::string_view::npos ? "/" : line.substr(slash);
  head.authority = line.substr(0, slash == std::string_view::npos ? line.size() : slash);
  proxy::RouteMatch found = router.find(head, "public", arena);
  std::vector<proxy::RouteCandidate> candidates = router.explain(head, "public", arena);
  bool explained = false;
  for (const auto& candidate : candidates)
    explained = explained || (candidate.reason.empty() && candidate.route == found.route);
  if (explained != (found.kind == proxy::RouteMatch::Kind::found)) std::abort();
  return 0;
}

// Any request target and any Host: what is accepted is in normal form, and normalising it again changes nothing.
#include <cstdint>
#include <cstdlib>

#include "http/target.h"

namespace {

using namespace postern;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_path(std::string_view method, const http::Target& target, Arena& arena) {
  require(!target.path.empty());
  if (target.path == "*") return require(method == "OPTIONS");
  require(target.path.front() == '/');
  for (std::string_view never : {"//", "/./", "/../", "%00", "%5C", "\\", "%2E", "%2e", "?", "#", " "})
    require(target.path.find(never) == std::string_view::npos);
  require(!target.path.ends_with("/.") && !target.path.ends_with("/.."));
  auto again = http::parse_target("GET", target.path, arena);
  require(again && again->path == target.path && again->path.data() == target.path.data());
}

void check_target(std::string_view method, std::string_view raw) {
  BlockPool pool;
  Arena arena(pool);
  auto target = http::parse_target(method, raw, arena);
  if (!target) return require(target.error().code == ErrorCode::bad_request);
  check_path(method, *target, arena);
  require(raw.ends_with(target->query));
  auto origin = http::parse_target(method, target->origin, arena);
  require(origin && origin->path == target->path && origin->query == target->query);
}

void check_authority(std::string_view raw) {
  BlockPool pool;
  Arena arena(pool);
  auto authority = http::parse_authority(raw, arena);
  if (!authority) return;
  require(authority->size() == raw.size());
  auto again = http::parse_authority(*authority, arena);
  require(again && again->data() == authority->data());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  check_target("GET", bytes);
  check_target("OPTIONS", bytes);
  check_authority(bytes);
  return 0;
}

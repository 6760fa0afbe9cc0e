// Any text as a configuration file: no crash, bounded time, and either a usable configuration or problems with a place.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/config.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  postern::config::Problems problems;
  postern::config::load_text(text, "fuzz.yaml", problems);
  for (const auto& problem : problems) {
    if (problem.line().rfind("fuzz.yaml", 0) != 0) std::abort();
  }
  return 0;
}

// Any file as a plugin: it is refused with a sentence or its note is well formed; nothing outside of it is read.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "plugin/preflight.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace postern::plugin;
  const HostTable tables[] = {{"exchange", 1, nullptr}};
  auto note = preflight({reinterpret_cast<const char*>(data), size}, "p.so", "p", {.tables = tables});
  if (note ? note->name != "p" : note.error().text.empty()) std::abort();
  return 0;
}

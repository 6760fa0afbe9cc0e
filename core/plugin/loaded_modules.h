// Which plugin a piece of code belongs to: for the crash handler, which can neither lock nor allocate.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace postern::plugin {

// One library of a plugin in memory.
struct LoadedModule {
  std::uintptr_t begin = 0, end = 0;  // of its code and data
  std::string path;                   // as the dynamic linker calls it, and so in backtraces
  std::string name, version;
  std::string build;  // what tells its builds apart
};

// Tells the crash handler of a module while it lives. At most 256 are known at a time; others have no name in a crash.
class ModuleEntry {
 public:
  // `code`: what dlopen gave.
  ModuleEntry(void* code, LoadedModule module);
  ModuleEntry(const ModuleEntry&) = delete;
  ModuleEntry& operator=(const ModuleEntry&) = delete;
  ~ModuleEntry();

 private:
  LoadedModule module_;
};

// In a signal handler. Null: none has that address.
const LoadedModule* module_at(std::uintptr_t address) noexcept;

}  // namespace postern::plugin

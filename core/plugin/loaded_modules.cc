#include "plugin/loaded_modules.h"

#include <dlfcn.h>
#include <link.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

namespace postern::plugin {
namespace {

constexpr std::size_t kMaxModules = 256;
std::array<std::atomic<const LoadedModule*>, kMaxModules> modules{};

struct Range {
  std::uintptr_t base;
  std::uintptr_t begin = UINTPTR_MAX, end = 0;
};

int widen(dl_phdr_info* info, std::size_t, void* to) {
  auto& range = *static_cast<Range*>(to);
  if (info->dlpi_addr != range.base) return 0;
  for (int i = 0; i < info->dlpi_phnum; ++i) {
    const auto& part = info->dlpi_phdr[i];
    if (part.p_type != PT_LOAD) continue;
    range.begin = std::min(range.begin, range.base + part.p_vaddr);
    range.end = std::max(range.end, range.base + part.p_vaddr + part.p_memsz);
  }
  return 1;
}

}  // namespace

ModuleEntry::ModuleEntry(void* code, LoadedModule module) : module_(std::move(module)) {
  link_map* map = nullptr;
  if (dlinfo(code, RTLD_DI_LINKMAP, &map) != 0) return;
  Range range{map->l_addr};
  dl_iterate_phdr(widen, &range);
  module_.begin = range.begin;
  module_.end = range.end;
  for (auto& slot : modules) {
    const LoadedModule* free = nullptr;
    if (slot.compare_exchange_strong(free, &module_)) return;
  }
}

ModuleEntry::~ModuleEntry() {
  for (auto& slot : modules) {
    const LoadedModule* mine = &module_;
    if (slot.compare_exchange_strong(mine, nullptr)) return;
  }
}

const LoadedModule* module_at(std::uintptr_t address) noexcept {
  for (const auto& slot : modules) {
    const LoadedModule* module = slot.load(std::memory_order_acquire);
    if (module != nullptr && module->begin <= address && address < module->end) return module;
  }
  return nullptr;
}

}  // namespace postern::plugin

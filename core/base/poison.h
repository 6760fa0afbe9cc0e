// Marks memory that is kept for reuse: until then AddressSanitizer reports every access.
#pragma once

#include <cstddef>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POSTERN_POISONS 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define POSTERN_POISONS 1
#endif

#ifdef POSTERN_POISONS
#include <sanitizer/asan_interface.h>
#endif

namespace postern {

inline void poison([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t size) noexcept {
#ifdef POSTERN_POISONS
  __asan_poison_memory_region(memory, size);
#endif
}

inline void unpoison([[maybe_unused]] void* memory, [[maybe_unused]] std::size_t size) noexcept {
#ifdef POSTERN_POISONS
  __asan_unpoison_memory_region(memory, size);
#endif
}

}  // namespace postern

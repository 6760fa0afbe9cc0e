// Reads what a plugin's file says of itself before any of its code can run: dlopen already runs static constructors.
// Works on bytes; executes, maps and trusts nothing of them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plugin/host.h"

namespace postern::plugin {

struct Required {
  std::string table;
  std::uint32_t version = 0;
};

// The ELF note (abi.h, postern_note), checked.
struct Note {
  std::string name;
  std::string version;
  std::string build_id;
  std::uint32_t abi_major = 0;
  std::uint32_t abi_minor_min = 0;
  std::uint64_t hooks = 0;  // POSTERN_HOOK_* bits
  std::vector<Required> requires_tables;
  // Not of the note but of the file: it registers functions for the end of threads, as thread_local variables with destructors
  // do, and once that has happened the C library never unloads it.
  bool ends_with_threads = false;
};

// What this gateway offers.
struct Offer {
  std::uint32_t abi_major = POSTERN_ABI_MAJOR;
  std::uint32_t abi_minor = POSTERN_ABI_MINOR;
  std::span<const HostTable> tables;
};

// `file` stands for the bytes in messages; `name` is the plugin's name, as the file's name has it. An error is one sentence on
// what was wanted and what is there, and one on what to do.
Result<Note> preflight(std::string_view bytes, std::string_view file, std::string_view name, const Offer& offer);

}  // namespace postern::plugin

// The parts of a 64-bit ELF shared library that the pre-flight looks at. Every offset and size is checked against the file, so
// a hostile file costs time linear in its size and reads nothing outside of it.
#pragma once

#include <elf.h>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace postern::plugin {

class ElfImage {
 public:
  struct Symbol {
    std::string_view name;
    unsigned binding = 0;  // STB_*
    unsigned type = 0;     // STT_*
    bool defined = false;
    bool hidden = false;
  };

  // The error is the reason alone: "is built for another processor (ELF machine 183, here 62)".
  static Result<ElfImage> parse(std::string_view bytes);

  // The contents of the note with this owner and type; nothing when there is none.
  std::optional<std::string_view> note(std::string_view owner, std::uint32_t type) const;
  // The contents of all of them, in the order of the file.
  std::vector<std::string_view> notes(std::string_view owner, std::uint32_t type) const;
  // Of the dynamic symbol table; false when there is none that can be read.
  bool symbols(std::vector<Symbol>& out) const;

 private:
  explicit ElfImage(std::string_view bytes) : bytes_(bytes) {}
  std::string_view part(std::uint64_t offset, std::uint64_t size) const noexcept;  // empty when outside of the file
  template <class T>
  bool read(std::uint64_t offset, T& out) const noexcept {
    auto from = part(offset, sizeof(T));
    if (from.size() != sizeof(T)) return false;
    std::memcpy(&out, from.data(), sizeof(T));
    return true;
  }
  bool section(std::uint64_t index, Elf64_Shdr& out) const noexcept;

  std::string_view bytes_;
  Elf64_Ehdr header_{};
};

}  // namespace postern::plugin

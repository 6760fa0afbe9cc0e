#include "plugin/elf_image.h"

#include <algorithm>
#include <string>

namespace postern::plugin {
namespace {

#if defined(__x86_64__)
constexpr Elf64_Half kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr Elf64_Half kMachine = EM_AARCH64;
#elif defined(__riscv)
constexpr Elf64_Half kMachine = EM_RISCV;
#else
#error "name this processor's ELF machine here"
#endif

// Bounds on what is looked at, so that a hostile file cannot make it long. Real files have a handful of short notes.
constexpr int kNoteAreas = 64;
constexpr std::uint64_t kNoteBytes = 64 * 1024;
constexpr std::size_t kSymbolName = 4096;

Error reason(std::string text) { return {ErrorCode::internal_error, Origin::plugin, std::move(text)}; }

// Note names and descriptions are padded to 4 bytes in the file, whatever the section's alignment says (gABI, "Note Section").
constexpr std::uint64_t padded(std::uint64_t size) { return (size + 3) & ~std::uint64_t{3}; }

void find_notes(std::string_view notes, std::string_view owner, std::uint32_t type,
                std::vector<std::string_view>& out) {
  while (notes.size() >= sizeof(Elf64_Nhdr)) {
    Elf64_Nhdr head;
    std::memcpy(&head, notes.data(), sizeof(head));
    notes.remove_prefix(sizeof(head));
    if (notes.size() < padded(head.n_namesz)) return;
    auto name = notes.substr(0, head.n_namesz);
    notes.remove_prefix(padded(head.n_namesz));
    if (notes.size() < head.n_descsz) return;
    auto description = notes.substr(0, head.n_descsz);
    if (!name.empty() && name.back() == '\0') name.remove_suffix(1);
    if (name == owner && head.n_type == type) out.push_back(description);
    notes.remove_prefix(std::min<std::uint64_t>(padded(head.n_descsz), notes.size()));
  }
}

std::string_view text_at(std::string_view strings, std::uint64_t offset) {
  if (offset >= strings.size()) return {};
  strings.remove_prefix(offset);
  strings = strings.substr(0, kSymbolName);
  auto end = strings.find('\0');
  return end == std::string_view::npos ? std::string_view{} : strings.substr(0, end);
}

}  // namespace

std::string_view ElfImage::part(std::uint64_t offset, std::uint64_t size) const noexcept {
  if (offset > bytes_.size() || size > bytes_.size() - offset) return {};
  return bytes_.substr(offset, size);
}

Result<ElfImage> ElfImage::parse(std::string_view bytes) {
  ElfImage image(bytes);
  auto& h = image.header_;
  if (bytes.size() < SELFMAG || bytes.substr(0, SELFMAG) != ELFMAG) return fail(reason("is not an ELF file"));
  if (!image.read(0, h)) return fail(reason("is cut off inside its ELF header"));
  if (h.e_ident[EI_CLASS] != ELFCLASS64) return fail(reason("is not a 64-bit library"));
  if (h.e_ident[EI_DATA] != ELFDATA2LSB) return fail(reason("is not little-endian"));
  if (h.e_machine != kMachine)
    return fail(reason("is built for another processor (ELF machine " + std::to_string(h.e_machine) + ", here " +
                       std::to_string(kMachine) + ")"));
  if (h.e_type != ET_DYN) return fail(reason("is not a shared library"));
  bool sections_fit = h.e_shnum == 0 || (h.e_shentsize == sizeof(Elf64_Shdr) &&
                                         !image.part(h.e_shoff, std::uint64_t{h.e_shnum} * sizeof(Elf64_Shdr)).empty());
  bool segments_fit = h.e_phentsize == sizeof(Elf64_Phdr) &&
                      !image.part(h.e_phoff, std::uint64_t{h.e_phnum} * sizeof(Elf64_Phdr)).empty();
  if (!sections_fit || !segments_fit) return fail(reason("is damaged: its ELF tables lie outside of the file"));
  return image;
}

bool ElfImage::section(std::uint64_t index, Elf64_Shdr& out) const noexcept {
  return index < header_.e_shnum && read(header_.e_shoff + index * sizeof(Elf64_Shdr), out);
}

std::optional<std::string_view> ElfImage::note(std::string_view owner, std::uint32_t type) const {
  auto found = notes(owner, type);
  if (found.empty()) return {};
  return found.front();
}

std::vector<std::string_view> ElfImage::notes(std::string_view owner, std::uint32_t type) const {
  std::vector<std::string_view> found;
  int areas = 0;
  for (std::uint64_t i = 0; i < header_.e_phnum && areas < kNoteAreas; ++i) {
    Elf64_Phdr segment;
    if (!read(header_.e_phoff + i * sizeof(segment), segment) || segment.p_type != PT_NOTE) continue;
    ++areas;
    find_notes(part(segment.p_offset, std::min(segment.p_filesz, kNoteBytes)), owner, type, found);
  }
  if (!found.empty()) return found;
  for (std::uint64_t i = 0; i < header_.e_shnum && areas < kNoteAreas; ++i) {
    Elf64_Shdr s;
    if (!section(i, s) || s.sh_type != SHT_NOTE) continue;
    ++areas;
    find_notes(part(s.sh_offset, std::min(s.sh_size, kNoteBytes)), owner, type, found);
  }
  return found;
}

bool ElfImage::symbols(std::vector<Symbol>& out) const {
  Elf64_Shdr table{}, strings{};
  std::uint64_t i = 0;
  while (section(i, table) && table.sh_type != SHT_DYNSYM) ++i;
  if (i >= header_.e_shnum || !section(table.sh_link, strings) || strings.sh_type != SHT_STRTAB) return false;
  auto names = part(strings.sh_offset, strings.sh_size);
  auto entries = part(table.sh_offset, table.sh_size);
  if (names.empty() || entries.empty() || table.sh_entsize != sizeof(Elf64_Sym)) return false;
  out.reserve(entries.size() / sizeof(Elf64_Sym));
  for (; entries.size() >= sizeof(Elf64_Sym); entries.remove_prefix(sizeof(Elf64_Sym))) {
    Elf64_Sym symbol;
    std::memcpy(&symbol, entries.data(), sizeof(symbol));
    auto visibility = ELF64_ST_VISIBILITY(symbol.st_other);
    unsigned binding = ELF64_ST_BIND(symbol.st_info);
    unsigned type = ELF64_ST_TYPE(symbol.st_info);
    out.push_back({text_at(names, symbol.st_name), binding, type, symbol.st_shndx != SHN_UNDEF,
                   visibility == STV_HIDDEN || visibility == STV_INTERNAL});
  }
  return true;
}

}  // namespace postern::plugin

// The ELF note that the gateway reads from the file before any of the plugin's code runs.
#pragma once

#include <bit>
#include <cstddef>

#include "postern/detail/basics.h"

namespace postern::detail {

// The note as it lies in the section: header, owner, descriptor, all 4-byte aligned.
struct NoteSection {
  std::uint32_t owner_size, note_size, type;
  char owner[sizeof POSTERN_NOTE_OWNER];
  struct {
    unsigned char bytes[sizeof(postern_note)];
  } note;
};
static_assert(alignof(NoteSection) == 4 && sizeof(NoteSection) == 12 + 8 + sizeof(postern_note));

template <std::size_t Room, std::size_t Size>
consteval void copy_text(char (&to)[Room], const char (&from)[Size]) {
  static_assert(Size <= Room, "the text is too long for the note");
  for (std::size_t i = 0; i < Size; ++i) to[i] = from[i];
}

// The minor version in which the last of these hooks came. Bits that nobody has given a meaning want one that no gateway offers.
consteval std::uint32_t minor_of_hooks(std::uint64_t hooks) {
  constexpr std::uint64_t kKnown = (1ull << POSTERN_HOOK_COUNT) - 1;
  return (hooks & ~kKnown) == 0 ? 1 : POSTERN_ABI_MINOR + 1;
}

// Inside an SDK function that calls `what` ("loop.idle") of a later minor version than 1 without asking for it: a record that the
// gateway reads before it loads a library which has this function in it. Where the function is not used it leaves nothing.
#define POSTERN_DETAIL_USES(minor, what)               \
  __asm__ volatile(".pushsection " POSTERN_USE_SECTION \
                   ",\"a\",@note\n"                    \
                   ".balign 4\n"                       \
                   ".4byte 8, 2f - 1f, 2\n"            \
                   ".asciz \"" POSTERN_NOTE_OWNER      \
                   "\"\n"                              \
                   "1: .4byte " #minor                 \
                   "\n"                                \
                   ".asciz \"" what                    \
                   "\"\n"                              \
                   "2: .balign 4\n"                    \
                   ".popsection")

static_assert(POSTERN_USE_TYPE == 2u && sizeof POSTERN_NOTE_OWNER == 8, "what POSTERN_DETAIL_USES writes in digits");

template <std::size_t N, std::size_t V, std::size_t I, std::size_t B>
consteval NoteSection make_note(const char (&name)[N], const char (&version)[V], const char (&interfaces)[I],
                                const char (&build_id)[B], std::uint64_t hooks) {
  postern_note note = {};
  note.magic = POSTERN_NOTE_MAGIC;
  note.note_version = POSTERN_NOTE_VERSION;
  note.abi_major = POSTERN_ABI_MAJOR;
  note.abi_minor_min = minor_of_hooks(hooks);
  note.hooks = hooks;
  copy_text(note.name, name);
  copy_text(note.version, version);
  copy_text(note.interfaces, interfaces);
  copy_text(note.build_id, build_id);
  NoteSection section = {sizeof POSTERN_NOTE_OWNER, sizeof(postern_note), POSTERN_NOTE_TYPE, {}, {}};
  copy_text(section.owner, POSTERN_NOTE_OWNER);
  section.note = std::bit_cast<decltype(section.note)>(note);
  return section;
}

}  // namespace postern::detail

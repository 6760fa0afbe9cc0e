// Built for a major version of the ABI that does not exist yet.
#include "raw_plugin.h"

static consteval auto note_of_the_future() {
  auto section = postern::detail::make_note("wrong-abi", "1.0.0", "", "", 0);
  section.note.bytes[offsetof(postern_note, abi_major)] = 2;
  return section;
}
__attribute__((section(POSTERN_NOTE_SECTION), used, aligned(4))) POSTERN_DETAIL_PLAIN static constexpr auto raw_note =
    note_of_the_future();

RAW_ENTRY([] { return raw::table("wrong-abi"); });

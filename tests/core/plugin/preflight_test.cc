#include "plugin/preflight.h"

#include <doctest/doctest.h>
#include <elf.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

using namespace postern;
using plugin::HostTable;
using plugin::preflight;

namespace {

constexpr std::array kTables{HostTable{"exchange", 1, nullptr}, HostTable{"config", 1, nullptr},
                             HostTable{"instance", 1, nullptr}, HostTable{"log", 1, nullptr}};

std::string read(const std::string& name) {
  std::ifstream file(std::string(POSTERN_BROKEN_PLUGINS "/") + name + ".so", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string refusal(std::string_view bytes, std::string_view name) {
  auto note = preflight(bytes, "p.so", name, {.tables = kTables});
  return note ? "" : note.error().text;
}

// The note of a good plugin, changed.
template <class Change>
std::string with_note(Change&& change) {
  auto bytes = read("table-too-short");
  const char magic[] = {'P', 'S', 'T', 'N', 1, 0, 0, 0};
  auto at = bytes.find(std::string(magic, sizeof(magic)));
  REQUIRE(at != std::string::npos);
  postern_note note;
  std::memcpy(&note, bytes.data() + at, sizeof(note));
  change(note);
  std::memcpy(bytes.data() + at, &note, sizeof(note));
  return bytes;
}

}  // namespace

TEST_CASE("a good plugin's note is read without running it") {
  auto note = preflight(read("table-too-short"), "p.so", "table-too-short", {.tables = kTables});
  REQUIRE_MESSAGE(note, (note ? "" : note.error().text));
  CHECK(note->name == "table-too-short");
  CHECK(note->version == "1.0.0");
  CHECK(note->hooks == POSTERN_HOOK_REQUEST);
  CHECK(note->abi_major == POSTERN_ABI_MAJOR);
  REQUIRE(note->requires_tables.size() == 1);
  CHECK(note->requires_tables[0].table == "exchange");
}

TEST_CASE("a file that registers functions for the end of threads is found out") {
  auto note_of = [](const std::string& name) { return preflight(read(name), "p.so", name, {.tables = kTables}); };
  CHECK(note_of("stays-loaded")->ends_with_threads);
  CHECK_FALSE(note_of("table-too-short")->ends_with_threads);
}

TEST_CASE("each refusal says what was wanted, what is offered and what to do") {
  CHECK(refusal(read("wrong-abi"), "wrong-abi") ==
        "p.so was built for version 2 of the plugin ABI; this gateway offers 1.1. Rebuild it with the SDK of this "
        "gateway, or "
        "take a release of it for ABI 1.");
  CHECK(refusal(read("no-note"), "no-note").starts_with("p.so has no POSTERN note"));
  CHECK(refusal(read("missing-symbol"), "missing-symbol")
            .starts_with("p.so does not export the function postern_plugin_query"));
  CHECK(refusal(read("name-mismatch"), "name-mismatch") ==
        "p.so says that its name is \"another-name\", but its file is named \"name-mismatch\". Name the file "
        "another-name.so.");
#ifndef __clang__
  CHECK(refusal(read("unique-symbol"), "unique-symbol").find("would keep its code from ever being unloaded") !=
        std::string::npos);
#endif
  CHECK(refusal(with_note([](auto& n) { n.abi_minor_min = 7; }), "table-too-short") ==
        "p.so needs version 1.7 of the plugin ABI or later; this gateway offers 1.1. Upgrade the gateway, or rebuild "
        "the plugin "
        "with this gateway's SDK.");
  auto wants = [](const char* tables) {
    return refusal(with_note([&](auto& n) { std::strcpy(n.interfaces, tables); }), "table-too-short");
  };
  CHECK(wants("exchange>=3")
            .find("needs the host table \"exchange\" in version 3 or later; this gateway offers version 1") !=
        std::string::npos);
  CHECK(wants("teleport>=1").find("has no such table") != std::string::npos);
  CHECK(wants("exchange>1").find("cannot be read") != std::string::npos);
  CHECK(wants("exchange>=99999999999").find("cannot be read") != std::string::npos);
  CHECK(refusal(with_note([](auto& n) { std::memset(n.name, 'a', sizeof(n.name)); }), "table-too-short")
            .find("cannot be read") != std::string::npos);
}

TEST_CASE("hooks that the gateway does not know are refused, not passed over") {
  CHECK(refusal(with_note([](auto& n) { n.hooks |= 1ull << POSTERN_HOOK_COUNT; }), "table-too-short") ==
        "p.so has hooks that this gateway does not know (bits 0x400). Upgrade the gateway, or rebuild the plugin with "
        "this "
        "gateway's SDK.");
}

// Built with the SDK of a later minor version, which tests/later_sdk makes of this one.
TEST_CASE("a plugin of a later SDK loads unless it uses what only a later gateway offers") {
  auto note_of = [](const std::string& name) { return preflight(read(name), "p.so", name, {.tables = kTables}); };
  for (const char* name : {"later-unused", "later-asks-first"}) {
    CAPTURE(name);
    auto note = note_of(name);
    REQUIRE_MESSAGE(note, (note ? "" : note.error().text));
    CHECK(note->abi_minor_min == 1);
  }
  CHECK(note_of("later-function").error().text ==
        "p.so calls loop.idle, which came with version 1.2 of the plugin ABI; this gateway offers 1.1. Upgrade the "
        "gateway, "
        "or rebuild the plugin with this gateway's SDK.");
  CHECK(note_of("later-hook").error().text.starts_with("p.so has hooks that this gateway does not know (bits 0x400)."));
}

TEST_CASE("what is no library for this machine is refused") {
  CHECK(refusal("", "p").find("is not an ELF file") != std::string::npos);
  CHECK(refusal("#!/bin/sh\n", "p").find("is not an ELF file") != std::string::npos);
  auto changed = [](std::size_t offset, char value) {
    auto bytes = read("table-too-short");
    bytes[offset] = value;
    return refusal(bytes, "table-too-short");
  };
  CHECK(changed(EI_CLASS, ELFCLASS32).find("not a 64-bit library") != std::string::npos);
  CHECK(changed(EI_DATA, ELFDATA2MSB).find("not little-endian") != std::string::npos);
  CHECK(changed(offsetof(Elf64_Ehdr, e_machine), EM_386).find("another processor") != std::string::npos);
  CHECK(changed(offsetof(Elf64_Ehdr, e_type), ET_EXEC).find("not a shared library") != std::string::npos);
}

TEST_CASE("a file that is cut off anywhere is refused, never read past its end") {
  auto whole = read("no-note");
  for (std::size_t size = 0; size < whole.size(); size += size < 2048 ? 1 : 997) {
    std::string cut(whole.data(), size);  // its own allocation, so that a sanitizer sees the end
    CHECK_FALSE(refusal(cut, "no-note").empty());
  }
}

TEST_CASE("flipped bytes in the headers do no harm") {
  auto whole = read("table-too-short");
  for (std::size_t at = 0; at < std::min<std::size_t>(whole.size(), 1024); ++at) {
    auto bytes = whole;
    bytes[at] = static_cast<char>(~bytes[at]);
    (void)refusal(bytes, "table-too-short");
  }
}

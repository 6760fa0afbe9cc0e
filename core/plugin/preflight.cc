#include "plugin/preflight.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "plugin/elf_image.h"

namespace postern::plugin {
namespace {

constexpr std::string_view kBuildIt = "Build it with postern_add_plugin() of the Postern SDK.";
constexpr std::string_view kUpgrade = "Upgrade the gateway, or rebuild the plugin with this gateway's SDK.";

bool printable(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

class Check {
 public:
  Check(std::string_view file, std::string_view name, const Offer& offer) : file_(file), name_(name), offer_(offer) {}

  Result<Note> run(std::string_view bytes) {
    auto image = ElfImage::parse(bytes);
    if (!image)
      return refuse(image.error().text, "A plugin is a shared library for this machine. " + std::string(kBuildIt));
    auto raw = image->note(POSTERN_NOTE_OWNER, POSTERN_NOTE_TYPE);
    if (!raw) return refuse("has no POSTERN note, so nothing says which gateway it was built for", kBuildIt);
    auto note = read_note(*raw);
    if (!note) return note;
    if (auto good = major(*note); !good) return fail(good.error());
    if (auto good = uses(*image, *note); !good) return fail(good.error());
    for (auto step : {&Check::hooks, &Check::minor, &Check::name, &Check::tables})
      if (auto good = (this->*step)(*note); !good) return fail(good.error());
    if (auto good = symbols(*image, *note); !good) return fail(good.error());
    return note;
  }

 private:
  tl::unexpected<Error> refuse(std::string_view what, std::string_view mend) const {
    return fail({ErrorCode::internal_error, Origin::plugin, fmt::format("{} {}. {}", file_, what, mend)});
  }

  template <std::size_t N>
  static bool text(const char (&field)[N], std::string& out) {
    const void* end = std::memchr(field, '\0', N);
    if (end == nullptr) return false;
    out.assign(field, static_cast<const char*>(end));
    return printable(out);
  }

  Result<Note> read_note(std::string_view raw) const {
    constexpr std::string_view kDamaged = "has a POSTERN note that cannot be read";
    postern_note n;
    // A later version of the note may be longer; it begins with the fields of this one.
    if (raw.size() < sizeof(n)) return refuse(kDamaged, kBuildIt);
    std::memcpy(&n, raw.data(), sizeof(n));
    if (n.magic != POSTERN_NOTE_MAGIC || n.note_version < POSTERN_NOTE_VERSION) return refuse(kDamaged, kBuildIt);
    Note note;
    std::string interfaces;
    if (!text(n.name, note.name) || !text(n.version, note.version) || !text(n.interfaces, interfaces) ||
        !text(n.build_id, note.build_id))
      return refuse(kDamaged, kBuildIt);
    note.abi_major = n.abi_major;
    note.abi_minor_min = n.abi_minor_min;
    note.hooks = n.hooks;
    if (!parse_interfaces(interfaces, note.requires_tables))
      return refuse(fmt::format("lists the host tables it needs in a form that cannot be read (\"{}\")", interfaces),
                    "The form is \"exchange>=1 dict>=1\".");
    return note;
  }

  static bool parse_interfaces(std::string_view text, std::vector<Required>& out) {
    while (!text.empty()) {
      auto word = text.substr(0, text.find(' '));
      text.remove_prefix(std::min(word.size() + 1, text.size()));
      if (word.empty()) continue;
      auto sign = word.find(">=");
      if (sign == 0 || sign == std::string_view::npos) return false;
      auto number = word.substr(sign + 2);
      Required r{std::string(word.substr(0, sign)), 0};
      auto parsed = std::from_chars(number.data(), number.data() + number.size(), r.version);
      if (parsed.ec != std::errc{} || parsed.ptr != number.data() + number.size()) return false;
      out.push_back(std::move(r));
    }
    return true;
  }

  Result<void> major(const Note& note) const {
    if (note.abi_major != offer_.abi_major)
      return refuse(fmt::format("was built for version {} of the plugin ABI; this gateway offers {}.{}", note.abi_major,
                                offer_.abi_major, offer_.abi_minor),
                    fmt::format("Rebuild it with the SDK of this gateway, or take a release of it for ABI {}.",
                                offer_.abi_major));
    return {};
  }

  // Functions of later minor versions that the library calls unasked (abi.h, postern_use).
  Result<void> uses(const ElfImage& image, const Note& note) const {
    for (auto raw : image.notes(POSTERN_NOTE_OWNER, POSTERN_USE_TYPE)) {
      postern_use use;
      if (raw.size() <= sizeof(use) || raw.back() != '\0')
        return refuse("has a POSTERN note that cannot be read", kBuildIt);
      std::memcpy(&use, raw.data(), sizeof(use));
      if (use.abi_minor <= offer_.abi_minor) continue;
      auto what = raw.substr(sizeof(use), raw.size() - sizeof(use) - 1);
      if (!printable(what)) return refuse("has a POSTERN note that cannot be read", kBuildIt);
      return refuse(fmt::format("calls {}, which came with version {}.{} of the plugin ABI; this gateway offers {}.{}",
                                what, note.abi_major, use.abi_minor, offer_.abi_major, offer_.abi_minor),
                    kUpgrade);
    }
    return {};
  }

  Result<void> hooks(const Note& note) const {
    const std::uint64_t unknown = note.hooks & ~((1ull << POSTERN_HOOK_COUNT) - 1);
    if (unknown == 0) return {};
    return refuse(fmt::format("has hooks that this gateway does not know (bits {:#x})", unknown), kUpgrade);
  }

  Result<void> minor(const Note& note) const {
    if (note.abi_minor_min > offer_.abi_minor)
      return refuse(fmt::format("needs version {}.{} of the plugin ABI or later; this gateway offers {}.{}",
                                note.abi_major, note.abi_minor_min, offer_.abi_major, offer_.abi_minor),
                    kUpgrade);
    return {};
  }

  Result<void> name(const Note& note) const {
    if (note.name == name_) return {};
    return refuse(fmt::format("says that its name is \"{}\", but its file is named \"{}\"", note.name, name_),
                  fmt::format("Name the file {}.so.", note.name));
  }

  Result<void> tables(const Note& note) const {
    for (const auto& wanted : note.requires_tables) {
      auto found = std::find_if(offer_.tables.begin(), offer_.tables.end(),
                                [&](const HostTable& t) { return t.name == wanted.table; });
      std::string here =
          found == offer_.tables.end() ? "has no such table" : fmt::format("offers version {}", found->version);
      if (found == offer_.tables.end() || found->version < wanted.version)
        return refuse(fmt::format("needs the host table \"{}\" in version {} or later; this gateway {}", wanted.table,
                                  wanted.version, here),
                      kUpgrade);
    }
    return {};
  }

  Result<void> symbols(const ElfImage& image, Note& note) const {
    std::vector<ElfImage::Symbol> symbols;
    if (!image.symbols(symbols)) return refuse("has no dynamic symbol table that can be read", kBuildIt);
    bool exported = false;
    for (const auto& s : symbols) {
      note.ends_with_threads |= !s.defined && s.name.starts_with("__cxa_thread_atexit");
      if (!s.defined) continue;
      if (s.binding == STB_GNU_UNIQUE)
        return refuse(
            fmt::format("defines the unique symbol \"{}\", which would keep its code from ever being unloaded", s.name),
            "Compile all of it with -fno-gnu-unique, as postern_add_plugin() does.");
      exported |= s.name == POSTERN_QUERY_SYMBOL && s.type == STT_FUNC && s.binding != STB_LOCAL && !s.hidden;
    }
    if (exported) return {};
    return refuse("does not export the function " POSTERN_QUERY_SYMBOL,
                  "End one of its sources with POSTERN_PLUGIN(...).");
  }

  std::string_view file_;
  std::string_view name_;
  const Offer& offer_;
};

}  // namespace

Result<Note> preflight(std::string_view bytes, std::string_view file, std::string_view name, const Offer& offer) {
  return Check(file, name, offer).run(bytes);
}

}  // namespace postern::plugin

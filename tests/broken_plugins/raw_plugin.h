// What the plugins in this folder share: a note and a table made by hand, so that each can spoil one thing.
#pragma once

#include <postern/plugin.h>

#include <string>
#include <string_view>

// The note of a good plugin. At namespace scope, once.
#define RAW_NOTE(name, hooks)                                      \
  __attribute__((section(POSTERN_NOTE_SECTION), used, aligned(4))) \
  POSTERN_DETAIL_PLAIN static constexpr auto raw_note =            \
      ::postern::detail::make_note(name, "1.0.0", "exchange>=1", "", hooks)

// The one exported function; `make_table` fills the table.
#define RAW_ENTRY(make_table)                                                                      \
  extern "C" POSTERN_EXPORT const postern_plugin* postern_plugin_query(const postern_host* host);  \
  extern "C" POSTERN_EXPORT const postern_plugin* postern_plugin_query(const postern_host* host) { \
    raw::host = host;                                                                              \
    raw::exchange = raw::interface<postern_exchange_table>("exchange");                            \
    raw::config = raw::interface<postern_config_table>("config");                                  \
    static const postern_plugin table = make_table();                                              \
    return &table;                                                                                 \
  }                                                                                                \
  static_assert(true, "so that a semicolon may follow")

namespace raw {

inline const postern_host* host = nullptr;
inline const postern_exchange_table* exchange = nullptr;
inline const postern_config_table* config = nullptr;

inline postern_str text(std::string_view s) { return {s.data(), s.size()}; }
inline std::string_view view(postern_str s) { return {s.ptr, s.len}; }

template <class Table>
const Table* interface(std::string_view name) {
  return static_cast<const Table*>(host->get_interface(host, text(name), 1));
}

// The text of a key of the configuration; empty when it is absent.
inline std::string setting(postern_node from, std::string_view key) {
  return std::string(view(config->as_string_view(config->get(from, text(key)))));
}

inline void log(postern_instance instance, std::string_view message) {
  interface<postern_log_table>("log")->write(instance, POSTERN_LOG_INFO, text(message), nullptr, 0);
}

// The table of a good plugin that does nothing.
inline postern_plugin table(std::string_view name, std::string_view schema = {}) {
  postern_plugin t{};
  t.struct_size = sizeof(t);
  t.version = 1;
  t.name = text(name);
  t.plugin_version = text("1.0.0");
  t.schema = text(schema);
  return t;
}

}  // namespace raw

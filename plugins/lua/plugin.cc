// The bridge itself: a plugin named "lua" that has no hooks of its own and opens scripts for the gateway.
#include <postern/plugin.h>

#include "fence.h"
#include "host.h"
#include "script.h"

namespace postern::lua {
namespace {

constexpr char kName[] = "lua";
constexpr char kVersion[] = "1.0.0";

std::string last_error;  // backs error_view; scripts are opened on the control thread alone

const postern_plugin* script_open(void*, postern_str path, postern_str* error_view) {
  try {
    auto script = Script::open(std::string(view(path)));
    if (script) return (*script).release()->table();
    last_error = script.error();
  } catch (const std::exception& error) {
    last_error = error.what();
  }
  *error_view = to_str(last_error);
  return nullptr;
}

void script_close(void*, const postern_plugin* script) { delete static_cast<Script*>(script->context); }

constexpr postern_plugin make_table() {
  postern_plugin table{};
  table.struct_size = sizeof table;
  table.version = 1;
  table.name = {kName, sizeof kName - 1};
  table.plugin_version = {kVersion, sizeof kVersion - 1};
  table.script_open = script_open;
  table.script_close = script_close;
  return table;
}

const postern_plugin bridge = make_table();

__attribute__((section(POSTERN_NOTE_SECTION), used, aligned(4)))
POSTERN_DETAIL_PLAIN constexpr postern::detail::NoteSection note = postern::detail::make_note(
    "lua", "1.0.0",
    "config>=1 instance>=1 exchange>=1 body>=1 log>=1 metrics>=1 timer>=1 dict>=1 call>=1 upstream>=1 loop>=1 "
    "connection>=1",
    POSTERN_BUILD_ID, 0);

}  // namespace
}  // namespace postern::lua

extern "C" POSTERN_EXPORT const postern_plugin* postern_plugin_query(const postern_host* host);
extern "C" POSTERN_EXPORT const postern_plugin* postern_plugin_query(const postern_host* host) {
  return postern::lua::resolve_host(host) ? &postern::lua::bridge : nullptr;
}

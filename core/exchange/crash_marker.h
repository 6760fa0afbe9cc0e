// Whose code runs on this thread right now: read by the crash handler, which may not allocate or lock.
#pragma once

#include <string_view>
#include <utility>

#include "base/thread_local.h"
#include "plan/chain.h"

namespace postern::proxy {

// A plugin's code that runs outside of the request path: on_load, on_configure, a timer's callback.
struct PluginCode {
  std::string_view plugin, version;
  std::string_view instance;          // empty in the hooks of the library
  std::string_view what;              // "on_load", "timer"
  const Instance* serving = nullptr;  // the instance's side on the request path; null until it has one
};

struct CrashMarker {
  const Instance* instance = nullptr;  // a hook of an exchange or a connection
  Hook hook = Hook::request;
  const char* route = nullptr;       // zero-terminated route id, or null
  const PluginCode* code = nullptr;  // counts when `instance` is null. Both null: the gateway's own code
};
POSTERN_IN_PROGRAM inline thread_local CrashMarker crash_marker;

// The instance whose code runs, if it has a side on the request path.
inline const Instance* running_instance() noexcept {
  if (crash_marker.instance != nullptr) return crash_marker.instance;
  return crash_marker.code != nullptr ? crash_marker.code->serving : nullptr;
}

// While it lives, this thread runs `code`.
class CodeMark {
 public:
  explicit CodeMark(const PluginCode& code) noexcept
      : before_(std::exchange(crash_marker, {nullptr, Hook::request, nullptr, &code})) {}
  CodeMark(const CodeMark&) = delete;
  CodeMark& operator=(const CodeMark&) = delete;
  ~CodeMark() { crash_marker = before_; }

 private:
  CrashMarker before_;
};

}  // namespace postern::proxy

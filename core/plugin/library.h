// One loaded plugin file. The code runs from a private copy, so that the file may be replaced while it is in use and old and
// new code live side by side. Control thread only.
#pragma once

#include <postern/abi.h>

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "exchange/plugin_frame.h"
#include "plugin/loaded_modules.h"
#include "plugin/preflight.h"

namespace postern::plugin {

// A plugin's table, brought to this gateway's size: what an older plugin's shorter table lacks is null. False when it is too
// short to be one at all.
bool normalise(const postern_plugin& given, postern_plugin& out) noexcept;
std::uint64_t hooks_of(const postern_plugin& table) noexcept;  // POSTERN_HOOK_* bits of its non-null hooks

class Library {
 public:
  // Loads the file, or gives the library that is already loaded from the same bytes under the same name: a plugin that did not
  // change keeps its code and its statics across reloads. An error is a sentence that names the file.
  static Result<std::shared_ptr<Library>> load(const std::string& file, const std::string& name);

  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library();  // on_unload, dlclose

  const postern_plugin& table() const noexcept { return table_; }
  const Note& note() const noexcept { return note_; }
  const std::string& file() const noexcept { return file_; }  // as it was found
  const std::string& hash() const noexcept { return hash_; }  // of its bytes
  // For calls of its functions that belong to no instance.
  proxy::PluginCode code_of(std::string_view what) const noexcept { return {note_.name, note_.version, {}, what}; }
  bool hosts_scripts() const noexcept { return table_.script_open != nullptr; }

 private:
  Library(std::string file, std::string hash, Note note)
      : file_(std::move(file)), hash_(std::move(hash)), note_(std::move(note)) {}
  Result<void> open(std::string_view bytes);
  Result<void> query();
  Result<void> check_table(const postern_plugin* given);
  void close() noexcept;
  tl::unexpected<Error> refuse(std::string_view what) const;

  std::string file_;
  std::string hash_;
  Note note_;
  postern_plugin table_{};
  std::string path_;      // of the private copy, as the dynamic linker knows it
  int copy_ = -1;         // memfd with the private copy; open as long as the code is, for debuggers and symbolizers
  void* code_ = nullptr;  // dlopen
  std::unique_ptr<ModuleEntry> module_;
  bool loaded_ = false;  // on_load has succeeded
};

}  // namespace postern::plugin

// A fake gateway with one script in it, for tests of the bridge and of scripts: no sockets, clocks that the test moves.
#pragma once

#include <postern/testing.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "testing/fake_computing_clock.h"

namespace postern::lua {

// A folder of script files that is removed at the end.
class ScriptFolder {
 public:
  ScriptFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "postern-lua-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = path;
  }
  ~ScriptFolder() { std::filesystem::remove_all(path_); }
  ScriptFolder(const ScriptFolder&) = delete;
  ScriptFolder& operator=(const ScriptFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::string write(std::string_view name, std::string_view text) const {
    const auto file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file.string();
  }

 private:
  std::filesystem::path path_;
};

class ScriptGateway : public testing::FakeGateway {
 public:
  ScriptGateway() = default;
  // The file of a script that exists.
  explicit ScriptGateway(const std::string& path) { open(path); }
  ~ScriptGateway() {
    for (const std::string& leak : close()) {
      std::fprintf(stderr, "ScriptGateway: %s\n", leak.c_str());
      failed_ = true;
    }
    if (script_ != nullptr) bridge_->script_close(bridge_->context, script_);
    if (failed_) std::abort();
  }

  // Opens the script and makes it the plugin that configure() configures. False: see error().
  bool open(const std::string& path) {
    path_to_open = path;
    current_kit = this;
    try {
      load(&query);
    } catch (const std::exception&) {
      return false;
    }
    return true;
  }
  // Writes the body of a script's table as script "test" and opens it.
  bool open_table(const std::string& body) {
    return open(folder.write("test/test.lua", "return {name = 'test', version = '1.0.0', " + body + "}"));
  }
  // The same, configured with nothing.
  testing::FakeInstance& run_table(const std::string& body) {
    if (!open_table(body)) throw std::runtime_error(error());
    return configure();
  }
  const std::string& error() const { return error_; }
  const postern_plugin* script() const { return script_; }

  ScriptFolder folder;

 private:
  FakeComputingClock computing_clock_;
  static const postern_plugin* query(const postern_host* host) {
    ScriptGateway& kit = *current_kit;
    kit.bridge_ = postern_plugin_query(host);
    postern_str error{};
    kit.script_ = kit.bridge_->script_open(kit.bridge_->context, {path_to_open.data(), path_to_open.size()}, &error);
    if (kit.script_ == nullptr) kit.error_.assign(error.ptr, error.len);
    return kit.script_;
  }

  inline static std::string path_to_open;
  inline static ScriptGateway* current_kit = nullptr;
  const postern_plugin* bridge_ = nullptr;
  const postern_plugin* script_ = nullptr;
  std::string error_;
  bool failed_ = false;
};

}  // namespace postern::lua

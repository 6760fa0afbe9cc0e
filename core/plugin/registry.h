// Finds plugins and scripts by name on plugin_path and loads each once per generation. Control thread only.
#pragma once

#include <postern/abi.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "plugin/library.h"
#include "plugin/schema.h"

namespace postern::plugin {

// What a name in a chain stands for: a library's own table, or the table of a script that a library hosts.
class Plugin {
 public:
  Plugin(std::shared_ptr<Library> library, std::string file);  // a library
  Plugin(std::shared_ptr<Library> host, std::string file, std::string name, const postern_plugin* script);
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;
  ~Plugin();  // script_close; the library follows when nobody else has it

  const std::string& name() const noexcept { return name_; }
  const std::string& version() const noexcept { return version_; }
  const std::string& file() const noexcept { return file_; }
  const std::shared_ptr<Library>& library() const noexcept { return library_; }
  const postern_plugin& table() const noexcept { return table_; }
  const Schema& schema() const noexcept { return schema_; }
  void set_schema(Schema schema) { schema_ = std::move(schema); }

 private:
  std::shared_ptr<Library> library_;  // shared with other generations
  std::string file_;
  std::string name_;
  std::string version_;
  postern_plugin table_{};
  const postern_plugin* script_ = nullptr;
  Schema schema_;
};

class Registry {
 public:
  // A relative entry of `plugin_path` is looked for below the working directory, as any path on the command line is, and when
  // there is no such folder below `config_folder`, so that a configuration may travel with its scripts.
  Registry(std::vector<std::string> plugin_path, const std::string& config_folder);

  // The plugin of that name, loaded; the same object each time, the same error each time. Errors are whole sentences.
  Result<std::shared_ptr<Plugin>> get(const std::string& name);

  struct Found {
    std::string file;
    std::string script_host;  // the plugin that hosts the script; empty for a library
  };
  // Looks without loading. Errors: nowhere, in two places, no host for the script.
  Result<Found> find(const std::string& name) const;
  std::vector<std::string> names() const;  // of everything that is on plugin_path, sorted

 private:
  std::vector<Found> matches(const std::string& name, std::vector<std::string>& hostless) const;
  bool has_library(const std::string& name) const;
  Error absent(const std::string& name, const std::vector<std::string>& hostless) const;
  Result<std::shared_ptr<Plugin>> load(const std::string& name);
  Result<std::shared_ptr<Plugin>> load_script(const std::string& name, const Found& found);

  std::vector<std::string> folders_;
  std::map<std::string, Result<std::shared_ptr<Plugin>>> known_;
};

}  // namespace postern::plugin

// One script file as a plugin of the gateway: read, run once to see what it is, and described by a postern_plugin table.
#pragma once

#include <postern/abi.h>

#include <memory>
#include <string>

#include "state.h"

namespace postern::lua {

class Script {
 public:
  // The error names file and line.
  static Result<std::unique_ptr<Script>> open(const std::string& path);

  const postern_plugin* table() const { return &table_; }
  Sources& sources() { return sources_; }
  const Limits& limits() const { return limits_; }

 private:
  Script() = default;
  Result<void> read(const std::string& path);
  Result<void> describe(State& state);
  friend int describe_script(lua_State* L);

  Sources sources_;
  Limits limits_;
  std::string name_, version_, schema_;
  postern_plugin table_{};
};

}  // namespace postern::lua

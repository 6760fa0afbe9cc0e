// A plugin's JSON Schema (draft 7), applied to an instance's configuration before the plugin sees any of it.
//
// Beyond the standard: keys that the schema does not name are refused unless it says additionalProperties (written schemas
// forget it, and a misspelt key is never skipped in silence), and these formats mean something:
//   duration  "250ms", "10s": becomes integer milliseconds; minimum and maximum may be durations too
//   size      "64k", "10m":   becomes integer bytes; the same
//   regex     compiles as a regular expression (base/regex.h)
//   upstream  the name of one of the configuration's upstreams
//   secret    masked wherever configuration is shown
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"
#include "config/node.h"

namespace postern::plugin {

class Schema {
 public:
  // Of a plugin without a schema: it takes no configuration.
  Schema();
  // The error says what is wrong with the schema itself.
  static Result<Schema> parse(std::string_view json);

  // What the values are checked against, and where their problems are said to be.
  struct Place {
    std::string path;                        // "routes/users/plugins/rate-limit"
    config::Position position;               // for what is missing altogether
    const config::Config* config = nullptr;  // for the format `upstream`
  };
  // The configuration as the plugin sees it: typed, defaults filled in, formats applied. Usable only when no problem was added.
  config::Node apply(config::Node given, const Place& place, config::Problems& problems) const;

 private:
  struct Compiled;
  explicit Schema(std::shared_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
  std::shared_ptr<const Compiled> compiled_;  // shared by copies; immutable
};

}  // namespace postern::plugin

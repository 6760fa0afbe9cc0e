// Says in words what a schema expects: "an integer from 1 to 100", "a duration (\"250ms\", \"10s\", \"5m\") of at least 1s".
// Used by schema.cc and schema_walk.cc alone.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace postern::plugin {

std::string expectation(const nlohmann::json& document, const nlohmann::json& schema);

}  // namespace postern::plugin

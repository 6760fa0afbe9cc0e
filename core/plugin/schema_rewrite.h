// Brings a plugin's schema into the form that is validated: Postern's own formats become plain types and units, and maps are
// closed unless the schema says otherwise. Used by schema.cc alone.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace postern::plugin {

// What is wrong with the schema, or empty.
std::string rewrite_schema(nlohmann::json& schema);

bool is_duration(const nlohmann::json& schema);
bool is_size(const nlohmann::json& schema);
// Follows `$ref` within the document. Never null; `schema` itself when it refers to nothing known.
const nlohmann::json& resolve_schema(const nlohmann::json& document, const nlohmann::json& schema);

}  // namespace postern::plugin

#include "config.h"

namespace {

std::string joined(postern::Node list) {
  std::string text;
  for (auto item : list) {
    if (!text.empty()) text += ", ";
    text += item.string();
  }
  return text;
}

bool has_asterisk(postern::Node list) {
  for (auto item : list)
    if (item.string() == "*") return true;
  return false;
}

// Browsers refuse both, so that no page of any origin reads what only its visitor may see.
void check_credentials(postern::Setup& setup, postern::Node node, const CorsConfig& config) {
  if (!config.credentials) return;
  if (config.origins.everybody())
    setup.error(node["credentials"],
                "credentials cannot go with allowed_origins \"*\": name the origins that may send them");
  if (has_asterisk(node["exposed_headers"]))
    setup.error(node["exposed_headers"], "\"*\" means nothing to browsers together with credentials: name the headers");
}

}  // namespace

CorsConfig read_config(postern::Setup& setup, postern::Node node) {
  CorsConfig config;
  for (auto origin : node["allowed_origins"])
    if (auto problem = config.origins.add(origin.string()); !problem.empty()) setup.error(origin, problem);
  config.origins.sort();
  config.credentials = node["credentials"].boolean();
  config.max_age = std::to_string(node["max_age"].integer() / 1000);
  config.methods = joined(node["allowed_methods"]);
  config.headers = joined(node["allowed_headers"]);
  config.exposed = joined(node["exposed_headers"]);
  config.methods_as_asked = has_asterisk(node["allowed_methods"]);
  config.headers_as_asked = has_asterisk(node["allowed_headers"]);
  check_credentials(setup, node, config);
  return config;
}

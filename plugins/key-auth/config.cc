#include "config.h"

#include <postern/text/ascii.h>

#include <map>
#include <set>
#include <utility>

namespace {

constexpr std::string_view kDigestOfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

void read_keys(postern::Setup& setup, postern::Node keys, Settings& settings) {
  std::set<std::string, std::less<>> ids;
  std::map<Digest, std::string> owners;
  for (auto key : keys) {
    std::string id(key["id"].string());
    auto digest = digest_from_hex(key["sha256"].string());
    if (!ids.insert(id).second) setup.error(key["id"], "another key has the id \"" + id + "\" too");
    if (!digest) {
      setup.error(key["sha256"], "must be the 64 hexadecimal digits of a SHA-256");
    } else if (digest == digest_from_hex(kDigestOfNothing)) {
      setup.error(key["sha256"], "is the SHA-256 of an empty key");
    } else if (auto owner = owners.find(*digest); owner != owners.end()) {
      setup.error(key["sha256"], "\"" + owner->second + "\" has the same key");
    } else {
      owners.emplace(*digest, id);
      settings.keys.add(*digest, {id, std::string(key["tier"].string())});
    }
  }
}

Place read_place(postern::Node node) {
  if (node["query"]) return {Place::Kind::query, std::string(node["query"].string())};
  if (node["cookie"]) return {Place::Kind::cookie, std::string(node["cookie"].string())};
  return {Place::Kind::header, std::string(node["header"].string())};
}

// A place that is looked at twice would find every key twice.
void read_places(postern::Setup& setup, postern::Node from, Settings& settings) {
  std::set<std::pair<Place::Kind, std::string>> seen;
  for (auto node : from) {
    Place place = read_place(node);
    bool any_case = place.kind == Place::Kind::header;
    if (!seen.emplace(place.kind, any_case ? postern::to_lower(place.name) : place.name).second)
      setup.error(node, "this place is in the list already");
    settings.from.push_back(std::move(place));
  }
}

}  // namespace

Settings read_settings(postern::Setup& setup, postern::Node config) {
  Settings settings;
  read_keys(setup, config["keys"], settings);
  read_places(setup, config["from"], settings);
  settings.optional = config["optional"].boolean();
  settings.hide = config["hide"].boolean();
  settings.challenge = "ApiKey realm=\"" + std::string(config["realm"].string()) + '"';
  return settings;
}

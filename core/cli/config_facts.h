// A configuration as lines of facts, so that two of them can be compared.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "config/config.h"

namespace postern::cli {

// What is said of one thing: {"timeout", "10s"}. Only what is set or differs from the default; the order is always the same.
using Facts = std::vector<std::pair<std::string, std::string>>;

Facts facts_of(const config::Route& route);  // without its plugins
Facts facts_of(const config::Upstream& upstream);
Facts facts_of(const config::PluginUse& use);      // the gateway's keys of it
Facts own_facts_of(const config::PluginUse& use);  // the plugin's own keys; not to be shown: there may be secrets

std::string patterns_of(const config::Route& route);                  // "api.example.com/users/{id}, /people/*"
std::string chain_of(const std::vector<config::PluginUse>& plugins);  // "key-auth > rate-limit"; "no plugins"

}  // namespace postern::cli

#include <algorithm>

#include "config/names.h"
#include "config/report.h"
#include "config/sections.h"

namespace postern::config {
namespace {

const std::vector<std::string> kProtocols = {"h2", "http/1.1"};

void read_protocols(const Cursor& list, std::vector<std::string>& protocols) {
  if (!list.is_list()) return;
  protocols.clear();
  for (const Cursor& item : list.items()) {
    std::size_t index = 0;
    if (!item.read_choice(index, kProtocols)) continue;
    if (std::find(protocols.begin(), protocols.end(), kProtocols[index]) != protocols.end())
      item.problem("\"" + kProtocols[index] + "\" stands here twice");
    protocols.push_back(kProtocols[index]);
  }
  if (list.node().items.empty()) list.problem("expected at least one protocol: " + listed(kProtocols));
}

// `true`, or {trusted: [blocks]}.
void read_proxy_protocol(const Cursor& value, Listener& listener) {
  if (value.node().kind != Node::Kind::map) {
    value.read_bool(listener.proxy_protocol);
    return;
  }
  listener.proxy_protocol = true;
  Fields fields(value);
  if (auto trusted = fields.require("trusted")) {
    read_trusted_proxies(*trusted, listener.trusted_senders);
    if (trusted->node().items.empty()) trusted->expected("a list of addresses and blocks");
  }
  fields.finish();
}

}  // namespace

void read_listeners(const Cursor& section, std::vector<Listener>& listeners) {
  if (!section.is_list()) return;
  for (const Cursor& item : section.items()) {
    Listener listener;
    listener.position = item.position();
    Fields fields(item);
    if (auto name = fields.require("name"); name && name->read(listener.name) && !is_name(listener.name))
      name->expected("a name of letters, digits, \".\", \"_\" and \"-\"");
    std::string problem;
    if (auto address = fields.require("address");
        address && address->read(listener.address) && !is_listen_address(listener.address, problem))
      address->problem(problem);
    if (auto protocols = fields.find("protocols")) read_protocols(*protocols, listener.protocols);
    if (auto proxy = fields.find("proxy_protocol")) read_proxy_protocol(*proxy, listener);
    if (auto tls = fields.find("tls")) read_listener_tls(*tls, listener.tls);
    fields.finish();
    listeners.push_back(std::move(listener));
  }
}

}  // namespace postern::config

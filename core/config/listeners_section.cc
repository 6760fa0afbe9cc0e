#include "config/names.h"
#include "config/report.h"
#include "config/sections.h"

namespace postern::config {

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
    fields.finish();
    listeners.push_back(std::move(listener));
  }
}

}  // namespace postern::config

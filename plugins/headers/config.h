// The configuration of one message's headers.
#pragma once

#include <postern/plugin.h>

#include <string>
#include <vector>

#include "header_rules.h"

struct NewHeader {
  std::string name;  // as written
  postern::Template value;
};

// Carried out in this order.
struct Changes {
  std::vector<std::string> remove;
  std::vector<NewHeader> set;
  std::vector<NewHeader> add;

  std::size_t values() const noexcept { return set.size() + add.size(); }
  bool empty() const noexcept { return remove.empty() && values() == 0; }
};

// Reports every problem to `setup`, with its place.
Changes read_changes(postern::Setup& setup, postern::Node node, Message message);

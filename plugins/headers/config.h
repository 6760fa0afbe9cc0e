// The configuration of one message's headers.
#pragma once

#include <postern/plugin.h>

#include <string>
#include <vector>

#include "header_rules.h"

struct NewHeader {
  std::string name;         // as written
  std::string text;         // a value that is the same for every exchange
  postern::Template value;  // else
};

// Carried out in this order.
struct Changes {
  std::vector<std::string> remove;
  std::vector<NewHeader> set;
  std::vector<NewHeader> add;

  bool empty() const noexcept { return remove.empty() && set.empty() && add.empty(); }
  std::size_t templates() const noexcept;  // of `set` and `add`
};

// Reports every problem to `setup`, with its place.
Changes read_changes(postern::Setup& setup, postern::Node node, Message message);

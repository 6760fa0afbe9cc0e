// What an instance is told: its keys and where to look for them.
#pragma once

#include <postern/plugin.h>

#include <string>
#include <vector>

#include "key_table.h"

struct Place {
  enum class Kind { header, query, cookie };
  Kind kind;
  std::string name;
};

struct Settings {
  KeyTable keys;
  std::vector<Place> from;
  bool optional = false;
  bool hide = false;
  std::string challenge;  // the value of WWW-Authenticate
};

// Reports what is wrong to `setup`, all of it; never a key or a digest.
Settings read_settings(postern::Setup& setup, postern::Node config);

// What an instance is told: the calls it maps, and how much it takes.
#pragma once

#include <postern/plugin.h>

#include <cstdint>
#include <memory>

#include "transcoder.h"

struct Settings {
  std::unique_ptr<const Transcoder> transcoder;  // null: refused
  bool refuses_unmatched = false;
  std::uint64_t request_limit = 0;   // bytes of a body, and of a message to the upstream
  std::uint64_t response_limit = 0;  // bytes of a message from the upstream
};

// Reports what is wrong to `setup`, all of it.
Settings read_settings(postern::Setup& setup, postern::Node config);

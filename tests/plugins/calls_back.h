// The service of the plugin calls-back.
#pragma once

#include <cstdint>

namespace calls_back {

struct Service {
  std::uint32_t struct_size, version;
  void (*call_later)(void (*call)(void* user), void* user);  // from a timer of the service
};

}  // namespace calls_back

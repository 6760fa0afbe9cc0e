// Whose code runs on this thread right now: read by the crash handler, which may not allocate or lock.
#pragma once

#include "server/chain.h"

namespace postern::server {

struct CrashMarker {
  const Instance* instance = nullptr;  // null: the gateway's own code
  Hook hook = Hook::request;
  const char* route = nullptr;  // zero-terminated route id, or null
};
inline thread_local CrashMarker crash_marker;

}  // namespace postern::server

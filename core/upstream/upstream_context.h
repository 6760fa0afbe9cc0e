// What the upstreams of one worker have in common, whatever the generation.
#pragma once

#include <cstdint>

#include "net/loop.h"
#include "upstream/address_book.h"

namespace postern::proxy {

struct UpstreamContext {
  net::Loop& loop;
  std::uint32_t worker;              // its index
  std::int64_t& buffered_bytes;      // the worker's sum of body bytes in memory; connections add what they hold back
  AddressBook known_addresses = {};  // what names resolved to, for the next generation's first requests
};

}  // namespace postern::proxy

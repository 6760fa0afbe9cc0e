// What host names were last resolved to on a worker. It outlives generations: a reload while the name server is down keeps
// the addresses that the generation before had.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "net/address.h"

namespace postern::proxy {

using AddressBook = std::unordered_map<std::string, std::vector<net::Address>>;  // by "host:port"

}  // namespace postern::proxy

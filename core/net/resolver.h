// Names to addresses, off the loop (getaddrinfo in libuv's pool).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/address.h"
#include "net/loop.h"

namespace postern::net {

class Lookup {
 public:
  using Done = std::function<void(Result<std::vector<Address>>)>;
  // `done` gets ip addresses, sorted and without repeats; never inside start, never after the Lookup is destroyed.
  static std::unique_ptr<Lookup> start(Loop& loop, const std::string& name, std::uint16_t port, Done done);
  virtual ~Lookup() = default;
};

}  // namespace postern::net

// Unix signals as callbacks on a loop.
#pragma once

#include <functional>
#include <memory>

#include "base/result.h"
#include "net/loop.h"

namespace postern::net {

class SignalWatch {
 public:
  static Result<std::unique_ptr<SignalWatch>> start(Loop& loop, int signal, std::function<void()> fire);
  virtual ~SignalWatch() = default;
};

}  // namespace postern::net

// Carries out changes of headers, and tells the operator, in a bounded manner, of values that cannot stand in one.
#pragma once

#include <postern/plugin.h>

#include <atomic>
#include <cstdint>

#include "config.h"

class Changer {
 public:
  explicit Changer(postern::Instance instance);

  // All values are expanded before anything changes, so that a header can be renamed. A value that expands to nothing,
  // or to what cannot stand in a header, leaves its header out: what `set` would have replaced goes all the same, so
  // that a client cannot keep its own text in the place of the gateway's. False when the exchange's memory is used up.
  bool apply(const Changes& changes, const postern::Exchange& x, const postern::Headers& headers);

 private:
  bool put(const NewHeader& header, std::string_view value, Change change, const postern::Headers& headers);
  void leave_out(const NewHeader& header);

  postern::Log log_;
  postern::Counter left_out_;
  std::atomic<std::uint64_t> quiet_until_ms_ = 0;
};

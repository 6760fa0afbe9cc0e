// What is open on the calling worker, one after another: OpenExchanges and OpenConnections.
#pragma once

#include <iterator>

#include "postern/detail/value.h"

namespace postern::detail {

// `next(0)` is the first handle, `next(handle)` the one behind it; 0 is the end.
template <class Thing, auto next>
class OpenRange {
 public:
  explicit OpenRange(Instance own) : own_(own.raw()) {}

  class Iterator {
   public:
    explicit Iterator(postern_instance own) : own_(own), at_(next(0)) {}
    Thing operator*() const { return Thing(at_, own_); }
    Iterator& operator++() {
      at_ = next(at_);
      return *this;
    }
    bool operator==(std::default_sentinel_t) const { return at_ == 0; }

   private:
    postern_instance own_;
    decltype(next(0)) at_;
  };
  Iterator begin() const { return Iterator(own_); }
  std::default_sentinel_t end() const { return {}; }

 private:
  postern_instance own_;
};

}  // namespace postern::detail

// Which instances of the chain made the response that is on its way to the client. None of them is asked about it in a response hook,
// or a hook that always fails or answers would bring its own response back to itself for ever.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "plan/chain.h"

namespace postern::proxy {

class ResponseMakers {
 public:
  // The response is now the answer that `link` gave in a response hook.
  void answered(const Link& link) {
    for (Maker& maker : makers_) maker.of_current = false;
    add(link).answered = true;
  }
  // The response is now an error of the gateway's about `link`, in place of what those before it made.
  void failed(const Link& link) { add(link); }

  bool made_current(const Link& link) const noexcept {
    const Maker* maker = find(link);
    return maker != nullptr && maker->of_current;
  }
  // An instance answers once: two that answer each other's responses would never end.
  bool has_answered(const Link& link) const noexcept {
    const Maker* maker = find(link);
    return maker != nullptr && maker->answered;
  }

 private:
  struct Maker {
    std::uint32_t position;
    bool of_current;
    bool answered;
  };
  const Maker* find(const Link& link) const noexcept {
    auto is_it = [&](const Maker& maker) { return maker.position == link.position; };
    auto found = std::find_if(makers_.begin(), makers_.end(), is_it);
    return found != makers_.end() ? &*found : nullptr;
  }
  Maker& add(const Link& link) {
    Maker maker{link.position, true, has_answered(link)};
    std::erase_if(makers_, [&](const Maker& known) { return known.position == link.position; });
    return makers_.emplace_back(maker);
  }

  std::vector<Maker> makers_;  // empty for all but a few exchanges
};

}  // namespace postern::proxy

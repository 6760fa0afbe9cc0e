// Close-then-free ownership of libuv handles: the raw handle outlives its owner and frees itself in the close callback.
#pragma once

#include <uv.h>

#include <memory>

namespace postern::net {

template <class H>
struct CloseHandle {  // only for handles whose uv_*_init succeeded
  void operator()(H* handle) const noexcept {
    auto* raw = reinterpret_cast<uv_handle_t*>(handle);
    raw->data = nullptr;  // from here no callback reaches the owner
    uv_close(raw, [](uv_handle_t* dead) { delete reinterpret_cast<H*>(dead); });
  }
};
template <class H>
using HandlePtr = std::unique_ptr<H, CloseHandle<H>>;

}  // namespace postern::net

// HTTP/2 towards upstreams, on nghttp2: many requests at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "http/codec.h"

namespace postern::http {

struct H2ClientOptions {
  static constexpr std::uint32_t kMaxHeadSent = 64U << 20;  // any that a plugin could mean
  static constexpr std::uint32_t kWindow = 256 * 1024;
  std::uint32_t stream_window = kWindow;  // bytes of one response that may wait here while it is paused
  std::string_view scheme = "http";       // of all requests; outlives the codec
  std::int64_t* held_total = nullptr;     // where those bytes are counted with others'; outlives the codec
  std::uint32_t most_head_sent = kMaxHeadSent;
};

// `events` and `out` outlive the codec. `out` takes what the codec has to say at any time, the preface included; the sinks
// of the single calls are not used. What comes while a response is paused is held back here, up to its window; other
// responses go on.
std::unique_ptr<ClientCodec> make_h2_client_codec(ClientEvents& events, const HeadLimits& limits, ByteSink& out,
                                                  const H2ClientOptions& options = {});

}  // namespace postern::http

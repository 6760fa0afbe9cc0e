// Any bytes of an upstream: no crash, and the same events however they are split and paused. The first byte chooses the
// request that they answer.
#include <cstdint>
#include <cstdlib>

#include "core/http/recorders.h"

namespace {

using postern::http::testing::ClientRecorder;

std::string events_of(std::uint8_t choice, std::string_view bytes, std::size_t piece, bool pauses) {
  postern::http::HeadLimits limits;
  limits.head_bytes = 1000;
  limits.fields = 10;
  ClientRecorder client(limits);
  client.pauses = pauses;
  client.request(choice % 3 == 1 ? "HEAD" : "GET", choice % 3 == 2);
  client.feed(bytes, piece);
  client.feed_eof();
  bool reusable = client.finish();
  if (reusable) std::abort();  // it has closed
  return client.text();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  auto whole = events_of(data[0], bytes, size, false);
  if (events_of(data[0], bytes, 1, false) != whole) std::abort();
  if (events_of(data[0], bytes, 7, true) != whole) std::abort();
  return 0;
}

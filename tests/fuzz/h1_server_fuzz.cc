// Any bytes of a client: no crash, and the same events however they are split and paused.
#include <cstdint>
#include <cstdlib>

#include "core/http/recorders.h"

namespace {

using postern::http::testing::ServerRecorder;

std::string events_of(std::string_view bytes, std::size_t piece, bool pauses) {
  postern::http::HeadLimits limits;
  limits.request_line_bytes = 200;
  limits.head_bytes = 1000;
  limits.fields = 10;
  ServerRecorder server(limits);
  server.pauses = pauses;
  server.feed(bytes, piece);
  server.feed_eof();
  return server.text() + server.out.bytes;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto whole = events_of(bytes, size, false);
  if (events_of(bytes, 1, false) != whole) std::abort();
  if (events_of(bytes, 7, true) != whole) std::abort();
  return 0;
}

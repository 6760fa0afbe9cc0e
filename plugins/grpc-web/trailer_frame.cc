#include "trailer_frame.h"

#include <postern/text/ascii.h>

namespace {

constexpr char kTrailers = '\x80';

}  // namespace

void TrailerFrame::add(std::string_view name, std::string_view value) {
  for (char c : name) lines_ += postern::to_lower(c);
  lines_.append(": ").append(value).append("\r\n");
}

std::string TrailerFrame::bytes() const {
  std::string frame(1, kTrailers);
  for (int shift = 24; shift >= 0; shift -= 8) frame += static_cast<char>(lines_.size() >> shift & 0xff);
  return frame + lines_;
}

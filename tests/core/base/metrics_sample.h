// A line of what is shown to whoever asks for the metrics.
#pragma once

#include <string>

#include "base/metrics.h"

namespace postern {

// The rest of the line that begins with `sample`, or "".
inline std::string sample(const std::string& begin) {
  std::string text = metrics().expose();
  auto at = text.find("\n" + begin + " ");
  if (at == std::string::npos) return "";
  at += begin.size() + 2;
  return text.substr(at, text.find('\n', at) - at);
}

}  // namespace postern

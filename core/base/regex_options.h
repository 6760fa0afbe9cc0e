// How every expression is read: bytes, not UTF-8, for that is what clients send. For regex.cc and regex_set.cc alone.
#pragma once

#include <re2/re2.h>

#include <cstdint>

namespace postern {

inline re2::RE2::Options regex_options(std::int64_t max_memory) {
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);
  options.set_log_errors(false);
  options.set_max_mem(max_memory);
  return options;
}

}  // namespace postern

// A response in the hands of an exchange: what a plugin or the gateway answers, or what the upstream has answered.
#pragma once

#include <postern/abi.h>

#include <cstdint>
#include <string_view>

#include "http/message.h"

namespace postern::proxy {

// All of it lives in the exchange's arena. Of an upstream's response it holds the head and the origin alone; its body streams.
struct LocalAnswer {
  http::ResponseHead* head = nullptr;  // null: there is no answer
  std::string_view body = {};
  std::string_view code = {};     // of an error: "RATE_LIMITED"
  std::string_view message = {};  // of an error, in words
  std::uint32_t origin = POSTERN_ORIGIN_NONE;
};

}  // namespace postern::proxy

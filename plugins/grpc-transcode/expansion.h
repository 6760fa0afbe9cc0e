// How much memory a message would take once it is parsed. Two bytes of the wire can be a message of hundreds.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <string_view>

struct MemoryBudget {
  std::int64_t bytes;
  std::int64_t for_each_field = 0;  // of a message's type, besides the message itself
};

// False: the message takes more than about that. What is malformed counts up to there, and is for the parser to find.
bool fits(const google::protobuf::Message& prototype, google::protobuf::MessageFactory& factory, std::string_view bytes,
          const MemoryBudget& budget);

// How much memory a message would take once it is parsed. Two bytes of the wire can be a message of hundreds.
#pragma once

#include <google/protobuf/message.h>

#include <cstdint>
#include <string_view>

struct MemoryBudget {
  std::int64_t bytes;
  std::int64_t for_each_field = 0;  // of a message's type, besides the message itself
};

struct Fit {
  // False: it takes more than about that, with what each google.protobuf.Any in it holds, or these are nested too deeply.
  bool fits;
  bool has_any;      // parsing may join two of them to another: what is printed has to be judged by itself
  bool well_formed;  // what they hold, which the parser of the message does not look into
};

// What is malformed counts up to there, and is for the parser to find.
Fit fit(const google::protobuf::Message& prototype, google::protobuf::MessageFactory& factory, std::string_view bytes,
        const MemoryBudget& budget);

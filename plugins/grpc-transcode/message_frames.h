// The messages of a gRPC stream: a flag, four bytes of length, the message. However the bytes are cut.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

// A message that is not compressed, framed.
std::string framed(std::string_view message);

class MessageReader {
 public:
  // Bytes of one message at most.
  explicit MessageReader(std::size_t limit = 0) : limit_(limit) {}

  // Takes what came; next() then gives one message after another.
  void feed(std::string_view bytes);
  // Valid until the next call. Nothing: no whole message is here, or problem() says why there will be none.
  std::optional<std::string_view> next();
  // What is wrong with the stream, in words for the client: a compressed message, an unknown flag, one that is too long.
  std::string_view problem() const { return problem_; }
  // The stream may end here: no part of a message is left.
  bool at_boundary() const { return at_ == bytes_.size(); }

 private:
  std::size_t limit_;
  std::string bytes_;
  std::size_t at_ = 0;  // of the first byte that next() has not given
  std::string_view problem_;
};

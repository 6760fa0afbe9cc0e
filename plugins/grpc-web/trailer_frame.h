// The last frame of a gRPC-Web response: what gRPC says in trailers, where browsers can read it (PROTOCOL-WEB.md).
#pragma once

#include <string>
#include <string_view>

class TrailerFrame {
 public:
  // `value` has no line ends.
  void add(std::string_view name, std::string_view value);
  // The flag 0x80, four bytes of length, then the lines "grpc-status: 0\r\n".
  std::string bytes() const;

 private:
  std::string lines_;
};

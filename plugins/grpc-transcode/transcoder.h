// The calls of a descriptor set as its annotations (google.api.http) map them to HTTP: which request makes which call, the message
// that it sends, and the JSON of the messages that come back. Knows no gateway; immutable once made, for any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "path_template.h"

// How messages are printed, named like the options of protobuf, and what they may cost.
struct Options {
  bool always_print_primitive_fields = false;
  bool preserve_proto_field_names = false;
  bool always_print_enums_as_ints = false;
  std::int64_t message_memory = 64 * 1024 * 1024;  // bytes that a message from the upstream may take once it is parsed
};

// One way to make a call.
struct Call {
  std::string path;  // "/library.v1.Library/GetBook"
  bool takes_body = false;
  bool client_streams = false;  // which a request of HTTP cannot make
  bool server_streams = false;
};

class Transcoder {
 public:
  // `descriptors`: a google.protobuf.FileDescriptorSet with all that it imports. `services`: full names; none: all. Null when
  // something is wrong, and `problems` says what.
  static std::unique_ptr<const Transcoder> make(std::string_view descriptors, const std::vector<std::string>& services,
                                                const Options& options, std::vector<std::string>& problems);
  ~Transcoder();

  struct Found {
    const Call* call = nullptr;  // lives as long as the transcoder
    std::vector<PathVariable> variables;
    std::vector<std::string_view> methods;  // when there is no call: of those that the path has
  };
  Found find(std::string_view method, std::string_view path) const;

  struct Problem {
    std::string text;
  };
  // The message that a request sends. The problem is the client's.
  std::variant<std::string, Problem> request(const Call& call, const std::vector<PathVariable>& variables,
                                             std::string_view query, std::string_view body) const;
  // The JSON of a message that came back. The problem is the server's.
  std::variant<std::string, Problem> response(const Call& call, std::string_view message) const;

 private:
  struct Catalogue;
  explicit Transcoder(std::unique_ptr<Catalogue> catalogue);
  std::unique_ptr<Catalogue> catalogue_;
};

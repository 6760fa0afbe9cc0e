// A configuration value with its place in the file. What plugins get as their configuration is made of these.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace postern::config {

struct Position {
  std::shared_ptr<const std::string> file;  // shared by all nodes of one file
  int line = 0;                             // from 1; 0: not from a file
  int column = 0;
  std::string text() const;  // "gateway.yaml:14:7"
};

struct Node {
  enum class Kind : std::uint8_t { null, boolean, integer, number, string, list, map };
  Kind kind = Kind::null;
  bool boolean = false;
  std::int64_t integer = 0;
  double number = 0;
  std::string string;       // also the text as written of every scalar
  bool quoted = false;      // the scalar stood in quotes: always a string
  bool secret = false;      // masked wherever configuration is shown
  bool broken = false;      // a problem with it has been reported already (an unset environment variable)
  std::vector<Node> items;  // list
  std::vector<std::pair<std::string, Node>> members;  // map, in written order
  std::vector<Position> key_positions;                // map: where each key stands
  Position position;

  Node() = default;  // said here because clang 14 makes the implicit one while the class is still incomplete
  const Node* find(std::string_view key) const;
  Node* find(std::string_view key);
};

std::string_view name_of(Node::Kind kind);  // "a list", "a string"

// One thing wrong with the configuration. All of them are reported at once.
struct Problem {
  Position position;
  std::string path;          // "routes/users/plugins/rate-limit/limit"
  std::string text;          // what was expected, what was found, the nearest name
  std::string line() const;  // "gateway.yaml:14:7: routes/users: ..."
};
using Problems = std::vector<Problem>;

// The known name nearest to `word`, or empty when none is near (edit distance up to a third of its length).
std::string nearest(std::string_view word, const std::vector<std::string>& known);

// Scalars with units. Errors say what was expected.
bool parse_duration_ms(std::string_view text,
                       std::int64_t& ms);  // "250ms" "10s" "5m" "1h" "2d"; a bare 0; fractions "1.5s"
bool parse_size(std::string_view text, std::int64_t& bytes);  // "64k" "10m" "1g" (powers of 1024), "512b", bare bytes
std::string show_duration(std::int64_t ms);                   // the shortest exact form: "250ms", "10s"
std::string show_size(std::int64_t bytes);

}  // namespace postern::config

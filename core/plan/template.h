// Texts with variables: "${request.method} ${path.id}". Compiled once, expanded for each exchange.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "plan/variables.h"

namespace postern::proxy {

// A value as text: strings as they are, numbers in decimal, "true" and "false", none as "". A view into `arena` or of
// the value's own string.
std::string_view text_of(const Value& value, Arena& arena);

// Immutable after compile; for any thread. `$${` stands for the text `${`; a `$` before anything else for itself.
class Template {
 public:
  static constexpr std::size_t kLongest = 64 * 1024;
  static constexpr std::size_t kMaxPieces = 256;

  struct Piece {
    std::string text;         // before the variable
    VariableId variable = 0;  // 0: none, only in the last piece
  };

  // Errors name the character: `"${request.pth" has no closing brace, at character 4`.
  static Result<Template> compile(std::string_view text);

  bool empty() const noexcept { return pieces_.empty(); }  // compiled from "", or not at all
  // Unset variables become nothing. Valid as long as the template, the arena and the exchange's values are.
  std::string_view expand(const VariableReader& reader, Arena& arena) const;

  std::span<const Piece> pieces() const noexcept { return pieces_; }
  std::vector<VariableId> variables() const;  // each once, in order of appearance

 private:
  std::vector<Piece> pieces_;
};

}  // namespace postern::proxy

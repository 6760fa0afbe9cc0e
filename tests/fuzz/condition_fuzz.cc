// Any text as a condition and as a template: compiles or is refused, and what compiles can be evaluated.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/condition.h"
#include "server/template.h"

namespace {

class EveryVariable final : public postern::server::VariableReader {
 public:
  postern::server::Value variable(postern::server::VariableId id) const override {
    using postern::server::Value;
    switch (id % 4) {
      case 0:
        return {};
      case 1:
        return Value::of(std::string_view("/api/aaaaaaaaaaaaaaaaaaaaaaaa"));
      case 2:
        return Value::of(std::int64_t{7});
      default:
        return Value::of(true);
    }
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  EveryVariable variables;
  if (auto condition = postern::server::Condition::compile(text)) condition->holds(variables);
  if (auto compiled = postern::server::Template::compile(text)) {
    postern::BlockPool pool;
    postern::Arena arena(pool);
    compiled->expand(variables, arena);
  }
  return 0;
}

// Any text as a condition and as a template: compiles or is refused, and what compiles can be evaluated.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "plan/condition.h"
#include "plan/template.h"

namespace {

class EveryVariable final : public postern::proxy::VariableReader {
 public:
  postern::proxy::Value variable(postern::proxy::VariableId id) const override {
    using postern::proxy::Value;
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
  if (auto condition = postern::proxy::Condition::compile(text)) condition->holds(variables);
  if (auto compiled = postern::proxy::Template::compile(text)) {
    postern::BlockPool pool;
    postern::Arena arena(pool);
    compiled->expand(variables, arena);
  }
  return 0;
}

// "expression": the language of `when` for the keys of plugins, compiled while an instance is configured.
#include "plugin/host_tables/compiled_texts.h"
#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/lookup.h"

namespace postern::plugin {
namespace {

using Answer = proxy::Condition::Answer;

postern_expression compile(postern_instance instance, postern_str text, std::uint64_t hook,
                           postern_str* error) noexcept {
  if (!may_compile(instance, error)) return nullptr;
  return compile_text(instance, instance->expressions, text, hook, error);
}

std::int32_t holds(postern_exchange handle, postern_expression e) noexcept {
  if (e == nullptr) return POSTERN_E_INVALID;
  return with_exchange(handle, [&](proxy::Exchange& x) -> postern_status {
    Answer answer = x.holds(e->compiled);
    return answer == Answer::unjudged ? POSTERN_E_FAILED : answer == Answer::yes ? 1 : 0;
  });
}

}  // namespace

const postern_expression_table& expression_table() {
  static const postern_expression_table table{sizeof(table), 1, &compile, &holds};
  return table;
}

}  // namespace postern::plugin

// "template": texts with ${variable} in them, compiled while an instance is configured.
#include "plan/template.h"
#include "plan/variables.h"
#include "plugin/host_tables/compiled_texts.h"
#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/lookup.h"

namespace postern::plugin {
namespace {

postern_template compile(postern_instance instance, postern_str text, std::uint64_t hook, postern_str* error) noexcept {
  if (!may_compile(instance, error)) return nullptr;
  return compile_text(instance, instance->templates, text, hook, error);
}

postern_status expand(postern_exchange handle, postern_template t, postern_str* text) {
  if (t == nullptr || text == nullptr) return POSTERN_E_INVALID;
  return with_exchange(handle, [&](proxy::Exchange& x) {
    if (!x.has_room(0)) return POSTERN_E_LIMIT;
    *text = str(x.expand(t->compiled));
    return POSTERN_OK;
  });
}

std::uint64_t variable_count(postern_template t) noexcept { return t == nullptr ? 0 : t->compiled.variables().size(); }

postern_str variable_at_view(postern_template t, std::uint64_t index) noexcept {
  if (t == nullptr) return {};
  auto variables = t->compiled.variables();
  return index < variables.size() ? str(proxy::variable_name(variables[index])) : postern_str{};
}

}  // namespace

const postern_template_table& template_table() {
  static const postern_template_table table{sizeof(table), 1, &compile, &expand, &variable_count, &variable_at_view};
  return table;
}

}  // namespace postern::plugin

// "template": texts with ${variable} in them, compiled while an instance is configured.
#include "plan/template.h"
#include "plan/variables.h"
#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/lookup.h"

namespace postern::plugin {
namespace {

constexpr std::size_t kMaxTemplates = 10'000;  // of one instance

postern_template refuse(postern_instance instance, std::string reason, postern_str* error) {
  instance->last_error = std::move(reason);
  if (error != nullptr) *error = str(instance->last_error);
  return nullptr;
}

postern_template compile(postern_instance instance, postern_str text, postern_str* error) noexcept {
  if (error != nullptr) *error = {};
  if (instance == nullptr) return nullptr;
  if (!instance->in_configure) {  // last_error is the control thread's alone
    if (error != nullptr) *error = str("templates are compiled in on_configure");
    return nullptr;
  }
  if (!usable(text, proxy::Template::kLongest)) return refuse(instance, "the template is too long", error);
  if (instance->templates.size() >= kMaxTemplates) return refuse(instance, "too many templates", error);
  auto compiled = proxy::Template::compile(view(text));
  if (!compiled) return refuse(instance, compiled.error().text, error);
  instance->templates.push_back(std::make_unique<postern_template_s>());
  instance->templates.back()->compiled = std::move(*compiled);
  return instance->templates.back().get();
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

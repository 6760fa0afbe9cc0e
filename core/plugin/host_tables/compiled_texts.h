// What the tables "template" and "expression" share: texts that are compiled while an instance is configured and live with it.
#pragma once

#include <postern/abi.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "plan/variables.h"
#include "plugin/host_tables/lookup.h"
#include "plugin/instance.h"

namespace postern::plugin {

constexpr std::size_t kMaxCompiledTexts = 10'000;  // of one kind and instance

template <class Object>
const Object* refuse_text(postern_instance instance, std::string reason, postern_str* error) {
  instance->last_error = std::move(reason);
  if (error != nullptr) *error = str(instance->last_error);
  return nullptr;
}

// What the text names counts as read at `hook`. Object: a struct with the member `compiled`.
template <class Object>
const Object* compile_text(postern_instance instance, std::vector<std::unique_ptr<Object>>& objects, postern_str text,
                           std::uint64_t hook, postern_str* error) {
  using Compiled = decltype(Object::compiled);
  if (!usable(text, Compiled::kLongest)) return refuse_text<Object>(instance, "the text is too long", error);
  if (objects.size() >= kMaxCompiledTexts) return refuse_text<Object>(instance, "too many such texts", error);
  auto compiled = Compiled::compile(view(text));
  if (!compiled) return refuse_text<Object>(instance, compiled.error().text, error);
  objects.emplace_back(new Object{std::move(*compiled)});
  for (proxy::VariableId id : objects.back()->compiled.variables())
    instance->declared.reads.push_back({std::string(proxy::variable_name(id)), {}, hook});
  return objects.back().get();
}

// False off on_configure; last_error is the control thread's alone, so that *error is a constant then.
inline bool may_compile(postern_instance instance, postern_str* error) noexcept {
  if (error != nullptr) *error = {};
  if (instance != nullptr && instance->in_configure) return true;
  if (error != nullptr) *error = str("it is compiled in on_configure");
  return false;
}

}  // namespace postern::plugin

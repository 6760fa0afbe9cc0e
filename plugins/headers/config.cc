#include "config.h"

#include <postern/text/ascii.h>

#include <algorithm>

namespace {

bool check_name(postern::Setup& setup, postern::Node at, std::string_view name, Message message, Change change) {
  auto why = refusal(name, message, change);
  if (why.empty()) return true;
  setup.error(at, '"' + std::string(name) + "\" " + std::string(why));
  return false;
}

bool contains(const std::vector<NewHeader>& headers, std::string_view name) {
  return std::any_of(headers.begin(), headers.end(),
                     [&](const NewHeader& h) { return postern::same_ignoring_case(h.name, name); });
}

std::vector<NewHeader> read_values(postern::Setup& setup, postern::Node map, Message message, Change change) {
  std::vector<NewHeader> values;
  for (auto [name, value] : map.members()) {
    if (!check_name(setup, value, name, message, change)) continue;
    if (has_controls(value.string())) {
      setup.error(value, "a header's value is one line, without control characters");
      continue;
    }
    if (change == Change::set && contains(values, name)) {
      setup.error(value, '"' + std::string(name) + "\" is set twice");
      continue;
    }
    auto compiled = setup.compile(value, message == Message::request ? POSTERN_HOOK_REQUEST : POSTERN_HOOK_RESPONSE);
    bool constant = value.string().find('$') == std::string_view::npos;
    values.push_back({std::string(name), std::string(value.string()), constant ? postern::Template() : compiled});
  }
  return values;
}

}  // namespace

std::size_t Changes::templates() const noexcept {
  auto is_template = [](const NewHeader& header) { return static_cast<bool>(header.value); };
  return static_cast<std::size_t>(std::count_if(set.begin(), set.end(), is_template) +
                                  std::count_if(add.begin(), add.end(), is_template));
}

Changes read_changes(postern::Setup& setup, postern::Node node, Message message) {
  Changes changes;
  for (auto name : node["remove"])
    if (check_name(setup, name, name.string(), message, Change::remove)) changes.remove.emplace_back(name.string());
  changes.set = read_values(setup, node["set"], message, Change::set);
  changes.add = read_values(setup, node["add"], message, Change::add);
  return changes;
}

// Plugin lists: `plugins`, `services`, `stacks`.
#include <algorithm>

#include "config/names.h"
#include "config/report.h"
#include "config/sections.h"

namespace postern::config {
namespace {

constexpr std::size_t kLongestChain = 128;
constexpr std::size_t kMaxExpanded = 1'000'000;  // values; stacks are copied into every chain that names them
constexpr int kDeepestStack = 16;
constexpr Milliseconds kDay = 86'400'000;

const std::vector<std::string> kOnError = {"fail_closed", "fail_open"};
const std::vector<std::string> kModes = {"enforce", "shadow"};
const std::vector<std::string> kStreaming = {"none", "response", "both"};  // as the enum counts
const std::vector<std::string> kHostKeys = {"name", "enabled", "when", "on_error", "timeout", "mode"};

std::size_t count_nodes(const Node& node) {
  std::size_t count = 1;
  for (const Node& item : node.items) count += count_nodes(item);
  for (const auto& member : node.members) count += count_nodes(member.second);
  return count;
}

// The host's own keys, under `_`.
void read_host_keys(const Cursor& map, PluginUse& use) {
  Fields fields(map);
  if (auto name = fields.find("name"); name && name->read(use.name) && !is_name(use.name))
    name->expected("a name of letters, digits, \".\", \"_\" and \"-\"");
  fields.read_bool("enabled", use.enabled);
  fields.read("when", use.when);
  std::size_t choice = 0;
  if (auto on_error = fields.find("on_error"); on_error && on_error->read_choice(choice, kOnError))
    use.fail_open = choice == 1;
  fields.read_duration("timeout", use.timeout, 1, kDay);
  choice = 0;
  if (auto mode = fields.find("mode"); mode && mode->read_choice(choice, kModes)) use.shadow = choice == 1;
  fields.finish();
}

// Takes `_` out of a plugin's configuration.
void take_host_keys(const Cursor& map, PluginUse& use) {
  auto& members = use.config.members;
  auto found = std::find_if(members.begin(), members.end(), [](const auto& m) { return m.first == "_"; });
  if (found == members.end()) return;
  read_host_keys(map.below(found->second, "_"), use);
  use.config.key_positions.erase(use.config.key_positions.begin() + (found - members.begin()));
  members.erase(found);
}

std::string keys_of(const Node& map) {
  std::string out;
  for (std::size_t i = 0; i < map.members.size() && i < 4; ++i) out += (i > 0 ? ", " : "") + map.members[i].first;
  return out;
}

}  // namespace

void Chains::read_stacks(const Cursor& section) {
  if (!section.is_map()) return;
  for (std::size_t i = 0; i < section.node().members.size(); ++i) {
    const auto& [name, list] = section.node().members[i];
    Cursor cursor = section.below(list, name);
    if (!is_plugin_name(name))
      cursor.problem_at(section.node().key_positions[i],
                        "a stack's name has lower-case letters, digits, \"-\" and \"_\"");
    read_stack(cursor, stacks_[name]);
  }
  for (auto& [name, stack] : stacks_) check_stack(name, stack, 1, section.problems());
}

// A list, or a map with the list and what the stack demands of every chain that has it.
void Chains::read_stack(const Cursor& value, Stack& stack) {
  if (value.node().kind != Node::Kind::map) {
    stack.entries = read_entries(value);
    return;
  }
  Fields fields(value);
  if (auto streaming = fields.find("streaming")) read_streaming(*streaming, stack.streaming);
  if (auto plugins = fields.find("plugins")) stack.entries = read_entries(*plugins);
  if (value.node().members.empty()) value.expected("plugins, streaming or both");
  fields.finish();
}

void read_streaming(const Cursor& value, Streaming& streaming) {
  std::size_t choice = 0;
  if (value.read_choice(choice, kStreaming)) streaming = static_cast<Streaming>(choice);
}

void Chains::read_chain(const Cursor& list, std::vector<PluginUse>& chain, StreamingDemand& streaming) {
  expand(read_entries(list), {}, {chain, streaming}, list.problems());
  if (chain.size() > kLongestChain)
    list.problem("a chain has at most 128 plugins, found " + std::to_string(chain.size()) + " with its stacks");
}

void Chains::read_services(const Cursor& list, std::vector<PluginUse>& services) {
  for (Entry& entry : read_entries(list)) {
    if (entry.stack.empty())
      services.push_back(std::move(entry.use));
    else
      add_problem(list.problems(), entry.position, entry.path, "a stack is part of a chain and cannot be a service");
  }
}

std::vector<Chains::Entry> Chains::read_entries(const Cursor& list) {
  std::vector<Entry> entries;
  if (!list.is_list()) return entries;
  for (const Node& item : list.node().items) {
    Entry entry;
    if (read_entry(list.below(item, std::to_string(entries.size())), entry)) entries.push_back(std::move(entry));
  }
  return entries;
}

// `name`, `name: {config}` or `stack: NAME`.
bool Chains::read_entry(const Cursor& item, Entry& entry) {
  const Node& node = item.node();
  std::string list_path = item.path().substr(0, item.path().rfind('/') + 1);
  if (node.kind == Node::Kind::string && !node.broken) {
    entry.use.plugin = node.string;
    entry.position = node.position;
    entry.path = list_path + node.string;
    Node nothing;
    nothing.position = node.position;
    return read_plugin(Cursor(nothing, entry.path, item.problems()), entry);
  }
  if (node.kind != Node::Kind::map) return item.expected("a plugin: its name, or its name and a map with its keys");
  if (node.members.size() != 1) {
    item.problem("expected one plugin, found the keys " + keys_of(node) +
                 "; indent a plugin's own keys under its name, and begin each plugin with \"-\"");
    return false;
  }
  entry.position = node.key_positions[0];
  const auto& [name, value] = node.members[0];
  entry.path = list_path + name;
  Cursor cursor(value, entry.path, item.problems());
  if (name == "stack") return cursor.read(entry.stack);
  entry.use.plugin = name;
  return read_plugin(cursor, entry);
}

bool Chains::read_plugin(const Cursor& value, Entry& entry) {
  PluginUse& use = entry.use;
  if (!is_plugin_name(use.plugin)) {
    value.problem_at(entry.position,
                     "a plugin's name has lower-case letters, digits, \"-\" and \"_\", found " + shown(use.plugin));
    return false;
  }
  if (!value.is_map()) return false;
  use.name = use.plugin;
  use.position = entry.position;
  use.config = value.node();
  if (use.config.kind == Node::Kind::null) {
    use.config.kind = Node::Kind::map;
    use.config.position = entry.position;
  }
  take_host_keys(value, use);
  entry.nodes = count_nodes(use.config);
  return true;
}

Chains::Stack* Chains::find_stack(const Entry& entry, Problems& problems) {
  auto found = stacks_.find(entry.stack);
  if (found != stacks_.end()) return &found->second;
  std::vector<std::string> known;
  for (const auto& [name, stack] : stacks_) known.push_back(name);
  std::string near = suggestion(entry.stack, known);
  if (near.empty()) near = known.empty() ? "; \"stacks\" defines none" : "; known are " + listed(known);
  add_problem(problems, entry.position, entry.path, "there is no stack " + shown(entry.stack) + near);
  return nullptr;
}

// Depth-first; a stack met again while it is open contains itself.
void Chains::check_stack(const std::string& name, Stack& stack, int depth, Problems& problems) {
  if (stack.state != Stack::State::unseen) return;
  stack.state = Stack::State::open;
  bool good = depth <= kDeepestStack;
  for (const Entry& entry : stack.entries) {
    if (entry.stack.empty() || !good) continue;
    Stack* inner = find_stack(entry, problems);
    if (!inner) continue;
    if (inner->state == Stack::State::open) {
      good = false;
      add_problem(problems, entry.position, entry.path,
                  "the stack " + shown(name) + " contains itself through " + shown(entry.stack));
      continue;
    }
    check_stack(entry.stack, *inner, depth + 1, problems);
    good = good && inner->state == Stack::State::good;
    stack.height = std::max(stack.height, inner->height + 1);
  }
  bool too_deep = depth > kDeepestStack || (good && stack.height > kDeepestStack);
  if (too_deep) problems_too_deep(name, stack, problems);
  stack.state = good && !too_deep ? Stack::State::good : Stack::State::bad;
}

void Chains::problems_too_deep(const std::string& name, const Stack& stack, Problems& problems) {
  Position position = stack.entries.empty() ? Position() : stack.entries.front().position;
  add_problem(problems, position, "stacks/" + name, "stacks are nested more than 16 deep");
}

// Stacks within stacks were found (or reported) by read_stacks already.
void Chains::expand(const std::vector<Entry>& entries, const std::string& from, Expansion into, Problems& problems) {
  for (const Entry& entry : entries) {
    if (into.chain.size() > kLongestChain) return;  // reported by the caller
    expanded_ += entry.nodes;
    if (expanded_ > kMaxExpanded) {
      add_problem(problems, entry.position, entry.path, "the chains have more than 1000000 values with their stacks");
      return;
    }
    if (entry.stack.empty()) {
      into.chain.push_back(entry.use);
      into.chain.back().stack = from;
      continue;
    }
    auto inner = stacks_.find(entry.stack);
    if (from.empty()) find_stack(entry, problems);
    if (inner == stacks_.end() || inner->second.state != Stack::State::good) continue;
    if (inner->second.streaming > into.streaming.what) into.streaming = {inner->second.streaming, entry.stack};
    expand(inner->second.entries, entry.stack, into, problems);
  }
}

}  // namespace postern::config

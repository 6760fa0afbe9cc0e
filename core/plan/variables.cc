#include "plan/variables.h"

#include <postern/text/ascii.h>

#include <mutex>
#include <string>
#include <unordered_map>

#include "plan/builtin_variables.h"

namespace postern::proxy {
namespace {

constexpr std::size_t kMaxNameLength = 128;

VariableInfo classify(std::string_view name) {
  const BuiltinVariable* builtin = find_builtin_variable(name);
  if (builtin == nullptr || !builtin->is_family()) return {builtin, {}, name};
  return {builtin, name.substr(builtin->name.size()), name};
}

bool well_formed(std::string_view name) {
  if (name.empty() || name.size() > kMaxNameLength) return false;
  for (char c : name) {
    bool good = is_lower(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
    // Parameters, cookies and query keys are case-sensitive and come after their family's prefix.
    if (!good && !is_upper(c)) return false;
  }
  for (char c : name.substr(0, name.find('.')))
    if (is_upper(c)) return false;
  return true;
}

class Names {
 public:
  VariableId id(std::string_view name) {
    std::lock_guard lock(mutex_);
    if (auto found = ids_.find(std::string(name)); found != ids_.end()) return found->second;
    if (next_ >= detail::variables.size()) return 0;
    const auto& [kept, id] = *ids_.emplace(name, next_).first;
    detail::variables[id].store(new VariableInfo(classify(kept)), std::memory_order_release);
    ++next_;
    return id;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<std::string, VariableId> ids_;  // names stay where they are
  VariableId next_ = 1;
};

}  // namespace

constinit std::array<std::atomic<const VariableInfo*>, kMaxVariableNames> detail::variables{};

VariableId variable_id(std::string_view name) {
  static Names& names = *new Names;  // never destroyed: the views of its names live for ever
  return well_formed(name) ? names.id(name) : 0;
}

}  // namespace postern::proxy

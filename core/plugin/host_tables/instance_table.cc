// "instance": what an instance says of itself while it is configured, and when it is ready.
#include <bit>
#include <mutex>
#include <unordered_set>

#include "exchange/worker_context.h"
#include "plan/variables.h"
#include "plugin/host.h"
#include "plugin/host_tables/host_tables.h"
#include "plugin/instance.h"

namespace postern::plugin {
namespace {

constexpr std::uint64_t kMaxBuffer = 1ull << 30;

postern_str name_view(postern_instance i) { return i == nullptr ? postern_str{} : str(i->name); }
postern_str scope_view(postern_instance i) { return i == nullptr ? postern_str{} : str(i->scope); }

bool may_declare(postern_instance i) { return i != nullptr && i->in_configure; }

// The key path of a node: found by walking down, since nodes do not know their parents.
bool path_to(const postern_node_s& from, postern_node wanted, std::string& path) {
  if (&from == wanted) return true;
  for (std::size_t i = 0; i < from.children.size(); ++i) {
    auto length = path.size();
    bool is_map = from.value->kind == config::Node::Kind::map;
    path.append("/").append(is_map ? from.value->members[i].first : std::to_string(i));
    if (path_to(from.children[i], wanted, path)) return true;
    path.resize(length);
  }
  return false;
}

void add_problem(postern_instance i, postern_node node, std::string text) {
  std::string path = i->path;
  bool own = node != nullptr && path_to(i->root, node, path);
  i->problems.push_back({own ? node->value->position : i->position, std::move(path), std::move(text)});
}

void config_error(postern_instance i, postern_node node, postern_str text) {
  if (may_declare(i)) add_problem(i, node, std::string(view(text)));
}

void declare_at(postern_instance i, postern_node node) {
  if (may_declare(i)) i->declared_at = node;
}

void declare(postern_instance i, std::vector<Declaration> Declarations::*list, Declaration said) {
  if (may_declare(i)) (i->declared.*list).push_back(std::move(said));
}

// "jwt.claims.*" stands for names as "jwt.claims.x".
bool is_variable(std::string_view name) {
  if (!name.ends_with(".*")) return proxy::variable_id(name) != 0;
  return proxy::variable_id(name.substr(0, name.size() - 2)) != 0;
}

void refuse_declaration(postern_instance i, std::string text) {
  add_problem(i, i->declared_at, "the plugin declares " + std::move(text));
}

void declare_variable(postern_instance i, std::vector<Declaration> Declarations::*list, postern_str name,
                      std::uint64_t hook, postern_str reason = {}) {
  constexpr std::uint64_t kOfExchanges = ((1ull << POSTERN_HOOK_COUNT) - 1) & ~POSTERN_HOOK_CONNECTION;
  if (!may_declare(i)) return;
  std::string variable(view(name));
  if (!is_variable(variable))
    return refuse_declaration(i,
                              '"' + variable +
                                  "\", which is no name for a variable: lower-case letters, digits, '.', '_', '-', at "
                                  "the end \".*\"; 128 bytes at most");
  if (hook != 0 && (!std::has_single_bit(hook) || (hook & kOfExchanges) == 0))
    return refuse_declaration(i, '"' + variable + "\" for what is no hook of exchanges");
  declare(i, list, {std::move(variable), std::string(view(reason)), hook});
}

void declare_provides(postern_instance i, postern_str variable, std::uint64_t hook) {
  declare_variable(i, &Declarations::provides, variable, hook);
}
void declare_consumes(postern_instance i, postern_str variable, std::uint64_t hook, postern_str reason) {
  declare_variable(i, &Declarations::consumes, variable, hook, reason);
}
void declare_reads(postern_instance i, postern_str variable, std::uint64_t hook) {
  declare_variable(i, &Declarations::reads, variable, hook);
}
void declare_before(postern_instance i, postern_str plugin, postern_str reason) {
  declare(i, &Declarations::before, {std::string(view(plugin)), std::string(view(reason))});
}
void declare_after(postern_instance i, postern_str plugin, postern_str reason) {
  declare(i, &Declarations::after, {std::string(view(plugin)), std::string(view(reason))});
}

void declare_offers(postern_instance i, postern_str service, std::uint32_t version) {
  if (may_declare(i)) i->declared.offers.push_back({std::string(view(service)), version, {}});
}
void declare_needs(postern_instance i, postern_str service, std::uint32_t min_version, postern_str reason) {
  if (may_declare(i)) i->declared.needs.push_back({std::string(view(service)), min_version, std::string(view(reason))});
}

void declare_refuses(postern_instance i, std::uint32_t what, postern_str how) {
  if (!may_declare(i)) return;
  i->declared.refuses |= what;
  i->declared.refuses_how = view(how);
}

// A later SDK's struct may be longer: what it asks for beyond this gateway's is unknown here.
bool is_known(const postern_body_policy& policy) {
  if (policy.struct_size < sizeof(policy)) return false;
  std::string_view given(reinterpret_cast<const char*>(&policy), policy.struct_size);
  return given.find_first_not_of('\0', sizeof(policy)) == std::string_view::npos;
}

// What is wrong with it; empty when it is good.
std::string problem_of(const postern_body_policy* policy) {
  if (policy == nullptr || !is_known(*policy) || policy->policy > POSTERN_BODY_BUFFER ||
      policy->on_overflow > POSTERN_OVERFLOW_PEEK || policy->modifies > 1)
    return "the plugin declares a policy for bodies that does not exist";
  bool fits = policy->policy != POSTERN_BODY_BUFFER || (policy->limit > 0 && policy->limit <= kMaxBuffer);
  return fits ? "" : "a body is buffered up to 1 byte at least and 1 GiB at most, not " + std::to_string(policy->limit);
}

postern_status declare_body(postern_instance i, std::uint32_t message, const postern_body_policy* policy) {
  if (!may_declare(i)) return POSTERN_E_STATE;
  if (message > POSTERN_RESPONSE) return POSTERN_E_INVALID;
  const bool of_request = message == POSTERN_REQUEST;
  (of_request ? i->declared.request_body_said : i->declared.response_body_said) = true;
  if (std::string problem = problem_of(policy); !problem.empty()) {
    add_problem(i, i->declared_at, std::move(problem));
    return POSTERN_E_INVALID;
  }
  (of_request ? i->declared.request_body : i->declared.response_body) = *policy;
  return POSTERN_OK;
}

void disable_hooks(postern_instance i, std::uint64_t hooks) {
  if (may_declare(i)) i->declared.disabled_hooks |= hooks;
}

void declare_trail(postern_instance i, std::uint32_t what) {
  if (may_declare(i)) i->declared.trail |= what & (POSTERN_TRAIL_HOOKS | POSTERN_TRAIL_ATTEMPTS);
}

std::int32_t is_shadow(postern_instance i) { return i != nullptr && i->use != nullptr && i->use->shadow ? 1 : 0; }

struct Live {
  std::mutex mutex;
  std::unordered_set<postern_instance> instances;
};
Live& live() {
  static auto* all = new Live;  // plugin threads may report while the process ends
  return *all;
}

void ready(postern_instance i, std::uint32_t worker, postern_status status, postern_str error_text) {
  // A plugin's own thread may report after the instance has been given up and destroyed.
  std::lock_guard lock(live().mutex);
  if (!live().instances.contains(i)) return;
  i->readiness.report(worker, {status, std::string(view(error_text))});
}

}  // namespace

void enter_live(postern_instance instance) {
  std::lock_guard lock(live().mutex);
  live().instances.insert(instance);
}

void leave_live(postern_instance instance) {
  std::lock_guard lock(live().mutex);
  live().instances.erase(instance);
}

const postern_instance_table& instance_table() {
  static const postern_instance_table table{sizeof(table),     1,
                                            &name_view,        &scope_view,
                                            &config_error,     &declare_provides,
                                            &declare_consumes, &declare_reads,
                                            &declare_before,   &declare_after,
                                            &declare_offers,   &declare_needs,
                                            &declare_refuses,  &declare_body,
                                            &disable_hooks,    &ready,
                                            &declare_trail,    &is_shadow,
                                            &declare_at};
  return table;
}

}  // namespace postern::plugin

#include "plugin/generation.h"

#include <algorithm>
#include <exception>
#include <filesystem>
#include <utility>

#include "base/log.h"
#include "exchange/worker_context.h"
#include "net/loop.h"
#include "plan/condition.h"
#include "plugin/data_flow.h"
#include "plugin/fence.h"
#include "plugin/host_tables/collectors.h"
#include "plugin/host_tables/services.h"
#include "plugin/order.h"
#include "plugin/service_order.h"
#include "plugin/streaming.h"
#include "plugin/variable_names.h"

namespace postern::plugin {
namespace {

// A hook that would never be called: whoever relies on it must not believe that bodies are looked at.
void check_body_hook(postern_instance instance, const char* hook, std::uint64_t bit, bool said,
                     config::Problems& problems) {
  const std::uint64_t hooks = hooks_of(*instance->table) & ~instance->declared.disabled_hooks;
  if ((hooks & bit) == 0 || said || instance->scope == "services") return;
  problems.push_back({instance->position, instance->path,
                      "plugin \"" + instance->plugin + "\" has " + hook +
                          " but says neither which bodies it wants to see nor that this configuration needs none"});
}

void check_body_hooks(postern_instance instance, config::Problems& problems) {
  const Declarations& declared = instance->declared;
  check_body_hook(instance, "on_request_body", POSTERN_HOOK_REQUEST_BODY, declared.request_body_said, problems);
  check_body_hook(instance, "on_response_body", POSTERN_HOOK_RESPONSE_BODY, declared.response_body_said, problems);
}

std::string folder_of(const std::string& file) { return std::filesystem::path(file).parent_path().string(); }

}  // namespace

std::string Generation::not_ready_in_time() {
  return "was not ready within " + std::to_string(kReadyDeadlineMs / 1000) + " s";
}

// ---- Building --------------------------------------------------------------------------------------------------------

Generation::Generation(std::shared_ptr<const config::Config> config, std::uint64_t number)
    : config_(std::move(config)), siblings_(number), registry_(config_->plugin_path, folder_of(config_->file)) {}

Generation::~Generation() {
  destroy_instances();
  drop_code();
}

std::shared_ptr<Generation> Generation::build(std::shared_ptr<const config::Config> config, std::uint64_t number,
                                              config::Problems& problems) {
  std::shared_ptr<Generation> g(new Generation(std::move(config), number));
  bool searchable = problems.empty() || !g->config_->plugin_path.empty();  // else each name would be one more problem
  if (searchable) g->configure_all(problems);
  if (problems.empty()) g->check_chains(problems);
  if (problems.empty())
    g->make_plan(problems);
  else
    g->check_routes(problems);
  if (!problems.empty()) return nullptr;
  for (const auto& instance : g->instances_) start_collectors(instance.get());
  return g;
}

void Generation::configure_all(config::Problems& problems) {
  services_ = configure_list(config_->services, "services", "services", problems);
  gateway_ = configure_list(config_->plugins, "gateway", "plugins", problems);
  for (const auto& route : config_->routes) {
    std::string scope = "routes/" + route.id;
    by_route_.push_back(configure_list(route.plugins, scope, scope + "/plugins", problems));
  }
}

// What is disabled is checked against its schema and then left alone: an instance that no worker starts must not publish
// services or declare anything.
std::vector<postern_instance> Generation::configure_list(const std::vector<config::PluginUse>& uses,
                                                         const std::string& scope, const std::string& path,
                                                         config::Problems& problems) {
  std::vector<postern_instance> list;
  for (const auto& use : uses) {
    postern_instance instance = configure(use, scope, path, problems);
    if (instance != nullptr) list.push_back(instance);
  }
  return list;
}

postern_instance Generation::configure(const config::PluginUse& use, const std::string& scope, const std::string& path,
                                       config::Problems& problems) {
  std::string place = path + '/' + use.name;
  auto plugin = registry_.get(use.plugin);
  if (!plugin) {
    problems.push_back({use.position, place, plugin.error().text});
    return nullptr;
  }
  std::size_t before = problems.size();
  if (!use.when.empty())
    if (auto when = proxy::Condition::compile(use.when); !when)
      problems.push_back({use.position, place + "/_/when", when.error().text});
  config::Node checked = (*plugin)->schema().apply(use.config, {place, use.position, config_.get()}, problems);
  if (problems.size() != before || !use.enabled) return nullptr;
  auto owned = std::make_unique<postern_instance_s>();
  postern_instance instance = owned.get();
  instance->name = use.name;
  instance->plugin = (*plugin)->name();
  instance->plugin_version = (*plugin)->version();
  instance->scope = scope;
  instance->log_module = "plugin." + instance->plugin;
  instance->path = place;
  instance->position = use.position;
  instance->use = &use;
  instance->siblings = &siblings_;
  instance->table = &(*plugin)->table();
  instance->callbacks.name(instance->name, instance->scope);
  set_config(instance, std::move(checked));
  plugins_.push_back(*plugin);
  instances_.push_back(std::move(owned));
  enter_live(instance);
  run_configure(instance, problems);
  return problems.size() == before ? instance : nullptr;
}

void Generation::run_configure(postern_instance instance, config::Problems& problems) {
  if (instance->table->on_configure == nullptr) return check_body_hooks(instance, problems);
  instance->in_configure = true;
  instance->readiness.begin();
  postern_status status = fenced(instance, "on_configure", [&] {
    return instance->table->on_configure(instance->table->context, instance, &instance->root, &instance->data);
  });
  std::string error;
  if (status == POSTERN_PENDING) {
    Readiness::Outcome outcome;
    bool in_time = instance->readiness.wait(kReadyDeadlineMs, outcome);
    status = in_time ? outcome.status : POSTERN_E_TIMEOUT;
    error = in_time ? outcome.error : not_ready_in_time();
  }
  instance->in_configure = false;
  for (auto& p : instance->problems) problems.push_back(std::move(p));
  if (!instance->problems.empty()) return;
  if (status == POSTERN_OK) return check_body_hooks(instance, problems);
  if (error.empty()) error = "refused its configuration; its log says why";
  problems.push_back({instance->position, instance->path, "plugin \"" + instance->plugin + "\" " + error});
}

std::vector<postern_instance> Generation::chain_of(std::size_t route) const {
  std::vector<postern_instance> chain = gateway_;
  chain.insert(chain.end(), by_route_[route].begin(), by_route_[route].end());
  return chain;
}

std::vector<postern_instance> Generation::instances() const {
  std::vector<postern_instance> all;
  for (const auto& instance : instances_) all.push_back(instance.get());
  return all;
}

void Generation::check_chain(const std::vector<postern_instance>& chain, const config::StreamingDemand& streaming,
                             const std::string& where, config::Problems& problems) {
  check_order(chain, where, problems);
  check_data_flow(chain, where, problems);
  check_streaming(chain, streaming, where, problems);
}

void Generation::check_chains(config::Problems& problems) const {
  const auto all = instances();
  check_names(all, VariableNames(all), problems);
  check_services(all, registry_, problems);
  check_chain(gateway_, config_->streaming, "plugins", problems);
  if (!problems.empty()) return;  // every route's chain begins with the gateway's: say it once
  for (std::size_t i = 0; i < by_route_.size(); ++i) {
    const auto& route = config_->routes[i];
    check_chain(chain_of(i), route.streaming, "routes/" + route.id, problems);
  }
}

// Hooks of the time before routing belong to the gateway-wide chain alone, and services stand in no chain.
std::uint64_t Generation::hooks_in_use(postern_instance instance, config::Problems& problems) const {
  constexpr std::uint64_t kBeforeRouting = POSTERN_HOOK_CONNECTION | POSTERN_HOOK_REQUEST_EARLY;
  auto hooks = hooks_of(*instance->table) & ~instance->declared.disabled_hooks;
  if (instance->scope == "gateway") return hooks;
  if (instance->scope == "services") return 0;
  bool only_before = (hooks & kBeforeRouting) != 0 && (hooks & ~(kBeforeRouting | POSTERN_HOOK_COMPLETE)) == 0;
  if (only_before)
    problems.push_back({instance->position, instance->path,
                        "\"" + instance->name +
                            "\" works before a route is chosen, so it does nothing here. Move it to the "
                            "gateway-wide plugins."});
  return hooks & ~kBeforeRouting;
}

std::unique_ptr<proxy::Instance> Generation::serving_side(postern_instance instance, config::Problems& problems) const {
  const config::PluginUse& use = *instance->use;
  auto side = std::make_unique<proxy::Instance>();
  side->plugin = instance->table;
  side->data = instance->data;
  side->name = instance->name;
  side->plugin_name = instance->plugin;
  side->plugin_version = instance->plugin_version;
  side->scope = instance->scope;
  side->hooks = hooks_in_use(instance, problems);
  side->fail_open = use.fail_open;
  side->shadow = use.shadow;
  side->timeout_ms = static_cast<std::uint32_t>(use.timeout > 0 ? use.timeout : config_->timeouts.hook);
  side->trail = instance->declared.trail;
  side->request_body = instance->declared.request_body;
  side->response_body = instance->declared.response_body;
  if (!use.when.empty()) side->when = std::make_unique<proxy::Condition>(*proxy::Condition::compile(use.when));
  return side;
}

// What is wrong with routes and upstreams is said together with what is wrong with plugins.
void Generation::check_routes(config::Problems& problems) const {
  const std::vector<std::vector<const proxy::Instance*>> no_plugins(config_->routes.size());
  proxy::Plan::build(config_, number(), {}, {}, no_plugins, problems);
}

void Generation::make_plan(config::Problems& problems) {
  std::vector<std::unique_ptr<proxy::Instance>> sides;
  auto make = [&](const std::vector<postern_instance>& list) {
    std::vector<const proxy::Instance*> made;
    for (postern_instance instance : list) {
      sides.push_back(serving_side(instance, problems));
      sides.back()->number = static_cast<std::uint32_t>(sides.size() - 1);
      instance->serving = sides.back().get();
      made.push_back(sides.back().get());
    }
    return made;
  };
  make(services_);
  auto gateway = make(gateway_);
  std::vector<std::vector<const proxy::Instance*>> by_route;
  for (const auto& list : by_route_) by_route.push_back(make(list));
  plan_ = proxy::Plan::build(config_, number(), std::move(sides), gateway, by_route, problems);
  check_names(*plan_, VariableNames(instances()), problems);
  siblings_.plan = plan_.get();
}

// ---- Releasing -------------------------------------------------------------------------------------------------------

Result<void> Generation::release() {
  for (const auto& instance : instances_) release_services(instance.get());
  if (auto free = unpinned(); !free) return free;
  destroy_instances();
  if (auto free = unpinned(); !free)
    return free;  // they stay readable, and their code mapped, for what on_destroy left
  drop_code();
  return {};
}

Result<void> Generation::unpinned() const {
  for (const auto& instance : instances_) {
    for (std::size_t k = 0; k < kHandleKinds; ++k) {
      auto kind = static_cast<HandleKind>(k);
      auto count = instance->pins.count(kind);
      if (count == 0) continue;
      return fail(Error::gateway(instance->path + " holds " + std::to_string(count) + ' ' + std::string(name_of(kind)) +
                                 (count == 1 ? "" : "s") + ", for " + std::to_string(instance->pins.age_ms(kind)) +
                                 " ms"));
    }
  }
  return {};
}

void Generation::destroy_instances() noexcept {
  if (std::exchange(destroyed_, true)) return;
  for (std::size_t i = instances_.size(); i-- > 0;) {
    postern_instance instance = instances_[i].get();
    leave_live(instance);
    stop_collectors(instance);
    release_services(instance);
    if (instance->data == nullptr || instance->table->on_destroy == nullptr) continue;
    call_plugin(instance, "on_destroy", [&] { instance->table->on_destroy(instance->data); });
  }
}

// With the registry goes the last reference to code that no other generation uses.
void Generation::drop_code() noexcept {
  plugins_.clear();
  registry_ = Registry({}, "");
}

}  // namespace postern::plugin

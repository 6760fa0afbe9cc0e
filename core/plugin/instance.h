// The gateway's side of one plugin instance: what `postern_instance` and `postern_node` of the ABI point to.
// The request path's side of the same instance is proxy::Instance; it is made from this one when a generation is built.
#pragma once

#include <postern/abi.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/metrics.h"
#include "config/config.h"
#include "config/node.h"
#include "exchange/hook_metrics.h"
#include "plan/chain.h"
#include "plan/condition.h"
#include "plan/hook_counters.h"
#include "plan/plan.h"
#include "plan/template.h"

namespace postern::plugin {

// What a plugin can hold that keeps its generation (and so its code) alive. Exchanges are counted by the workers.
enum class HandleKind : std::uint8_t { timer, call, task, service, post, end_callback };
inline constexpr std::size_t kHandleKinds = 6;
std::string_view name_of(HandleKind kind) noexcept;  // "timer"

// On which workers an instance may begin something: a timer, a call, a task, a post. From before its generation starts there
// until its on_worker_stop is over. What it could still begin afterwards would keep it for ever. Any thread.
class Presence {
 public:
  void enter(std::uint32_t worker) noexcept;
  void leave(std::uint32_t worker) noexcept;
  bool on(std::uint32_t worker) const noexcept;
  bool anywhere() const noexcept;

 private:
  static constexpr std::uint32_t kWordBits = 64;
  std::array<std::atomic<std::uint64_t>, 4> workers_{};  // a bit for each
};

// Counted handles of one instance. Any thread.
class Pins {
 public:
  void add(HandleKind kind) noexcept;
  void remove(HandleKind kind) noexcept;
  std::uint64_t count(HandleKind kind) const noexcept;
  bool any() const noexcept;
  // Milliseconds since the count of that kind was 0 the last time; 0 when it is 0 now.
  std::uint64_t age_ms(HandleKind kind) const noexcept;

 private:
  struct Count {
    std::atomic<std::uint64_t> count{0};
    std::atomic<std::uint64_t> since_ms{0};  // monotonic
  };
  std::array<Count, kHandleKinds> counts_;
};

// What the callbacks of one instance cost, worker by worker. Each worker writes its own.
class CallbackCounters {
 public:
  CallbackCounters() = default;
  CallbackCounters(const CallbackCounters&) = delete;
  CallbackCounters& operator=(const CallbackCounters&) = delete;
  // How they are called in the metrics. Before the first callback.
  void name(std::string_view instance, std::string_view scope);
  proxy::CallCounters& on(std::uint32_t worker) {
    for (OfWorker* one = first_.load(std::memory_order_acquire); one != nullptr; one = one->next)
      if (one->worker == worker) return one->counters;
    return make(worker);
  }
  ~CallbackCounters();

 private:
  struct OfWorker {
    OfWorker(std::uint32_t index, std::string_view instance, std::string_view route)
        : worker(index), published(counters, instance, route) {}
    const std::uint32_t worker;
    OfWorker* next = nullptr;
    proxy::CallCounters counters;
    proxy::HookPublication published;
  };
  proxy::CallCounters& make(std::uint32_t worker);

  std::string instance_, route_;
  std::atomic<OfWorker*> first_{nullptr};
};

// A table that one plugin offers to others ("services").
struct PublishedService {
  std::string name;
  const void* table = nullptr;
  postern_instance publisher = nullptr;
};

// What the instances of one generation share. Outlives them.
struct Siblings {
  explicit Siblings(std::uint64_t n) : generation(n) {}
  const std::uint64_t generation;
  const proxy::Plan* plan = nullptr;  // null until the whole generation is built; null during on_configure
  std::mutex services_mutex;          // guards `services`
  std::vector<PublishedService> services;
};

// One thing an instance said of itself: a variable or a plugin, and why.
struct Declaration {
  std::string subject;     // of variables also "jwt.claims.*"
  std::string reason;      // may be empty
  std::uint64_t hook = 0;  // POSTERN_HOOK_* of variables; 0: the first of the instance
};

struct ServiceDeclaration {
  std::string name;
  std::uint32_t version = 0;  // offered, or the least that is needed
  std::string reason;         // of a need
};

struct Declarations {
  std::vector<Declaration> provides, consumes, reads, before, after;
  std::vector<ServiceDeclaration> offers, needs;
  std::uint32_t refuses = 0;  // POSTERN_REFUSES_*
  std::string refuses_how;    // "wants an API key"
  postern_body_policy request_body{};
  postern_body_policy response_body{};
  bool request_body_said = false, response_body_said = false;  // some policy has been declared, NONE perhaps
  std::uint64_t disabled_hooks = 0;
  std::uint32_t trail = 0;  // POSTERN_TRAIL_*
  struct Collector {
    void (*collect)(void* user);
    void* user;
  };
  std::vector<Collector> collectors;
};

// The end of POSTERN_PENDING: of on_configure (the control thread waits), or of on_worker_start and on_worker_stop (a
// callback per worker).
class Readiness {
 public:
  struct Outcome {
    postern_status status = POSTERN_OK;
    std::string error;
  };
  using Done = std::function<void(Outcome)>;

  // on_configure: `begin` before the hook, `wait` when it answered PENDING. False: not within `timeout_ms`.
  void begin();
  bool wait(std::uint64_t timeout_ms, Outcome& outcome);
  // on_worker_start, on_worker_stop: `done` runs once, on the thread that reports; it must pass the outcome on to its
  // worker.
  void begin_worker(std::uint32_t worker, Done done);
  void end_worker(std::uint32_t worker);               // `done` will not be called any more
  void report(std::uint32_t worker, Outcome outcome);  // POSTERN_EVERY_WORKER: about all that still wait

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool configuring_ = false;
  bool reported_ = false;
  Outcome outcome_;
  std::map<std::uint32_t, Done> workers_;
};

}  // namespace postern::plugin

// A place in an instance's configuration.
struct postern_node_s {
  const postern::config::Node* value = nullptr;
  std::vector<postern_node_s> children;  // of a list or map, in written order
  mutable std::string position;          // made when first asked for, under a lock
};

// A compiled template; owned by its instance.
struct postern_template_s {
  postern::proxy::Template compiled;
};

// A compiled condition; owned by its instance.
struct postern_expression_s {
  postern::proxy::Condition compiled;
};

// Filled by the plugin layer before on_configure; immutable while serving except for what says otherwise.
struct postern_instance_s {
  std::string name;    // `_: {name}` or the plugin's
  std::string plugin;  // the plugin's name
  std::string plugin_version;
  std::string scope;                                // "gateway", "routes/ID", "services"
  std::string log_module;                           // "plugin.NAME"
  std::string path;                                 // for problems: "routes/users/plugins/rate-limit"
  postern::config::Position position;               // of its name in the list
  postern::config::Node config;                     // checked against the schema, defaults filled in, formats applied
  const postern::config::PluginUse* use = nullptr;  // as configured; lives with the configuration
  postern_node_s root;                              // view of `config`
  postern::plugin::Siblings* siblings = nullptr;

  const postern_plugin* table = nullptr;              // the plugin's hooks
  void* data = nullptr;                               // what on_configure gave
  const postern::proxy::Instance* serving = nullptr;  // its side on the request path; null until built

  bool in_configure = false;           // on_configure is running: declarations are allowed. Control thread only.
  postern_node declared_at = nullptr;  // where the values of the next declarations stand; null: the instance itself
  postern::plugin::Declarations declared;
  postern::config::Problems problems;  // from config_error
  std::vector<std::unique_ptr<postern_template_s>> templates;
  std::vector<std::unique_ptr<postern_expression_s>> expressions;
  std::string last_error;                         // backs error_view of template->compile and expression->compile
  std::atomic<postern::Logger*> logger{nullptr};  // of log_module; found when the log table is first used
  postern::plugin::Presence presence;             // any thread
  postern::plugin::Pins pins;                     // any thread
  postern::plugin::Readiness readiness;           // any thread
  postern::plugin::CallbackCounters callbacks;    // on workers
  std::vector<postern::Metrics::CollectorId> collectors;  // that run
};

namespace postern::plugin {

void set_config(postern_instance instance, config::Node config);  // and the plugin's view of it
// Between these two, instance->ready finds the instance; before and after, it does nothing. Any thread.
void enter_live(postern_instance instance);
void leave_live(postern_instance instance);

}  // namespace postern::plugin

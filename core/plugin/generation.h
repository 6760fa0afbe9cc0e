// A generation: one configuration with the plugins, scripts and instances that live and die with it. Built aside, started on
// every worker, served, stopped on every worker, released. All on the control thread but start_worker and stop_worker.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "config/config.h"
#include "plan/plan.h"
#include "plugin/instance.h"
#include "plugin/registry.h"

namespace postern::plugin {

class Generation {
 public:
  // For what answered PENDING: on_configure and on_worker_start; on_worker_stop, which the end of the process waits for.
  static constexpr std::uint64_t kReadyDeadlineMs = 10'000;
  static constexpr std::uint64_t kStopDeadlineMs = 3'000;

  // Null when `problems` is not empty afterwards; everything that had been configured is destroyed again. Problems that
  // are there before do not keep the plugins' from being found: all are told at once.
  static std::shared_ptr<Generation> build(std::shared_ptr<const config::Config> config, std::uint64_t number,
                                           config::Problems& problems);
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;
  ~Generation();  // releases what release() has not; then nothing may pin it any more

  std::uint64_t number() const noexcept { return siblings_.generation; }
  const std::shared_ptr<proxy::Plan>& plan() const noexcept { return plan_; }
  // What stands where, for check and explain.
  const std::vector<postern_instance>& gateway() const noexcept { return gateway_; }
  const std::vector<postern_instance>& of_route(std::size_t route) const noexcept { return by_route_[route]; }
  std::vector<postern_instance> chain_of(std::size_t route) const;  // the gateway-wide ones, then the route's
  std::vector<postern_instance> instances() const;                  // in the order in which they start

  // Both on the worker's thread. The instances may begin things there from `enter` on; it comes before any worker's start.
  // `done` runs there too, inside the call or later; after an error the instances that had
  // started are stopped again.
  void enter_worker(std::uint32_t worker) noexcept;
  void start_worker(std::uint32_t worker, std::function<void(Result<void>)> done);
  void give_up_start(std::uint32_t worker);  // of an instance that is not ready yet: `done` runs now, with an error
  // Only after start_worker was done; harmless after an error. `done` runs on the worker's thread, inside the call or later.
  void stop_worker(std::uint32_t worker, std::function<void()> done);

  // Destroys the instances and lets the code go. An error says what still pins them; call again later.
  Result<void> release();
  // An error that says what: "routes/users/plugins/jwt holds 1 task, for 20 ms".
  Result<void> unpinned() const;

 private:
  struct WorkerStart;
  struct WorkerStop;

  Generation(std::shared_ptr<const config::Config> config, std::uint64_t number);
  void configure_all(config::Problems& problems);
  std::vector<postern_instance> configure_list(const std::vector<config::PluginUse>& uses, const std::string& scope,
                                               const std::string& path, config::Problems& problems);
  postern_instance configure(const config::PluginUse& use, const std::string& scope, const std::string& path,
                             config::Problems& problems);
  void run_configure(postern_instance instance, config::Problems& problems);
  static void check_chain(const std::vector<postern_instance>& chain, const config::StreamingDemand& streaming,
                          const std::string& where, config::Problems& problems);
  void check_chains(config::Problems& problems) const;
  void check_routes(config::Problems& problems) const;
  void make_plan(config::Problems& problems);
  std::unique_ptr<proxy::Instance> serving_side(postern_instance instance, config::Problems& problems) const;
  void start_from(const std::shared_ptr<WorkerStart>& start);
  postern_status start_next(const std::shared_ptr<WorkerStart>& start);
  void reported(std::shared_ptr<WorkerStart> start, std::size_t index, Readiness::Outcome outcome);
  void start_failed(const std::shared_ptr<WorkerStart>& start, const Readiness::Outcome& outcome);
  static std::string not_ready_in_time();
  void stop_instances(std::size_t count, std::uint32_t worker, std::function<void()> done);
  void stop_from(const std::shared_ptr<WorkerStop>& stop);
  bool stop_next(const std::shared_ptr<WorkerStop>& stop);
  void stopped(std::shared_ptr<WorkerStop> stop, std::size_t left, const Readiness::Outcome& outcome);
  void destroy_instances() noexcept;
  void drop_code() noexcept;
  std::uint64_t hooks_in_use(postern_instance instance, config::Problems& problems) const;

  std::shared_ptr<const config::Config> config_;
  Siblings siblings_;
  Registry registry_;
  std::vector<std::shared_ptr<Plugin>> plugins_;                // keep the code; one for each instance
  std::vector<std::unique_ptr<postern_instance_s>> instances_;  // in configured order
  std::vector<postern_instance> services_, gateway_;
  std::vector<std::vector<postern_instance>> by_route_;
  std::shared_ptr<proxy::Plan> plan_;
  std::mutex started_mutex_;
  std::vector<std::uint32_t> started_;                             // workers whose instances run
  std::map<std::uint32_t, std::shared_ptr<WorkerStart>> waiting_;  // by worker: for an instance to be ready
  bool destroyed_ = false;
};

}  // namespace postern::plugin

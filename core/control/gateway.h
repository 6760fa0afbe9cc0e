// The running gateway: workers, generations, listeners, signals. Lives on the control thread; the request path never waits
// for it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "config/config.h"
#include "control/lag_watch.h"
#include "control/last_resort.h"
#include "net/address.h"
#include "net/loop.h"
#include "net/signals.h"
#include "net/timer.h"
#include "plugin/generation.h"
#include "server/worker.h"

namespace postern::control {

class Gateway {
 public:
  explicit Gateway(std::string config_file);
  Gateway(const Gateway&) = delete;
  Gateway& operator=(const Gateway&) = delete;
  ~Gateway();

  // Starts, serves until SIGTERM or SIGINT, drains. The exit code: 0 good, 1 the configuration is wrong (nothing was
  // started, every problem is on standard error). When a plugin does not let go at the end, the process exits here, with
  // the code 1 and a log line that names it.
  int run();

 private:
  using Generation = plugin::Generation;
  using Finished = std::function<void()>;
  // What start and reload share: read, build, start the instances on every worker, adopt.
  std::shared_ptr<Generation> build(config::Problems& problems);
  void start_on_workers(std::shared_ptr<Generation> generation, std::function<void(Result<void>)> done);
  void start_instances(std::shared_ptr<Generation> generation, std::function<void(Result<void>)> done);
  Result<void> open_listeners(const config::Config& config);
  void close_listeners_not_in(const config::Config& config);
  void adopt_everywhere(std::shared_ptr<Generation> generation);
  bool start();
  void watch(int signal, std::function<void()> fire);
  bool wait_until_started(const std::shared_ptr<Generation>& generation);
  void announce() const;

  void watch_tls_files();
  void reload();
  void commit_reload(std::shared_ptr<Generation> generation, Result<void> started);
  void reload_failed(const std::string& reason);
  void reload_over();
  void retire(std::shared_ptr<Generation> generation);  // no worker serves it any more
  void stop_on_workers(std::shared_ptr<Generation> generation, Finished done);
  void release_retired();

  void on_terminate();
  void drain_workers();
  void cut_connections();
  void shut_down();
  void end_if_nothing_is_left();
  void end();
  void limit_the_end();
  std::string what_is_left() const;

  // Runs `task` on every worker's thread; `done` on this one when each has called its `finished` (from any thread).
  void on_every_worker(std::function<void(proxy::Worker&, Finished finished)> task, Finished done);

  struct OpenListener {
    std::string name;
    std::string configured;  // the address as written: identity over reloads
    net::Address address;    // what it really is
  };
  Result<void> check_unused(const net::Address& address) const;
  static void announce(const OpenListener& listener);

  std::string config_file_;
  net::Loop loop_;
  proxy::SharedState shared_;
  std::vector<std::unique_ptr<proxy::Worker>> workers_;
  std::shared_ptr<Generation> current_;
  std::shared_ptr<Generation> starting_;              // its instances are starting on the workers
  std::vector<std::shared_ptr<Generation>> retired_;  // stopped on every worker, not yet released
  std::size_t unreleased_ = 0;                        // generations that have begun to end and are not yet released
  std::uint64_t last_number_ = 0;
  std::vector<OpenListener> listeners_;
  std::vector<std::unique_ptr<net::SignalWatch>> signals_;
  std::unique_ptr<LagWatch> lag_watch_;
  std::unique_ptr<net::Timer> keep_alive_;
  std::unique_ptr<net::Timer> drain_timer_;
  std::unique_ptr<net::Timer> tls_timer_;
  std::unique_ptr<net::Timer> release_timer_;
  std::unique_ptr<net::Timer> end_timer_;
  std::unique_ptr<LastResort> last_resort_;
  bool reloading_ = true;  // the start counts as the first
  bool serving_ = false;
  bool reload_again_ = false;
  bool terminating_ = false;
  bool draining_ = false;
  bool shutting_down_ = false;
};

// Log levels, file and format of a configuration.
Result<void> configure_log(const config::Log& log);

}  // namespace postern::control

// A running worker and an instance for the tests of host tables, without a gateway.
#pragma once

#include <postern/abi.h>

#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <string_view>

#include "config/config.h"
#include "plan/plan.h"
#include "plugin/host.h"
#include "plugin/host_tables/host_tables.h"
#include "plugin/instance.h"
#include "server/worker.h"

namespace postern::plugin {

inline postern_str text(std::string_view s) { return str(s); }
inline const postern_str kBadString{nullptr, 5};

struct InstanceFixture {
  Siblings siblings{7};
  postern_instance_s instance;

  InstanceFixture() { introduce(instance, "example"); }
  void introduce(postern_instance_s& i, std::string_view name) {
    i.name = i.plugin = name;
    i.log_module = "plugin." + i.plugin;
    i.scope = "gateway";
    i.siblings = &siblings;
    i.presence.enter(3);
  }
};

// Everything that `instance` holds is released before the worker stops.
struct WorkerFixture : InstanceFixture {
  proxy::SharedState shared;
  proxy::Worker worker{3, shared};

  WorkerFixture() { worker.start(); }
  ~WorkerFixture() {
    on_worker([&] {
      release_worker_handles(&instance, 3);
      worker.retire_plan([] {});
    });
    forget_plan();
    on_worker([&] { worker.stop(); });
    worker.join();
  }

  void forget_plan() {
    std::promise<void> forgotten;
    worker.loop().post([&] { worker.forget(7, [&] { forgotten.set_value(); }); });
    forgotten.get_future().wait();
  }
  // Runs `task` on the worker and waits for it.
  void on_worker(std::function<void()> task) {
    std::promise<void> done;
    worker.loop().post([&] {
      task();
      done.set_value();
    });
    done.get_future().wait();
  }
  void adopt(std::string_view yaml) {
    auto plan = prepare(yaml);
    on_worker([&] { worker.adopt(plan, [] {}); });
  }
  // What is done before the instances of a generation start.
  std::shared_ptr<const proxy::Plan> prepare(std::string_view yaml) {
    config::Problems problems;
    auto config = std::make_shared<const config::Config>(config::load_text(yaml, "test.yaml", problems));
    auto plan = proxy::Plan::build(config, 7, {}, {},
                                   std::vector<std::vector<const proxy::Instance*>>(config->routes.size()), problems);
    if (!problems.empty()) throw std::runtime_error(problems.front().text);
    siblings.plan = plan.get();
    on_worker([&] { worker.prepare(plan); });
    return plan;
  }
};

// Something that a callback reports to a waiting test.
template <class T>
struct Report {
  std::promise<T> promise;
  T wait() { return promise.get_future().get(); }
};

}  // namespace postern::plugin

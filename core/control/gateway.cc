#include "control/gateway.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <future>
#include <mutex>
#include <thread>
#include <utility>

#include "base/log.h"
#include "base/log_metrics.h"
#include "net/listener.h"
#include "plugin/control_hooks.h"

namespace postern::control {
namespace {

constexpr std::uint64_t kReleaseAgainMs = 200;  // how often a generation that is still pinned is tried again
constexpr std::uint64_t kForeverMs = 3'600'000;
constexpr std::uint64_t kEndMs = 5000;         // for instances and workers to stop when no connection is left
constexpr std::uint64_t kLastResortMs = 6000;  // when not even the control thread comes back

Logger& log() { return logger("control"); }

void print(const config::Problems& problems) {
  for (const auto& p : problems) std::fprintf(stderr, "%s\n", p.line().c_str());
  std::fprintf(stderr, "%zu problem%s\n", problems.size(), problems.size() == 1 ? "" : "s");
}

static_assert(config::kMaxWorkers == proxy::Worker::kMax);
std::size_t worker_count(const config::Config& config) {
  if (config.workers > 0) return static_cast<std::size_t>(config.workers);
  return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, proxy::Worker::kMax);
}

// Runs on the worker's thread; the control thread waits. Only while starting and reloading.
template <class T>
T ask(proxy::Worker& worker, std::function<T()> question) {
  std::promise<T> answer;
  auto future = answer.get_future();
  worker.loop().post([&] { answer.set_value(question()); });
  return future.get();
}

void abort_connections(proxy::Worker& worker, std::function<void()> finished) {
  worker.abort_connections();
  finished();
}

}  // namespace

Gateway::Gateway(std::string config_file) : config_file_(std::move(config_file)) {}

Gateway::~Gateway() = default;

int Gateway::run() {
  watch(SIGHUP, [this] { reload(); });
  if (!start()) return terminating_ ? 0 : 1;
  announce();
  reload_over();
  loop_.run();
  return 0;
}

// ---- Starting --------------------------------------------------------------------------------------------------------

std::shared_ptr<Gateway::Generation> Gateway::build(config::Problems& problems) {
  auto config = std::make_shared<const config::Config>(config::load_file(config_file_, problems));
  if (workers_.empty())
    plugin::set_worker_count(static_cast<std::uint32_t>(worker_count(*config)));  // on_configure asks
  auto generation = Generation::build(config, ++last_number_, problems);
  return problems.empty() ? generation : nullptr;
}

void Gateway::watch(int signal, std::function<void()> fire) {
  if (auto w = net::SignalWatch::start(loop_, signal, std::move(fire))) signals_.push_back(std::move(*w));
}

// Until the configuration is read, SIGTERM and SIGINT end the process: nothing has begun that would need an end.
bool Gateway::start() {
  config::Problems problems;
  current_ = build(problems);
  if (current_ == nullptr) {
    print(problems);
    return false;
  }
  const config::Config& config = *current_->plan()->config;
  if (auto r = configure_log(config.log); !r) {
    std::fprintf(stderr, "%s\n", r.error().text.c_str());
    return false;
  }
  publish_log_metrics();
  watch(SIGTERM, [this] { on_terminate(); });
  watch(SIGINT, [this] { on_terminate(); });
  keep_alive_ = net::Timer::start(loop_, kForeverMs, kForeverMs, [] {});
  for (std::size_t i = 0; i < worker_count(config); ++i) {
    workers_.push_back(std::make_unique<proxy::Worker>(static_cast<std::uint32_t>(i), shared_));
  }
  for (auto& worker : workers_) worker->start();
  lag_watch_ = std::make_unique<LagWatch>(loop_, workers_);
  plugin::set_reload_hook([this] { loop_.post([this] { reload(); }); });
  bool good = wait_until_started(current_) && !terminating_;
  if (good) {
    adopt_everywhere(current_);
    auto opened = open_listeners(config);
    if (!opened) std::fprintf(stderr, "%s\n", opened.error().text.c_str());
    good = opened.has_value();
  }
  if (!good) {
    shut_down();
    loop_.run();
    return false;
  }
  serving_ = true;
  return true;
}

bool Gateway::wait_until_started(const std::shared_ptr<Generation>& generation) {
  bool good = false;
  start_on_workers(generation, [&](Result<void> started) {
    good = started.has_value();
    if (!good && !terminating_) std::fprintf(stderr, "%s\n", started.error().text.c_str());
    loop_.stop();
  });
  loop_.run();
  return good;
}

void Gateway::announce(const OpenListener& listener) {
  std::printf("listening %s %s\n", listener.name.c_str(), listener.address.text().c_str());
}

// The lines that scripts and tests wait for.
void Gateway::announce() const {
  for (const auto& l : listeners_) announce(l);
  std::printf("ready\n");
  std::fflush(stdout);
  log().write(LogLevel::info, "generation " + std::to_string(current_->number()) + " serving",
              {{"generation", current_->number()}, {"workers", workers_.size()}});
}

void Gateway::on_every_worker(std::function<void(proxy::Worker&, Finished)> task, Finished done) {
  auto left = std::make_shared<std::atomic<std::size_t>>(workers_.size());
  auto shared_done = std::make_shared<Finished>(std::move(done));
  Finished finished = [this, left, shared_done] {
    if (--*left == 0) loop_.post([shared_done] { (*shared_done)(); });
  };
  for (auto& worker : workers_) {
    worker->loop().post([task, finished, w = worker.get()] { task(*w, finished); });
  }
}

// Every worker knows the generation before the first instance starts: instances may speak to other workers from then on.
void Gateway::start_on_workers(std::shared_ptr<Generation> generation, std::function<void(Result<void>)> done) {
  starting_ = generation;
  auto started = [this, done](Result<void> result) {
    starting_.reset();
    done(std::move(result));
    end_if_nothing_is_left();
  };
  on_every_worker(
      [generation](proxy::Worker& worker, Finished finished) {
        worker.prepare(generation->plan());
        generation->enter_worker(worker.index());
        finished();
      },
      [this, generation, started] {
        if (terminating_) return started(fail(Error::gateway("the gateway is ending")));
        start_instances(generation, started);
      });
}

void Gateway::start_instances(std::shared_ptr<Generation> generation, std::function<void(Result<void>)> done) {
  struct Outcome {
    std::mutex mutex;
    Result<void> result;
  };
  auto outcome = std::make_shared<Outcome>();
  on_every_worker(
      [generation, outcome](proxy::Worker& worker, Finished finished) {
        generation->start_worker(worker.index(), [outcome, finished](Result<void> started) {
          if (!started) {
            std::lock_guard lock(outcome->mutex);
            outcome->result = started;
          }
          finished();
        });
      },
      [outcome, done] { done(outcome->result); });
}

// Tasks posted to the workers afterwards find the new plan: a worker runs its tasks in order.
void Gateway::adopt_everywhere(std::shared_ptr<Generation> generation) {
  auto before = std::exchange(current_, generation);
  bool first = before == generation;
  if (!first) ++unreleased_;
  watch_tls_files();
  on_every_worker([plan = generation->plan()](proxy::Worker& worker,
                                              Finished finished) { worker.adopt(plan, std::move(finished)); },
                  [this, before, first] {
                    if (!first) retire(before);
                  });
}

// ---- Listeners -------------------------------------------------------------------------------------------------------

// A port that is ours already can be asked for once more: under another name, or by an address that the old one covers.
Result<void> Gateway::check_unused(const net::Address& address) const {
  auto ours = [&](const OpenListener& l) { return l.address.kind == address.kind && l.address.port == address.port; };
  if (std::any_of(listeners_.begin(), listeners_.end(), ours)) return {};
  return net::Listener::check_unused(address);
}

Result<void> Gateway::open_listeners(const config::Config& config) {
  for (const auto& wanted : config.listeners) {
    auto same = [&](const OpenListener& l) { return l.name == wanted.name && l.configured == wanted.address; };
    if (std::any_of(listeners_.begin(), listeners_.end(), same)) continue;
    auto address = net::parse_address(wanted.address);
    if (!address) return fail(address.error());
    auto refuse = [&](const Error& error) {
      return fail(Error::gateway(wanted.position.text() + ": listeners/" + wanted.name + ": " + error.text));
    };
    if (auto unused = check_unused(*address); !unused) return refuse(unused.error());
    listeners_.push_back({wanted.name, wanted.address, *address});
    for (auto& worker : workers_) {
      auto opened =
          ask<Result<net::Address>>(*worker, [&] { return worker->listen(wanted.name, wanted.address, *address); });
      if (!opened) return refuse(opened.error());
      address = *opened;  // with port 0 the first worker's port is everybody's
    }
    listeners_.back().address = *address;
  }
  return {};
}

void Gateway::close_listeners_not_in(const config::Config& config) {
  auto gone = [&](const OpenListener& l) {
    return std::none_of(config.listeners.begin(), config.listeners.end(), [&](const config::Listener& wanted) {
      return l.name == wanted.name && l.configured == wanted.address;
    });
  };
  for (const auto& l : listeners_) {
    if (!gone(l)) continue;
    for (auto& worker : workers_) {
      worker->loop().post([w = worker.get(), name = l.name, address = l.configured] { w->unlisten(name, address); });
    }
  }
  std::erase_if(listeners_, gone);
}

// Looks whether files of TLS have changed, all the time.
void Gateway::watch_tls_files() {
  auto interval = static_cast<std::uint64_t>(current_->plan()->config->tls_reload_interval);
  tls_timer_.reset();
  if (interval == 0) return;
  tls_timer_ = net::Timer::start(loop_, interval, interval, [this] { current_->plan()->refresh_tls(); });
}

// ---- Reloading -------------------------------------------------------------------------------------------------------

void Gateway::reload() {
  if (terminating_) return;
  if (reloading_) {
    reload_again_ = true;
    return;
  }
  reloading_ = true;
  config::Problems problems;
  auto next = build(problems);
  if (next == nullptr) {
    std::string all;
    for (const auto& p : problems) all += (all.empty() ? "" : "\n") + p.line();
    return reload_failed(all);
  }
  const config::Config& config = *next->plan()->config;
  if (worker_count(config) != workers_.size()) {
    ++unreleased_;
    retired_.push_back(next);
    release_retired();
    return reload_failed("workers: changing the number from " + std::to_string(workers_.size()) + " to " +
                         std::to_string(worker_count(config)) + " needs a restart");
  }
  start_on_workers(next, [this, next](Result<void> started) { commit_reload(next, std::move(started)); });
}

void Gateway::commit_reload(std::shared_ptr<Generation> next, Result<void> started) {
  if (started && terminating_) started = fail(Error::gateway("the gateway is ending"));
  const config::Config& config = *next->plan()->config;
  std::size_t known = listeners_.size();
  auto opened = started ? open_listeners(config) : started;
  if (opened) opened = configure_log(config.log);
  if (!opened) {
    ++unreleased_;
    close_listeners_not_in(*current_->plan()->config);  // those that were opened for the new one
    retire(next);
    return reload_failed(opened.error().text);
  }
  adopt_everywhere(next);
  for (std::size_t i = known; i < listeners_.size(); ++i) announce(listeners_[i]);
  std::fflush(stdout);
  close_listeners_not_in(config);
  log().write(LogLevel::info, "generation " + std::to_string(next->number()) + " serving",
              {{"generation", next->number()}});
  reload_over();
}

void Gateway::reload_failed(const std::string& reason) {
  log().write(LogLevel::error, "reload failed: " + reason, {{"generation", current_->number()}});
  reload_over();
}

void Gateway::reload_over() {
  reloading_ = false;
  if (std::exchange(reload_again_, false)) reload();
}

void Gateway::stop_on_workers(std::shared_ptr<Generation> generation, Finished done) {
  on_every_worker(
      [generation](proxy::Worker& worker, Finished finished) {
        generation->stop_worker(worker.index(),
                                [generation, &worker, finished] { worker.forget(generation->number(), finished); });
      },
      std::move(done));
}

void Gateway::retire(std::shared_ptr<Generation> generation) {
  stop_on_workers(generation, [this, generation] {
    retired_.push_back(generation);
    release_retired();
  });
}

// Frees what nothing pins any more; what is still pinned is tried again.
void Gateway::release_retired() {
  std::erase_if(retired_, [this](const std::shared_ptr<Generation>& g) {
    if (auto released = g->release(); !released) {
      log().write(LogLevel::debug, "a generation is still pinned",
                  {{"generation", g->number()}, {"by", released.error().text}});
      return false;
    }
    --unreleased_;
    log().write(LogLevel::debug, "generation freed", {{"generation", g->number()}});
    return true;
  });
  if (retired_.empty())
    release_timer_.reset();
  else if (release_timer_ == nullptr) {
    release_timer_ = net::Timer::start(loop_, kReleaseAgainMs, kReleaseAgainMs, [this] { release_retired(); });
  }
  end_if_nothing_is_left();
}

// ---- The end ---------------------------------------------------------------------------------------------------------

void Gateway::on_terminate() {
  if (std::exchange(terminating_, true)) return cut_connections();  // asked twice: no patience
  if (starting_ != nullptr) {
    on_every_worker(
        [generation = starting_](proxy::Worker& worker, Finished finished) {
          generation->give_up_start(worker.index());
          finished();
        },
        [] {});
  }
  if (!serving_) return limit_the_end();  // start() sees to the rest
  const auto& timeouts = current_->plan()->config->timeouts;
  log().write(LogLevel::info, "draining", {{"connections", shared_.connections.load()}});
  shared_.draining = true;
  if (timeouts.drain_delay == 0) return drain_workers();
  auto delay = static_cast<std::uint64_t>(timeouts.drain_delay);
  drain_timer_ = net::Timer::start(loop_, delay, 0, [this] { drain_workers(); });
}

void Gateway::drain_workers() {
  draining_ = true;
  auto patience = static_cast<std::uint64_t>(current_->plan()->config->timeouts.drain);
  drain_timer_ = net::Timer::start(loop_, patience, 0, [this] {
    log().write(LogLevel::warn, "the drain time is over: connections are cut",
                {{"connections", shared_.connections.load()}});
    cut_connections();
  });
  on_every_worker([](proxy::Worker& w, Finished finished) { w.drain(std::move(finished)); }, [this] { shut_down(); });
}

void Gateway::cut_connections() {
  if (serving_ && !draining_) drain_workers();  // asked twice within the drain delay
  on_every_worker(abort_connections, [] {});
  limit_the_end();
}

// No connection is left. The last generation ends like any other, then the workers.
void Gateway::shut_down() {
  drain_timer_.reset();
  limit_the_end();
  shutting_down_ = true;
  ++unreleased_;
  on_every_worker([](proxy::Worker& w, Finished finished) { w.retire_plan(std::move(finished)); },
                  [this] { retire(current_); });
}

void Gateway::end_if_nothing_is_left() {
  if (shutting_down_ && unreleased_ == 0 && starting_ == nullptr) end();
}

// From here on the process has a fixed time, whatever its plugins do.
void Gateway::limit_the_end() {
  if (end_timer_ != nullptr) return;
  end_timer_ = net::Timer::start(loop_, kEndMs, 0, [this] { break_off(what_is_left()); });
  last_resort_ = std::make_unique<LastResort>(kLastResortMs);
}

std::string Gateway::what_is_left() const {
  std::string all;
  for (const auto& generation : retired_) {
    auto free = generation->unpinned();
    if (free) continue;
    all += (all.empty() ? "generation " : "; generation ") + std::to_string(generation->number()) + ": " +
           free.error().text;
  }
  return all.empty() ? "a worker is busy in a plugin's code" : all;
}

void Gateway::end() {
  release_timer_.reset();
  end_timer_.reset();
  tls_timer_.reset();
  keep_alive_.reset();
  lag_watch_.reset();
  signals_.clear();
  plugin::set_reload_hook({});
  current_.reset();
  for (auto& worker : workers_) worker->loop().post([w = worker.get()] { w->stop(); });
  for (auto& worker : workers_) worker->join();
  workers_.clear();
  loop_.stop();
}

}  // namespace postern::control

// FakeGateway: all of the gateway's function tables on a fake core. No sockets, a clock that only a test moves, and one
// worker: the thread of the test.
#pragma once

#include <dlfcn.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>

#include "postern/testing/exchange.h"

// The plugin that is linked into the test program, when there is one.
extern "C" __attribute__((weak)) const postern_plugin* postern_plugin_query(const postern_host* host);

namespace postern::testing {

// What a plugin asked an upstream by `call`.
struct FakeCall {
  std::uint64_t handle = 0;
  std::string upstream, method, target, body;
  FakeHeaders headers;
  std::uint32_t timeout_ms = 0;
};

// What the test answers. `result` other than POSTERN_OK: the call failed.
struct CallReply {
  std::uint32_t status = 200;
  std::string body = {};
  FakeHeaders headers = {};
  postern_status result = POSTERN_OK;
  std::uint64_t delay_ms = 0;
};

struct FakeEndpoint {
  std::string address;
  std::uint32_t weight = 1;
  bool available = true;
};

struct FakeConnection {
  std::string peer_address = "127.0.0.1";
  std::uint32_t peer_port = 40000;
  std::string local_address = "127.0.0.1";
  std::uint32_t local_port = 8080;
  bool tls = false;
  std::string listener = "public", server_name = {}, alpn = {};
  // With tls, and when the client has shown a certificate.
  std::string tls_version = {}, client_subject = {}, client_issuer = {}, client_names = {}, client_fingerprint = {};
  std::string client_certificate = {};  // PEM
  bool client_verified = false;
  // What on_connection of the instances decided; SUSPEND while one has paused it.
  postern_verdict verdict = POSTERN_CONTINUE;
};

class FakeGateway {
 public:
  FakeGateway();
  // Closes; aborts the program with a list when something has leaked (see close).
  ~FakeGateway();
  FakeGateway(const FakeGateway&) = delete;
  FakeGateway& operator=(const FakeGateway&) = delete;

  // ---- Plugins and instances; the instances form one chain, in the order in which they were configured ----
  // The plugin linked into this program is found by itself; these choose another.
  FakeGateway& load(postern_query_fn query);
  FakeGateway& load(const std::string& file);  // a .so
  FakeInstance& configure(Config config = Config::map(), std::string name = {});
  // A configuration written as JSON text.
  FakeInstance& configure_json(std::string_view text, std::string name = {}) {
    return configure(Config::json(text), std::move(name));
  }
  const postern_plugin& plugin() const { return *table_; }

  // ---- Exchanges and connections ----
  FakeExchange& request(std::string method, std::string_view target, FakeHeaders headers = {}, std::string body = {});
  // A GET that runs to its end.
  FakeExchange& get(std::string_view target, FakeHeaders headers = {}) {
    return request("GET", target, std::move(headers)).run();
  }
  // Runs on_connection of all instances; see connection.verdict.
  FakeConnection& connect(FakeConnection connection = {});

  // ---- Time. Nothing fires by itself ----
  void advance(std::uint64_t ms);  // timers, replies and deadlines in their order, up to then
  void run() { advance(0); }       // what is due now: posted functions, jobs, resumes from other threads, replies
  bool advance_to_next();          // to the next thing that is due; false when nothing is
  std::uint64_t now_ms() const { return now_ms_; }
  std::uint64_t unix_ms() const { return kUnixStartMs + now_ms_; }

  // ---- Calls ----
  // Answers every call from now on. Without it calls wait for answer() or their timeout.
  void on_call(std::function<CallReply(const FakeCall&)> handler) { call_handler_ = std::move(handler); }
  std::vector<FakeCall> pending_calls() const;
  const std::vector<FakeCall>& calls() const { return calls_; }  // all that were ever started
  bool answer(const CallReply& reply);                           // the oldest one that waits
  void unknown_upstream(std::string name) { unknown_upstreams_.push_back(std::move(name)); }

  // ---- The rest ----
  const std::vector<LogLine>& log() const { return log_; }
  bool logged(std::string_view part) const;  // some line's message or field contains it
  void log_level(std::uint32_t level) { log_level_ = level; }
  double metric(std::string_view name, const std::vector<std::string>& labels = {}) const {
    return metrics_.value(name, labels);
  }
  std::string metrics_text() const {
    collect();
    return metrics_.text();
  }
  FakeDict& dict(std::string_view name) { return dicts_[open_dict(name) - 1].dict; }
  void endpoints(std::vector<FakeEndpoint> endpoints) { endpoints_ = std::move(endpoints); }
  const std::vector<FakeEndpoint>& endpoints() const { return endpoints_; }
  std::size_t reloads() const { return reloads_; }
  std::size_t open_timers() const { return timers_.size(); }
  // Hides tables, as an older gateway would: before the plugin is loaded. "timer", "call", ...
  void without(std::string table) { hidden_.push_back(std::move(table)); }
  // What an expression comes to, in the words of the configuration; one of which nothing was said cannot be judged.
  void expression_holds(std::string text, bool holds) { expressions_[std::move(text)] = holds; }
  // Every resume is carried out late, and twice.
  void torture_resumes(bool on = true) { torture_resumes_ = on; }

  // Ends what has not ended, stops and destroys the instances, and tells what they left behind: timers, calls and jobs
  // that nobody cancelled, exchanges that were still suspended.
  std::vector<std::string> close();

  static FakeGateway& current() { return *current_; }

 private:
  friend class FakeExchange;
  friend struct Tables;
  static constexpr std::uint64_t kUnixStartMs = 1'700'000'000'000;
  static constexpr std::uint64_t kHookDeadlineMs = 5'000;

  struct TimerEntry {
    FakeInstance* instance;
    std::uint64_t due_ms, repeat_ms;
    void (*fire)(void*);
    void* user;
  };
  struct CallEntry {
    FakeInstance* instance;
    FakeCall call;
    void (*done)(void*, const postern_call_response*);
    void* user;
    bool answered = false;
    CallReply reply = {};
    std::uint64_t due_ms = 0;  // the answer, or the timeout
  };
  struct JobEntry {
    void (*work)(void*);
    void (*done)(void*, postern_status);
    void* user;
  };
  struct DictEntry {
    std::string name;
    FakeDict dict;
  };

  std::uint64_t next_handle() { return ++last_handle_; }
  FakeExchange* find(std::uint64_t handle);
  std::uint64_t open_dict(std::string_view name);
  std::uint32_t variable_id(std::string_view name);
  void collect() const {  // what the instances' collectors have to say
    for (const FakeInstance* instance : chain_)
      for (const auto& [collect, user] : instance->collectors_) collect(user);
  }
  void check_body_hook(FakeInstance& instance, std::uint64_t hook, std::uint32_t message, const char* name);
  bool on_worker() const { return std::this_thread::get_id() == thread_; }
  void run_due();
  bool run_queues();
  postern_status run_job(const JobEntry& job);
  std::uint64_t next_due() const;
  void finish_call(std::uint64_t handle);
  void start_worker(FakeInstance& instance);
  void use(const postern_plugin* table);

  inline static FakeGateway* current_ = nullptr;
  postern_host host_ = {};
  std::thread::id thread_ = std::this_thread::get_id();
  std::vector<std::string> hidden_;
  std::map<std::string, bool> expressions_;
  const postern_plugin* table_ = nullptr;
  Config schema_;
  std::vector<const postern_plugin*> loaded_;
  std::vector<void*> libraries_;
  std::vector<std::unique_ptr<FakeInstance>> instances_;
  std::vector<FakeInstance*> chain_;
  std::vector<std::unique_ptr<FakeExchange>> exchanges_;
  std::deque<FakeConnection> connections_;
  std::deque<std::string> texts_;
  std::uint64_t now_ms_ = 1'000'000;
  std::uint64_t last_handle_ = 0;
  std::map<std::uint64_t, TimerEntry> timers_;
  std::map<std::uint64_t, CallEntry> open_calls_;
  std::vector<FakeCall> calls_;
  std::function<CallReply(const FakeCall&)> call_handler_;
  std::vector<std::string> unknown_upstreams_;
  std::map<std::uint64_t, JobEntry> jobs_;
  std::vector<std::string> lanes_;   // by number, which counts from 1
  std::atomic<bool> failed_{false};  // by loop->fail, since the running job began
  std::vector<LogLine> log_;
  std::uint32_t log_level_ = POSTERN_LOG_TRACE;
  FakeMetrics metrics_;
  std::deque<DictEntry> dicts_;
  std::vector<std::string> variable_names_;
  std::vector<FakeEndpoint> endpoints_;
  std::map<std::string, std::pair<FakeInstance*, const void*>> services_;
  std::size_t acquired_services_ = 0;
  std::size_t reloads_ = 0;
  bool torture_resumes_ = false;
  bool closed_ = false;
  std::vector<std::string> leaks_;
  std::recursive_mutex mutex_;  // guards what plugins may use on any thread
  std::deque<std::pair<void (*)(void*), void*>> posted_;
  std::deque<std::pair<postern_ticket, postern_verdict>> resumes_;
};

}  // namespace postern::testing

#include "postern/testing/course.h"
#include "postern/testing/tables.h"

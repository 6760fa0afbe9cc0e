// One request and its response. The head walks through the stages below, pushed by advance(); bodies stream beside it. The
// exchange says what comes next; its parts do it: ChainRun calls hooks, Attempts ask the upstream, RequestUpload and ResponseRelay move
// the bodies, Upgrade has the tunnel. It does not know which HTTP version either side speaks. core/README.md tells the whole story.
#pragma once

#include <postern/abi.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/deadline_wheel.h"
#include "exchange/attempts.h"
#include "exchange/chain_run.h"
#include "exchange/exchange_context.h"
#include "exchange/local_answer.h"
#include "exchange/request_upload.h"
#include "exchange/response_relay.h"
#include "exchange/response_sink.h"
#include "exchange/upgrade.h"
#include "http/codec.h"
#include "net/loop.h"
#include "plan/builtin_variables.h"
#include "plan/plan.h"
#include "upstream/attempt.h"
#include "upstream/upstream_set.h"

namespace postern::proxy {

class Template;
class WorkerContext;
class WorkerPlan;

// Where the head is. Each stage is one function that ends by naming the next.
enum class Stage : std::uint8_t {
  receive,           // the head is not complete yet
  early,             // on_request_early of the gateway-wide chain
  route,             // the router chooses
  request,           // on_request
  collect_body,      // a plugin wants the whole request body before the upstream is asked
  select,            // on_upstream_select, then the balancer
  connect,           // waiting for a connection
  upstream_request,  // on_upstream_request, then the head goes out
  await_response,    // the request is being sent; no response head yet
  retry_wait,        // a plugin asked for another attempt after a delay
  respond,           // there is a response head: on_response
  relay,             // the response is on its way to the client
  done               // on_complete has run
};

// Something that a plugin wants done when an exchange ends.
class EndCallback {
 public:
  virtual ~EndCallback() = default;
  virtual void run() noexcept = 0;
};

class Exchange final : public net::Deferred,
                       public VariableReader,
                       private VariableSource,
                       private ChainRun::Host,
                       private RequestUpload::Host,
                       private ResponseRelay::Host,
                       private Attempts::Host {
 public:
  Exchange(ResponseSink& client, http::StreamId stream, WorkerContext& worker, WorkerPlan& plan);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() override;
  static void* operator new(std::size_t size);
  static void operator delete(void* memory) noexcept;

  // --- From the client's session ---
  Arena& arena() noexcept { return x_.arena; }
  http::StreamId stream() const noexcept { return x_.stream; }
  void begin(http::RequestHead& head, bool ends);  // the head is complete; advance() follows
  void refuse(const Error& error);  // the request cannot be parsed: a local error, then the connection ends
  void on_client_body(std::string_view bytes);
  void on_client_body_end(http::HeaderList* trailers);
  void on_client_gone(std::uint32_t end);                   // POSTERN_END_*: nothing can be sent any more
  void on_client_drained() { relay_.on_client_drained(); }  // the client reads again
  void on_drain() { upgrade_.on_drain(); }  // its connection takes no more requests: a tunnel ends some time soon
  void fail(const Error& error);            // a local reply if no head has gone out, else the client is cut off
  void complete(std::uint32_t end);         // all has been said: on_complete runs, and the session hears of it
  void advance();                           // runs stages until one has to wait
  bool done() const noexcept { return stage_ == Stage::done; }
  bool receiving() const noexcept { return stage_ == Stage::receive; }
  bool request_ended() const noexcept { return x_.request_ended; }  // its body and trailers are there, or it has none
  std::uint64_t body_read_timeout_ms() const noexcept;

  // --- From the host tables; answers are POSTERN_OK or an error of abi.h (exchange_tables.cc) ---
  std::uint64_t handle() const noexcept { return x_.handle; }
  WorkerContext& worker() noexcept { return x_.worker; }
  WorkerPlan& worker_plan() noexcept { return x_.plan; }
  const RoutePlan* route() const noexcept { return x_.route; }
  Stage stage() const noexcept { return stage_; }
  // The instance whose code runs, when its hook runs here or is suspended. Null: who runs may change nothing of this exchange.
  const Instance* acting() const noexcept { return chain_run_.acting(); }
  bool may_answer() const noexcept { return chain_run_.may_answer() && stage_ != Stage::done; }
  void refuse_answer() { chain_run_.refuse_answer(); }
  void note_answer(std::uint32_t status) { chain_run_.note_answer(status); }  // also of an instance in shadow mode
  // The running time of a callback that was begun for this exchange.
  void note_callback(const Instance& instance, std::uint64_t ran_ns) { chain_run_.note_callback(instance, ran_ns); }
  bool has_trail() const noexcept { return chain_run_.trail() != nullptr; }
  bool has_room(std::uint64_t bytes) const noexcept {  // for copies that plugins ask for: limits.exchange_memory
    const std::uint64_t used = x_.arena.total() + attempts_.arena().total();
    return used <= memory_limit_ && bytes <= memory_limit_ - used;
  }
  http::RequestHead& request() noexcept {  // the upstream's copy during on_upstream_request, else the client's
    return stage_ == Stage::upstream_request && attempts_.head() != nullptr ? *attempts_.head() : *x_.request;
  }
  // What the acting instance's hook answers, else the response; null before one is there.
  http::ResponseHead* response() noexcept {
    const LocalAnswer* answer = chain_run_.answer();
    return answer != nullptr ? answer->head : relay_.head();
  }
  http::HeaderList* headers(std::uint32_t message) noexcept {  // null when there is none (yet)
    if (message == POSTERN_REQUEST) return x_.request != nullptr ? &request().headers : nullptr;
    if (message == POSTERN_RESPONSE) return response() != nullptr ? &response()->headers : nullptr;
    if (message == POSTERN_REQUEST_TRAILERS) return upload_.trailers();
    return message == POSTERN_RESPONSE_TRAILERS ? relay_.trailers() : nullptr;
  }
  bool headers_mutable(std::uint32_t message) const noexcept {  // false once they have gone out
    if (stage_ == Stage::done) return false;
    if (message == POSTERN_REQUEST) return stage_ < Stage::await_response || stage_ == Stage::retry_wait;
    return message != POSTERN_RESPONSE || !relay_.head_sent();
  }
  std::string_view field(std::uint32_t field) noexcept;
  postern_status set_field(std::uint32_t field, std::string_view value);
  postern_status set_status(std::uint32_t status);
  postern_status respond(std::uint32_t status, std::string_view content_type, std::string_view body);
  postern_status respond_error(std::uint32_t status, std::string_view code, std::string_view message,
                               std::uint32_t retry_after_s);
  postern_status set_origin(std::uint32_t origin);
  Value variable(VariableId id) const override { return id != 0 ? variable(id, variable_info(id)) : Value{}; }
  Value variable(VariableId id, const VariableInfo& info) const;   // `info` is the variable's own
  postern_status set_variable(VariableId id, const Value& value);  // of a plugin: not a built-in one
  std::string_view expand(const Template& text);                   // lives as long as the exchange
  Condition::Answer holds(const Condition& condition) const { return condition.holds(*this); }
  postern_status pause(postern_ticket& ticket) { return chain_run_.pause(ticket); }
  postern_status wait_longer(std::uint64_t pause, std::uint32_t wait_ms) {
    return chain_run_.wait_longer(pause, wait_ms);
  }
  postern_status resume(std::uint64_t pause, postern_verdict verdict) { return chain_run_.resume(pause, verdict); }
  void fail_pauses_of(const Instance& instance) { chain_run_.fail_pauses_of(instance); }  // its callback has thrown
  void info(postern_exchange_info& out) const;
  std::span<const postern_step> steps(std::uint64_t first, std::uint64_t most) const noexcept {  // of its trail
    return chain_run_.trail() != nullptr ? chain_run_.trail()->steps(first, most) : std::span<const postern_step>{};
  }
  void* allocate(std::uint64_t size);
  postern_status retry(std::uint32_t delay_ms) { return attempts_.retry(delay_ms); }
  postern_status on_end(std::unique_ptr<EndCallback> callback);
  postern_status replace_body(std::uint32_t message, std::string_view bytes);
  postern_status detach_body(std::uint32_t message);
  bool may_give_body() const noexcept;
  postern_status give_body(std::string_view bytes);
  postern_status stream_body(std::uint32_t message);
  Upstream* upstream() noexcept { return attempts_.upstream(); }  // on this worker; null when the exchange has none
  postern_status choose_endpoint(std::uint64_t index);
  postern_status choose_upstream(std::string_view name);

 private:
  // --- Stages (exchange.cc) ---
  void go(Stage stage) noexcept {
    stage_ = stage;
    waiting_ = false;
    chain_run_.restart_hooks();
  }
  void wait() noexcept { waiting_ = true; }
  void step();
  // True: all hooks of the stage have run. Else one has suspended, or a verdict has changed the course.
  bool hooks_passed(Hook hook) {
    auto run = chain_run_.run(hook);
    if (run == ChainRun::Run::suspended) wait();
    return run == ChainRun::Run::finished;
  }
  void run_early();
  void run_route();
  void run_request();
  void run_collect_body();
  void run_select();
  void run_connect();
  void run_upstream_request();
  void run_respond();
  void refuse_unrouted();
  void bound_call();
  static void on_call_deadline(void* self);
  void select_endpoint();
  void wait_for_retry();
  // --- Answers and the end ---
  LocalAnswer error_answer(std::uint32_t status, std::string_view code, std::string_view message,
                           std::uint32_t retry_after_s);
  void reply(const Error& error);          // makes the error envelope the response and goes to respond
  void commit(const LocalAnswer& answer);  // it is the response now; the upstream is not listened to any more
  void break_off(const Error& error, std::uint32_t end);  // after the head has gone out
  void abort(std::uint32_t end);
  void run_complete(std::uint32_t end);
  BodyPipe& pipe_of(std::uint32_t message) noexcept {
    return message == POSTERN_REQUEST ? upload_.pipe() : relay_.pipe();
  }

  // --- VariableSource (exchange_variables.cc) ---
  const http::RequestHead* request_head() const noexcept override { return x_.request; }
  const http::ResponseHead* response_head() const noexcept override { return relay_.head(); }
  std::string_view response_origin() const noexcept override;
  std::optional<std::string_view> path_parameter(std::string_view name) const noexcept override {
    return PathParameters::find(path_parameters_, name);
  }
  std::optional<std::string_view> client_ip() const noexcept override { return client_ip_; }
  std::optional<std::uint16_t> client_port() const noexcept override;
  std::string_view listener() const noexcept override;
  const net::TlsInfo* client_tls() const noexcept override;
  std::string_view tunnel() const noexcept override;
  std::string_view route_id() const noexcept override;
  std::string_view upstream_name() const noexcept override;
  std::string_view upstream_target() const noexcept override { return attempts_.endpoint(); }
  std::string_view upstream_latency() const override;
  std::string_view latency() const override;
  std::string_view error_code() const noexcept override { return relay_.error_code(); }
  std::string_view error_message() const noexcept override { return relay_.error_message(); }
  std::string_view error_cause() const noexcept override { return error_cause_; }
  std::optional<std::uint32_t> attempts() const noexcept override { return attempts_.count(); }
  std::optional<std::uint64_t> generation_number() const noexcept override;
  std::optional<std::uint32_t> worker_index() const noexcept override;

  bool is_watched() const noexcept;
  enum class LatencyOf : std::uint8_t { exchange, upstream };
  std::string_view latency_text(LatencyOf which, std::uint64_t ns) const;
  std::uint64_t latency_ns() const noexcept;

  // --- What the parts report (exchange.cc) ---
  // ChainRun::Host
  bool takes_answer() const noexcept override { return !relay_.head_sent(); }
  void on_answer(const LocalAnswer& answer) override;
  void on_hook_failure(const Error& error) override { fail(error); }
  void on_abort() override { abort(POSTERN_END_ABORTED); }
  void on_resumed(std::uint64_t number) override;
  void on_resume(Lane lane, postern_verdict verdict) override;
  // RequestUpload::Host
  void on_body_collected() override;
  void on_body_refused(const Error& error) override;
  void on_upload_failed(const Error& error) override { fail(error); }
  // ResponseRelay::Host
  void on_response_sent() override { complete(POSTERN_END_OK); }
  void on_relay_failed(const Error& error) override { fail(error); }
  // Attempts::Host: between attempts, then of one
  void on_names_resolved() override;
  void on_unresolved(const Error& error) override { fail(error); }
  void on_retry_due() override;
  std::string proxy_header(net::ProxyVersion version) const override;
  Arena& response_arena() override { return x_.arena; }
  void on_connected() override;
  void on_attempt_failed(const AttemptFailure& failure) override;
  void on_upstream_head(http::ResponseHead& head, bool ends) override;
  void on_upstream_informational(http::ResponseHead& head) override;
  void on_upstream_body(std::string_view bytes) override;
  void on_upstream_body_end(http::HeaderList* trailers) override;
  void on_upstream_broken(const Error& error) override;
  void on_upstream_drained() override;

  ExchangeContext x_;
  const std::uint64_t memory_limit_;

  Stage stage_ = Stage::receive;
  bool advancing_ = false;
  bool waiting_ = false;      // the current stage waits for an event
  bool bad_request_ = false;  // it could not be parsed
  ChainRun chain_run_;
  Attempts attempts_;
  RequestUpload upload_;
  ResponseRelay relay_;
  Upgrade upgrade_;

  std::span<const PathParameters::One> path_parameters_;
  std::string_view allow_;  // of a 405
  std::string_view client_ip_;
  std::string_view error_cause_;             // for completion hooks
  std::unique_ptr<Deadline> call_deadline_;  // of a call that brought one

  struct Variable {  // in the arena
    VariableId id;
    Value value;
    Variable* before;
  };
  Variable* variables_ = nullptr;          // the last one that was new
  mutable char* watched_texts_ = nullptr;  // one buffer for `latency`, one for `upstream.latency`: see is_watched()
  std::uint32_t variable_count_ = 0;
  std::vector<std::unique_ptr<EndCallback>> end_callbacks_;
};

}  // namespace postern::proxy

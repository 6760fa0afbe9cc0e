// One request and its response. The head walks through the stages below, pushed by advance(); bodies stream beside it through
// two pipes. The exchange does not know which HTTP version either side speaks. core/README.md tells the whole story.
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
#include "base/result.h"
#include "exchange/body_pipe.h"
#include "exchange/request_replay.h"
#include "exchange/response_makers.h"
#include "exchange/response_sink.h"
#include "exchange/tunnel.h"
#include "http/codec.h"
#include "net/loop.h"
#include "plan/builtin_variables.h"
#include "plan/chain.h"
#include "plan/plan.h"
#include "upstream/forwarder.h"
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

// One lane that can stand still at a hook.
enum class Lane : std::uint8_t { head, request_body, response_body };

class Exchange final : public net::Deferred,
                       public VariableReader,
                       private VariableSource,
                       private BodyPipe::Host,
                       private Forwarder::Host,
                       private Tunnel::Host,
                       private ResolveWaiter {
 public:
  Exchange(ResponseSink& client, http::StreamId stream, WorkerContext& worker, WorkerPlan& plan);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange() override;
  static void* operator new(std::size_t size);
  static void operator delete(void* memory) noexcept;

  // --- From the client's session ---
  Arena& arena() noexcept { return arena_; }
  http::StreamId stream() const noexcept { return stream_; }
  void begin(http::RequestHead& head, bool ends);  // the head is complete; advance() follows
  void refuse(const Error& error);  // the request cannot be parsed: a local error, then the connection ends
  void on_client_body(std::string_view bytes);
  void on_client_body_end(http::HeaderList* trailers);
  void on_client_gone(std::uint32_t end);  // POSTERN_END_*: nothing can be sent any more
  void on_client_drained();                // the client reads again
  void on_drain();                         // its connection takes no more requests: a tunnel ends some time soon
  void fail(const Error& error);           // a local reply if no head has gone out, else the client is cut off
  void complete(std::uint32_t end);        // all has been said: on_complete runs, and the session hears of it
  void advance();                          // runs stages until one has to wait
  bool done() const noexcept { return stage_ == Stage::done; }
  bool receiving() const noexcept { return stage_ == Stage::receive; }
  bool request_ended() const noexcept { return request_ended_; }  // its body and trailers are there, or it has none
  std::uint64_t body_read_timeout_ms() const noexcept;

  // --- From the host tables; answers are POSTERN_OK or an error of abi.h (exchange_tables.cc) ---
  std::uint64_t handle() const noexcept { return handle_; }
  WorkerContext& worker() noexcept { return worker_; }
  WorkerPlan& worker_plan() noexcept { return plan_; }
  const RoutePlan* route() const noexcept { return route_; }
  Stage stage() const noexcept { return stage_; }
  const Instance* running() const noexcept {  // whose hook runs or is suspended; null outside
    return running_.link != nullptr ? running_.link->instance : suspended();
  }
  bool has_room(std::uint64_t bytes) const noexcept {  // for copies that plugins ask for: limits.exchange_memory
    const std::uint64_t used = arena_.total() + attempt_arena_.total();
    return used <= memory_limit_ && bytes <= memory_limit_ - used;
  }
  bool shadowed() const noexcept {
    const Instance* who = running();
    return who != nullptr && who->shadow;
  }
  http::RequestHead& request() noexcept {  // the upstream's copy during on_upstream_request, else the client's
    return stage_ == Stage::upstream_request && upstream_head_ != nullptr ? *upstream_head_ : *request_;
  }
  http::ResponseHead* response() noexcept {
    return pending_ != nullptr ? pending_ : response_;
  }                                                            // null before one is there
  http::HeaderList* headers(std::uint32_t message) noexcept {  // null when there is none (yet)
    if (message == POSTERN_REQUEST) return request_ != nullptr ? &request().headers : nullptr;
    if (message == POSTERN_RESPONSE) return response() != nullptr ? &response()->headers : nullptr;
    if (message == POSTERN_REQUEST_TRAILERS) return request_trailers_;
    return message == POSTERN_RESPONSE_TRAILERS ? response_trailers_ : nullptr;
  }
  bool headers_mutable(std::uint32_t message) const noexcept {  // false once they have gone out
    if (stage_ == Stage::done) return false;
    if (message == POSTERN_REQUEST) return stage_ < Stage::await_response || stage_ == Stage::retry_wait;
    return message != POSTERN_RESPONSE || !head_sent_;
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
  postern_status pause(postern_ticket& ticket);
  postern_status resume(std::uint64_t pause, postern_verdict verdict);  // on this worker
  void info(postern_exchange_info& out) const;
  void* allocate(std::uint64_t size);
  postern_status retry(std::uint32_t delay_ms);
  postern_status on_end(void (*callback)(void*), void* user);
  postern_status replace_body(std::uint32_t message, std::string_view bytes);
  postern_status detach_body(std::uint32_t message);
  bool may_give_body() const noexcept;
  postern_status give_body(std::string_view bytes);
  postern_status stream_body(std::uint32_t message);
  Upstream* upstream() noexcept;  // on this worker; null when the exchange has none
  postern_status choose_endpoint(std::uint64_t index);
  postern_status choose_upstream(std::string_view name);

 private:
  // --- Stages (exchange.cc) ---
  void go(Stage stage) noexcept {
    stage_ = stage;
    waiting_ = false;
    hook_at_ = 0;
  }
  void wait() noexcept { waiting_ = true; }
  void step();
  void run_early();
  void run_route();
  void run_request();
  void run_collect_body();
  void run_select();
  void run_connect();
  void run_upstream_request();
  void run_respond();
  void use_chain(const Chain& chain);
  void refuse_unrouted();
  bool body_too_large(std::uint64_t bytes) const noexcept;
  bool has_request_body() const noexcept { return given_by_.has_value() || !http::is_empty(request_->body); }
  void attempt_failed(const AttemptFailure& failure);
  struct AttemptResult {
    std::uint32_t outcome;  // POSTERN_OUTCOME_*
    std::uint16_t status = 0;
    bool never_sent = false;
  };
  bool ask_for_retry(AttemptResult attempt);
  Result<void> prepare_upstream_head();
  void add_date(http::ResponseHead& head);
  void send_request();
  void forget_attempt();
  void reply(const Error& error);  // makes the error envelope the response and goes to respond
  void commit_local_response();
  void abort(std::uint32_t end);

  // --- Bodies (exchange_bodies.cc) ---
  enum class Upload : std::uint8_t { held, collecting, streaming, discarded };
  std::span<const Link> upload_links() const;
  void open_upload();
  void update_upload();
  void deliver_to_upstream(std::string_view bytes, bool end);
  void remember(std::string_view bytes);
  void send_replay();
  void hold_upload();
  void forget_replay();
  void start_relay();
  void relay_local();
  void relay_grpc_refusal();
  void send_response_head(std::optional<std::uint64_t> known_length);
  void deliver_to_client(std::string_view bytes, bool end);
  void finish_response();
  bool bodiless() const noexcept;  // HEAD, 204, 304
  bool response_ends_with_head() const noexcept;

  // --- The change to another protocol (exchange_tunnel.cc) ---
  bool choose_upgrade();  // false: it is refused
  void ask_for_upgrade(http::RequestHead& head);
  bool answers_upgrade(const http::ResponseHead& head) const noexcept;
  bool passes_for_tunnel() const noexcept;
  void start_tunnel();
  std::string_view tunnel_protocol() const noexcept;  // as we write it, whatever the client's spelling
  void let_client_flow();
  void tunnel_to_client(std::string_view bytes) override;
  void tunnel_to_upstream(std::string_view bytes) override;
  void end_tunnel_to_upstream() override;
  bool tunnel_waits_for_client() const noexcept override;
  void end_tunnel() override;

  // --- VariableSource (exchange_variables.cc) ---
  const http::RequestHead* request_head() const noexcept override { return request_; }
  const http::ResponseHead* response_head() const noexcept override { return response_; }
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
  std::string_view upstream_target() const noexcept override { return endpoint_text_; }
  std::string_view upstream_latency() const override;
  std::string_view latency() const override;
  std::optional<std::uint64_t> generation_number() const noexcept override;
  std::optional<std::uint32_t> worker_index() const noexcept override;

  bool is_tunnel() const noexcept { return head_sent_ && response_ != nullptr && response_->upgrade; }
  bool is_watched() const noexcept;
  enum class LatencyOf : std::uint8_t { exchange, upstream };
  std::string_view latency_text(LatencyOf which, std::uint64_t ns) const;
  std::uint64_t latency_ns() const noexcept;

  // --- Hooks (exchange_hooks.cc) ---
  struct Pause {
    std::uint64_t number = 0;  // 0: not paused
    const Link* link = nullptr;
    std::uint64_t since_ns = 0;
    postern_verdict verdict = POSTERN_CONTINUE;
    Hook hook = Hook::request;
    bool in_hook = false;  // the hook that took the ticket is still on the stack
    bool resumed = false;  // resume() came inside the hook
  };
  enum class Run : std::uint8_t { finished, suspended, ended };  // ended: a verdict has changed the course
  Run run_hooks(Hook hook) { return chain_->of(hook).empty() ? Run::finished : call_hooks(hook); }
  Run call_hooks(Hook hook);
  template <class Code>
  bool run_code(const Link& link, Hook hook, Lane lane, Code code);
  template <class Code>
  void tell(const Link& link, Hook hook, Code code);
  template <class Invoke>
  postern_verdict call(const Link& link, Hook hook, Lane lane, Invoke invoke);
  postern_verdict call_for_body(const Link& link, Hook hook, Lane lane, std::string_view bytes, std::uint32_t flags);
  postern_verdict after_suspend(const Link& link, Hook hook, Pause& pause);
  postern_verdict settle(const Link& link, Hook hook, postern_verdict verdict);
  postern_verdict settle_change(const Link& link, Hook hook, postern_verdict verdict);
  const char* problem_of(const Link& link, Hook hook, postern_verdict verdict) const noexcept;
  const Instance* suspended() const noexcept;
  Run carry_out(const Link& link, Hook hook, postern_verdict verdict);
  bool condition_holds(const Link& link) { return link.instance->when == nullptr || judge_condition(link); }
  bool judge_condition(const Link& link);
  void continue_lane(Lane lane, postern_verdict verdict);
  void drop_pauses() noexcept;
  void arm_pause_deadline();
  static void on_pause_deadline(void* self);
  void pause_is_over(Lane lane);
  Pause& pause_of(Lane lane) noexcept { return pauses_[static_cast<std::size_t>(lane)]; }
  void* slot(const Link& link) noexcept {
    return link.slot < gateway_slots_size_ ? gateway_slots_ + link.slot
                                           : route_slots_ + (link.slot - gateway_slots_size_);
  }
  void run_upstream_result(const postern_upstream_result& result);
  void run_complete(std::uint32_t end);

  // --- BodyPipe::Host ---
  bool asks(const BodyPipe& pipe, const Link& link) override {
    return condition_holds(link) && (&pipe == &upload_ || !makers_.made_current(link));
  }
  postern_verdict call_body_hook(BodyPipe& pipe, const Link& link, std::string_view bytes,
                                 std::uint32_t flags) override;
  void deliver(BodyPipe& pipe, std::string_view bytes, bool end) override;
  void on_pipe_verdict(BodyPipe& pipe, const Link& link, postern_verdict verdict) override;
  void on_pipe_overflow(BodyPipe& pipe, const Link& link, bool out_of_memory) override;
  bool account(const Link* link, std::int64_t bytes) override;

  // --- Forwarder::Host and ResolveWaiter ---
  std::string proxy_header(net::ProxyVersion version) const override;
  Arena& response_arena() override { return arena_; }
  void on_connected() override;
  void on_attempt_failed(const AttemptFailure& failure) override;
  void on_upstream_head(http::ResponseHead& head, bool ends) override;
  void on_upstream_informational(http::ResponseHead& head) override;
  void on_upstream_body(std::string_view bytes) override;
  void on_upstream_body_end(http::HeaderList* trailers) override;
  void on_upstream_broken(const Error& error) override;
  void on_upstream_drained() override;
  void on_resolved() override;
  static void on_retry_due(void* self);
  void bound_call();
  static void on_call_deadline(void* self);

  // Identity
  ResponseSink* client_;  // null once the client connection is gone
  http::StreamId stream_;
  WorkerContext& worker_;
  WorkerPlan& plan_;
  std::uint64_t handle_;
  Arena arena_;
  Arena attempt_arena_;  // for what goes to the upstream: made anew for each attempt, gone with the response head
  const std::uint64_t memory_limit_;

  // Course
  Stage stage_ = Stage::receive;
  bool advancing_ = false;
  bool waiting_ = false;        // the current stage waits for an event
  bool retry_allowed_ = false;  // inside on_upstream_result, and the request can be sent again
  bool grpc_ = false;
  const Chain* chain_ = nullptr;
  const RoutePlan* route_ = nullptr;
  std::span<const PathParameters::One> path_parameters_;
  std::string_view allow_;  // of a 405
  std::byte* gateway_slots_ = nullptr;
  std::byte* route_slots_ = nullptr;  // of the links behind the gateway-wide ones
  std::uint32_t gateway_slots_size_ = 0;
  std::uint32_t reached_ = 0;  // instances whose request hooks had their turn: response hooks run for these
  std::size_t hook_at_ = 0;    // next link of the running hook's array
  struct Running {
    const Link* link = nullptr;  // its hook is on the stack
    Hook hook = Hook::request;
    Lane lane = Lane::head;
  };
  Running running_;
  std::uint64_t pause_count_ = 0;
  Pause pauses_[3];
  Deadline pause_deadline_;              // the earliest of the pauses
  std::vector<std::int8_t> conditions_;  // by position: -1 unknown, 0 no, 1 yes; empty when the chain has none

  // Request
  http::RequestHead* request_ = nullptr;
  http::RequestHead* upstream_head_ = nullptr;  // of the current attempt, until its response head; in attempt_arena_
  http::HeaderList* request_trailers_ = nullptr;
  BodyPipe upload_;
  Upload upload_mode_ = Upload::held;
  bool body_wanted_ = false;
  bool request_ended_ = false;  // the client sent all of it
  bool upload_ended_ = false;   // all of it has passed the pipe
  bool replayable_ = true;      // everything that passed the pipe is in replay_
  bool collected_ = false;      // replay_ holds the body for a BUFFER policy: no limit of its own
  RequestReplay replay_;
  std::optional<std::uint32_t> given_by_;  // position of the instance that gave the request its body
  std::string_view given_body_;
  std::uint64_t request_body_bytes_ = 0;
  std::string_view client_ip_;
  std::unique_ptr<Deadline> call_deadline_;  // of a call that brought one

  // Upstream
  Forwarder forwarder_;
  const UpstreamPlan* upstream_plan_ = nullptr;
  Upstream* resolving_ = nullptr;  // whose names we wait for
  Endpoint* endpoint_ = nullptr;   // valid while the forwarder is at it
  std::string_view endpoint_text_;
  std::optional<std::uint64_t> chosen_endpoint_;
  std::uint32_t attempts_ = 0;
  std::uint32_t stale_attempts_ = 0;
  std::optional<std::uint32_t> retry_delay_ms_;
  Deadline retry_deadline_;
  std::uint64_t attempt_started_ns_ = 0;
  std::uint64_t upstream_duration_ns_ = 0;
  std::uint64_t upstream_connect_ns_ = 0;

  // Response
  http::ResponseHead* response_ = nullptr;
  http::ResponseHead* pending_ = nullptr;  // set by respond(), takes effect with the verdict RESPOND
  std::string_view pending_body_;
  std::string_view pending_code_;
  std::string_view pending_message_;  // for gRPC
  ResponseMakers makers_;
  http::HeaderList* response_trailers_ = nullptr;
  std::uint32_t origin_ = POSTERN_ORIGIN_NONE;
  std::uint32_t pending_origin_ = POSTERN_ORIGIN_LOCAL;
  std::string_view local_body_;
  bool head_sent_ = false;
  bool response_ends_ = false;  // the upstream's head said: no body
  bool must_close_ = false;
  bool bad_request_ = false;
  BodyPipe download_;
  std::optional<GaugeShare> open_stream_;  // on a route whose responses stream, from the head on
  std::uint64_t response_body_bytes_ = 0;
  std::string_view error_code_;
  std::string_view error_message_;
  std::string_view error_cause_;

  // Tunnel
  std::string_view upgrade_;  // the protocol that the upstream is asked for; empty: none
  TunnelPlace tunnel_place_;
  std::unique_ptr<Tunnel> tunnel_;

  std::uint64_t started_ns_ = 0;

  struct Variable {  // in the arena
    VariableId id;
    Value value;
    Variable* before;
  };
  Variable* variables_ = nullptr;          // the last one that was new
  mutable char* watched_texts_ = nullptr;  // one buffer for `latency`, one for `upstream.latency`: see is_watched()
  std::uint32_t variable_count_ = 0;
  struct EndCallback {
    void (*run)(void*);
    void* user;
  };
  std::vector<EndCallback> end_callbacks_;
};

}  // namespace postern::proxy

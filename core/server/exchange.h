// One request and its response. The head walks through the stages below, pushed by advance(); bodies stream beside it through
// two pipes. The exchange does not know which HTTP version either side speaks. core/README.md tells the whole story.
#pragma once

#include <postern/abi.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/deadline_wheel.h"
#include "base/result.h"
#include "http/codec.h"
#include "server/body_pipe.h"
#include "server/chain.h"
#include "server/forwarder.h"
#include "server/plan.h"
#include "server/variables.h"

namespace postern::server {

class ClientConnection;
class Worker;
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

// One lane that can stand still at a hook: the head, the request body, the response body.
enum class Lane : std::uint8_t { head, request_body, response_body };

class Exchange final : public VariableReader, private BodyPipe::Host, private Forwarder::Host {
 public:
  Exchange(ClientConnection& client, http::StreamId stream, Worker& worker, WorkerPlan& plan);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;
  ~Exchange();
  static void* operator new(std::size_t size);
  static void operator delete(void* memory) noexcept;

  // --- From the client connection ---
  Arena& arena() noexcept { return arena_; }
  void begin(http::RequestHead& head, bool ends);           // the head is complete; advance() follows
  void refuse(const Error& error, http::RequestHead* head); // it could not be parsed: a local error, on_complete, close
  void on_client_body(std::string_view bytes);
  void on_client_body_end(http::HeaderList* trailers);
  void on_client_gone(std::uint32_t end);                   // POSTERN_END_*: nothing can be sent any more
  void on_client_timeout();                                 // the body came too slowly
  void on_client_drained();                                 // the client reads again
  void advance();                                           // runs stages until one has to wait
  bool wants_body() const noexcept { return wants_body_; }
  bool done() const noexcept { return stage_ == Stage::done; }
  bool receiving() const noexcept { return stage_ == Stage::receive; }
  bool request_ended() const noexcept { return request_ended_; }
  bool response_started() const noexcept { return head_sent_; }

  // --- From the host tables. Each answers POSTERN_OK or an error of abi.h ---
  std::uint64_t handle() const noexcept { return handle_; }
  Worker& worker() noexcept { return worker_; }
  WorkerPlan& worker_plan() noexcept { return plan_; }
  const RoutePlan* route() const noexcept { return route_; }
  const Instance* running() const noexcept { return running_ != nullptr ? running_->instance : nullptr; }
  bool shadowed() const noexcept { return running_ != nullptr && running_->instance->shadow; }
  http::RequestHead& request() noexcept { return upstream_head_in_use_ ? *upstream_head_ : *request_; }
  http::ResponseHead* response() noexcept { return response_; }  // null before there is one
  http::HeaderList* headers(std::uint32_t message) noexcept;     // null when there is none (yet)
  bool headers_mutable(std::uint32_t message) const noexcept;    // false once they have gone out
  postern_status set_field(std::uint32_t field, std::string_view value);
  postern_status set_status(std::uint32_t status);
  postern_status respond(std::uint32_t status, std::string_view content_type, std::string_view body);
  postern_status respond_error(std::uint32_t status, std::string_view code, std::string_view message,
                               std::uint32_t retry_after_s);
  postern_status set_origin(std::uint32_t origin);
  Value variable(VariableId id) const override;
  postern_status set_variable(VariableId id, const Value& value);
  postern_status pause(postern_ticket& ticket);
  postern_status resume(std::uint64_t pause, postern_verdict verdict);  // on this worker
  void info(postern_exchange_info& out) const;
  void* allocate(std::uint64_t size);
  postern_status retry(std::uint32_t delay_ms);
  postern_status on_end(void (*done)(void*), void* user);
  postern_status replace_body(std::uint32_t message, std::string_view bytes);
  postern_status detach_body(std::uint32_t message);
  // Of the exchange's upstream on this worker; null when it has none.
  Upstream* upstream() noexcept;
  postern_status choose_endpoint(std::uint64_t index);
  postern_status choose_upstream(std::string_view name);

 private:
  // --- Stages (exchange.cc) ---
  Stage run_early();
  Stage run_route();
  Stage run_request();
  Stage run_collect_body();
  Stage run_select();
  Stage run_upstream_request();
  Stage run_respond();
  enum class Next : std::uint8_t { ready, waiting };
  void go(Stage stage) noexcept;
  Stage local_reply(const Error& error);
  void fail(const Error& error);  // from anywhere: a local reply if none has gone out, else the client is cut
  void abort(std::uint32_t end);
  void complete(std::uint32_t end);
  void begin_local_response(std::uint16_t status);
  void use_chain(const Chain& chain);
  void open_request_body();
  void request_body_wanted();
  void prepare_upstream_head();
  void send_response_head(bool ends, std::optional<std::uint64_t> known_length);
  void send_local_body();
  void finish_response();
  void update_upload_flow();
  void update_download_flow();
  bool body_forbidden() const noexcept;

  // --- Hooks (exchange_hooks.cc) ---
  struct Pause {
    std::uint64_t number = 0;              // 0: not paused
    const Link* link = nullptr;
    Hook hook = Hook::request;
    std::uint64_t since_ns = 0;
    bool in_hook = false;                  // the hook that took the ticket is still on the stack
    bool resumed_in_hook = false;
    postern_verdict verdict = POSTERN_CONTINUE;
    Deadline deadline;
    Pause(Deadline::Fire fire, void* owner) noexcept : deadline(fire, owner) {}
  };
  enum class HookRun : std::uint8_t { finished, suspended, ended };  // ended: RESPOND, ABORT or ERROR was carried out
  HookRun run_hooks(Hook hook);
  postern_verdict call(const Link& link, Hook hook, std::string_view bytes, std::uint32_t flags);
  postern_verdict call_hook_function(const Link& link, Hook hook, std::string_view bytes, std::uint32_t flags);
  postern_verdict settle(const Link& link, Hook hook, postern_verdict verdict);  // shadow, on_error, counters
  HookRun carry_out(const Link& link, postern_verdict verdict);
  bool condition_holds(const Link& link);
  void resume_lane(Lane lane, postern_verdict verdict);
  void on_pause_deadline(Lane lane);
  Pause& pause_of(Lane lane) noexcept { return pauses_[static_cast<std::size_t>(lane)]; }
  void* slot(const Link& link) noexcept { return slots_ + link.slot; }
  void run_upstream_result(const postern_upstream_result& result);
  void run_complete(std::uint32_t end);

  // --- BodyPipe::Host ---
  bool applies(const Link& link) override { return condition_holds(link); }
  postern_verdict call_body_hook(BodyPipe& pipe, const Link& link, std::string_view bytes, std::uint32_t flags) override;
  void deliver(BodyPipe& pipe, std::string_view bytes, bool end) override;
  void on_pipe_verdict(BodyPipe& pipe, postern_verdict verdict) override;
  void on_pipe_overflow(BodyPipe& pipe, const Link& link) override;
  bool account(std::int64_t bytes) override;
  void deliver_to_upstream(std::string_view bytes, bool end);
  void deliver_to_client(std::string_view bytes, bool end);

  // --- Forwarder::Host ---
  Arena& response_arena() override { return arena_; }
  void on_connected() override;
  void on_attempt_failed(const AttemptFailure& failure) override;
  void on_upstream_head(http::ResponseHead& head, bool ends) override;
  void on_upstream_informational(http::ResponseHead& head) override;
  void on_upstream_body(std::string_view bytes) override;
  void on_upstream_body_end(http::HeaderList* trailers) override;
  void on_upstream_broken(const Error& error) override;
  void on_upstream_drained() override;

  // Identity
  ClientConnection* client_;  // null once the client connection is gone
  http::StreamId stream_;
  Worker& worker_;
  WorkerPlan& plan_;
  std::uint64_t handle_;
  Arena arena_;

  // Course
  Stage stage_ = Stage::receive;
  bool advancing_ = false;
  bool waiting_ = false;           // the current stage waits for an event
  const Chain* chain_ = nullptr;
  const RoutePlan* route_ = nullptr;
  PathParameters path_parameters_;
  std::byte* slots_ = nullptr;
  std::uint32_t slots_ready_ = 0;  // bytes of slots_ already zeroed
  std::size_t hook_at_ = 0;        // next link of the running hook's array
  std::uint32_t reached_ = 0;      // instances whose request hooks had their turn: response hooks run for these
  const Link* running_ = nullptr;
  Hook running_hook_ = Hook::request;
  Lane running_lane_ = Lane::head;
  std::uint64_t pause_count_ = 0;
  Pause pauses_[3];
  std::vector<std::int8_t> conditions_;  // by position: -1 unknown, 0 no, 1 yes; empty when the chain has none

  // Request
  http::RequestHead* request_ = nullptr;
  http::RequestHead* upstream_head_ = nullptr;  // per attempt; what plugins see from on_upstream_request on
  bool upstream_head_in_use_ = false;
  http::HeaderList* request_trailers_ = nullptr;
  BodyPipe upload_;
  bool wants_body_ = false;
  bool request_ended_ = false;        // the client sent all of it
  bool body_delivered_end_ = false;   // all of it passed the pipe
  bool replayable_ = true;            // everything delivered so far is in replay_
  std::string replay_;                // request body kept for another attempt
  std::uint64_t request_body_bytes_ = 0;
  std::string_view client_ip_;

  // Upstream
  Forwarder forwarder_;
  const UpstreamPlan* upstream_plan_ = nullptr;
  std::optional<std::uint32_t> chosen_endpoint_;
  std::uint32_t attempts_ = 0;
  std::optional<std::uint32_t> retry_delay_ms_;
  bool retry_allowed_ = false;        // inside on_upstream_result, and the request can be sent again
  Deadline retry_timer_;
  std::uint64_t attempt_started_ns_ = 0;
  std::uint64_t upstream_duration_ns_ = 0;
  std::uint64_t upstream_connect_ns_ = 0;

  // Response
  http::ResponseHead* response_ = nullptr;
  http::HeaderList* response_trailers_ = nullptr;
  std::uint32_t origin_ = POSTERN_ORIGIN_NONE;
  std::string_view local_body_;
  bool response_chosen_ = false;      // respond stage reached: a later local reply cannot replace it once the head is out
  bool head_sent_ = false;
  bool response_ends_ = false;        // the upstream head said: no body
  bool must_close_ = false;
  BodyPipe download_;
  std::uint64_t response_body_bytes_ = 0;
  std::uint64_t response_head_bytes_ = 0;
  std::string_view error_code_;
  std::string_view error_cause_;

  // Times
  std::uint64_t started_ns_ = 0;
  std::uint64_t started_unix_ms_ = 0;

  struct Variable {
    VariableId id;
    Value value;
  };
  std::vector<Variable> variables_;
  struct EndCallback {
    void (*done)(void*);
    void* user;
  };
  std::vector<EndCallback> end_callbacks_;
};

}  // namespace postern::server

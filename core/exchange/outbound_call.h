// One HTTP request that the gateway makes itself, over a configured upstream and its pool: sends it whole, collects the
// answer up to a limit. On one worker.
#pragma once

#include <postern/abi.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "base/deadline_wheel.h"
#include "http/message.h"
#include "net/loop.h"
#include "plan/variables.h"
#include "upstream/attempt.h"
#include "upstream/upstream_set.h"

namespace postern::proxy {

class WorkerContext;
class WorkerPlan;

class OutboundCall final : public net::Deferred, private Attempt::Host, private ResolveWaiter, private VariableReader {
 public:
  struct Request {
    std::string_view upstream;
    std::string_view method;               // a token; CONNECT is refused
    std::string_view target;               // origin-form
    std::span<const http::Field> headers;  // framing and hop-by-hop fields are refused; Host is added unless given
    std::string_view body;
    std::uint64_t timeout_ms = 30'000;  // for the whole call
    std::uint64_t max_response_body = 1024 * 1024;
  };
  struct Outcome {
    postern_status result;           // POSTERN_OK, or POSTERN_E_CONNECT, TIMEOUT, PROTOCOL, LIMIT
    const http::ResponseHead* head;  // with POSTERN_OK; valid as long as the call is
    std::string_view body;
  };
  using Done = std::function<void(const Outcome& outcome)>;

  // `done` is called once, never inside start; it may stop() the call but must leave its destruction to
  // Loop::defer_delete. Null when the request is malformed, or `plan` has no such upstream. Copies what it needs; holds
  // `plan` as long as it lives.
  static std::unique_ptr<OutboundCall> start(WorkerContext& worker, WorkerPlan& plan, const Request& request,
                                             Done done);
  OutboundCall(const OutboundCall&) = delete;
  OutboundCall& operator=(const OutboundCall&) = delete;
  ~OutboundCall() override;

  void stop() noexcept;  // gives the connection up; `done` will not be called any more

 private:
  OutboundCall(WorkerContext& worker, WorkerPlan& plan, Upstream& upstream, Done done);
  bool prepare(const Request& request);
  void begin();
  void connect();
  void send();
  void finish(postern_status result);
  void report();
  bool may_repeat(const AttemptFailure& failure) const noexcept;
  static void on_timeout(void* self);
  static void on_report_due(void* self);

  // ResolveWaiter, VariableReader
  void on_resolved() override;
  Value variable(VariableId) const override { return {}; }  // there is no client behind this request
  // Attempt::Host
  std::string proxy_header(net::ProxyVersion version) const override;  // nobody's: the gateway speaks for itself
  Arena& response_arena() override { return arena_; }
  void on_connected() override { send(); }
  void on_attempt_failed(const AttemptFailure& failure) override;
  void on_upstream_head(http::ResponseHead& head, bool ends) override;
  void on_upstream_informational(http::ResponseHead&) override {}
  void on_upstream_body(std::string_view bytes) override;
  void on_upstream_body_end(http::HeaderList* trailers) override;
  void on_upstream_broken(const Error& error) override;
  void on_upstream_drained() override {}

  WorkerContext& worker_;
  WorkerPlan& plan_;  // pinned
  Upstream& upstream_;
  Done done_;
  Arena arena_;
  http::RequestHead request_;
  std::string body_;
  bool host_given_ = false;
  std::uint64_t timeout_ms_ = 0;
  std::uint64_t max_response_body_ = 0;
  const http::ResponseHead* head_ = nullptr;
  std::string response_body_;
  postern_status result_ = POSTERN_OK;
  bool starting_ = false;  // start() is on the stack: the report has to wait
  bool over_ = false;
  bool repeated_ = false;
  Deadline timeout_;
  Deadline report_due_;
  Attempt attempt_;  // goes first: it may still sit in a pool's queue
};

}  // namespace postern::proxy

// The attempts of an exchange to get an answer from its upstream: which endpoint is asked, what its request's head says, and what
// the failure of an attempt means. The exchange takes the steps.
#pragma once

#include <postern/abi.h>

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/arena.h"
#include "base/deadline_wheel.h"
#include "base/result.h"
#include "exchange/chain_run.h"
#include "exchange/exchange_context.h"
#include "http/message.h"
#include "plan/plan.h"
#include "upstream/attempt.h"
#include "upstream/upstream_set.h"

namespace postern::proxy {

class Attempts final : private ResolveWaiter {
 public:
  // The exchange, which hears of a single attempt as well.
  class Host : public Attempt::Host {
   public:
    virtual void on_names_resolved() = 0;                // choose() can do now what it could not before
    virtual void on_unresolved(const Error& error) = 0;  // the upstream's names took too long
    virtual void on_retry_due() = 0;                     // the delay before the attempt that a plugin asked for is over

   protected:
    ~Host() = default;
  };

  Attempts(Host& host, ExchangeContext& exchange, ChainRun& chain_run)
      : host_(host),
        x_(exchange),
        chain_run_(chain_run),
        arena_(exchange.worker.blocks()),
        attempt_(host),
        deadline_(&Attempts::on_deadline, this) {}
  Attempts(const Attempts&) = delete;
  Attempts& operator=(const Attempts&) = delete;
  ~Attempts() { stop_waiting(); }

  // --- Where to ---
  void use(const UpstreamPlan* upstream) noexcept;  // null: a plugin must answer
  const UpstreamPlan* upstream_plan() const noexcept { return upstream_plan_; }
  Upstream* upstream() noexcept { return x_.plan.upstreams().find(upstream_plan_); }  // null: none
  void prefer(std::size_t endpoint) noexcept { preferred_ = endpoint; }               // by index, for the next choose()
  enum class Choice : std::uint8_t { made, waits_for_names, no_upstream };
  Choice choose();

  // --- One attempt ---
  // True: there is a connection. Else on_connected or on_attempt_failed follows, the latter perhaps before this returns.
  bool connect();
  Result<void> prepare_head(std::string_view protocol);  // unless it is there; `protocol`: to change to, or empty
  http::RequestHead* head() const noexcept {
    return head_;
  }                             // of the current attempt, from prepare_head() on; else null
  void forget_head() noexcept;  // the response head is there: what was made for the attempt goes
  const Arena& arena() const noexcept { return arena_; }
  void send_head();
  Attempt& attempt() noexcept { return attempt_; }

  // --- What came of it ---
  // `replayable`: the request can be sent again.
  // connect: at once, for the connection was stale. retry_later: a plugin asked for it, and its delay has begun; or the exchange
  // has an answer or an end by now, which a plugin that was told of the failure brought about.
  enum class Next : std::uint8_t { connect, retry_later, give_up };
  Next after_failure(const AttemptFailure& failure, bool replayable);
  // True: as retry_later, though this attempt was answered.
  bool repeats_after(std::uint16_t status, bool replayable);
  postern_status retry(std::uint32_t delay_ms);  // inside on_upstream_result
  void cancel() noexcept;                        // nothing more is heard
  void end(bool reuse) noexcept;                 // `reuse`: the response has been read to its end

  // --- For those who ask ---
  std::uint32_t count() const noexcept { return count_; }
  std::string_view endpoint() const noexcept { return endpoint_text_; }  // "127.0.0.1:9001"
  std::uint64_t duration_ns() const noexcept { return duration_ns_; }    // until the response head; 0 before
  std::uint64_t connect_ns() const noexcept { return connect_ns_; }

 private:
  static constexpr std::size_t kNoPreference = SIZE_MAX;
  struct Outcome {
    std::uint32_t outcome;  // POSTERN_OUTCOME_*
    std::uint16_t status = 0;
    bool never_sent = false;
  };
  void on_resolved() override;
  static void on_deadline(void* self);
  void deadline_passed();
  bool fail_to_connect(std::uint32_t outcome, std::string text);
  bool ask_for_retry(Outcome outcome, bool replayable);
  postern_upstream_result result_of(Outcome outcome) const noexcept;
  void stop_waiting() noexcept;

  Host& host_;
  ExchangeContext& x_;
  ChainRun& chain_run_;
  const UpstreamPlan* upstream_plan_ = nullptr;
  Upstream* resolving_ = nullptr;  // its names are waited for
  Endpoint* endpoint_ = nullptr;   // valid until the attempt at it has ended
  std::string_view endpoint_text_;
  std::size_t preferred_ = kNoPreference;  // index of an endpoint
  Arena arena_;                            // what goes to the upstream; made anew for each attempt
  http::RequestHead* head_ = nullptr;      // there
  Attempt attempt_;
  std::uint8_t count_ = 0;
  std::uint8_t stale_count_ = 0;
  bool retry_allowed_ = false;  // inside on_upstream_result, and the request can be sent again
  std::optional<std::uint32_t> retry_delay_ms_;
  Deadline deadline_;  // of names that are resolved, or of the delay before a retry
  std::uint64_t started_ns_ = 0;
  std::uint64_t duration_ns_ = 0;
  std::uint64_t connect_ns_ = 0;
};

}  // namespace postern::proxy

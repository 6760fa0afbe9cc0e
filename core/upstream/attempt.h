// One attempt to get an answer from an upstream: waits for a connection, sends the request, hands back the response.
// Decides nothing: failures go to the exchange, which asks the plugins.
#pragma once

#include <postern/abi.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"
#include "http/message.h"
#include "upstream/attempt_roles.h"
#include "upstream/upstream_connection.h"
#include "upstream/upstream_pool.h"

namespace postern::proxy {

struct Endpoint;

struct AttemptFailure {
  std::uint32_t outcome;    // POSTERN_OUTCOME_*, never RESPONSE
  Error error;              // what the client gets when nobody tries again
  bool never_sent = false;  // no byte of the request left the gateway, or the upstream says that it did nothing with it
  // A reused connection that the peer had closed, or one that takes no more or was dead: worth repeating at once when that is
  // safe.
  bool stale = false;
};

class Attempt final : public RequestBodySink, public ResponseBodySource, private PoolWaiter, private UpstreamUser {
 public:
  class Host {
   public:
    virtual Arena& response_arena() = 0;
    // What introduces the client to the upstream (PROXY protocol).
    virtual std::string proxy_header(net::ProxyVersion version) const = 0;
    virtual void on_connected() = 0;                                    // send_head() may be called now
    virtual void on_attempt_failed(const AttemptFailure& failure) = 0;  // before the response head
    virtual void on_upstream_head(http::ResponseHead& head, bool ends) = 0;
    virtual void on_upstream_informational(http::ResponseHead& head) = 0;
    virtual void on_upstream_body(std::string_view bytes) = 0;
    virtual void on_upstream_body_end(http::HeaderList* trailers) = 0;
    virtual void on_upstream_broken(const Error& error) = 0;  // after the response head
    virtual void on_upstream_drained() = 0;                   // the upstream takes more of the request body

   protected:
    ~Host() = default;
  };

  explicit Attempt(Host& host) noexcept : host_(&host) {}
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;
  ~Attempt() { cancel(); }

  // Asks for a connection to `endpoint`. ready: there is one already, on_connected is not called. waiting: on_connected or
  // on_attempt_failed comes later. refused: the endpoint's limits are reached and its queue is full.
  enum class Connect : std::uint8_t { ready, waiting, refused };
  Connect connect(Endpoint& endpoint);
  void send_head(const http::RequestHead& head, AnswerTimes times);
  void send_body(std::string_view bytes) override;
  void send_end(const http::HeaderList* trailers) override;
  bool congested() const noexcept override;
  void pause_response() override;
  void resume_response() override;
  void cancel() noexcept {  // gives the connection up; nothing is reported any more
    leave_queue();
    leave_endpoint();
    if (stream_ != nullptr) std::exchange(stream_, nullptr)->discard();
  }
  void release();  // after the response has ended: back to the pool when it can be reused

  bool connected() const noexcept { return stream_ != nullptr; }
  bool response_ended() const noexcept { return response_ended_; }
  bool reused() const noexcept { return reused_; }
  std::uint64_t connect_ns() const noexcept { return connect_ns_; }
  const Endpoint* endpoint() const noexcept { return endpoint_; }
  Endpoint* endpoint() noexcept { return endpoint_; }

 private:
  // PoolWaiter
  void on_pool_connection(UpstreamConnection& connection) override;
  void on_pool_failure(std::uint32_t outcome, const Error& error) override;
  std::string introduction() const override;
  // UpstreamUser
  Arena& response_arena() override { return host_->response_arena(); }
  void on_informational(http::ResponseHead& head) override { host_->on_upstream_informational(head); }
  void on_response_head(http::ResponseHead& head, bool ends) override;
  void on_response_body(std::string_view bytes) override { host_->on_upstream_body(bytes); }
  void on_response_end(http::HeaderList* trailers) override;
  void on_drained() override { host_->on_upstream_drained(); }
  void on_lost(const StreamLoss& loss) override;
  void take(UpstreamConnection& connection);
  void leave_endpoint() noexcept {
    if (counted_) count_out();
  }
  void count_out() noexcept;

  Host* host_;
  UpstreamStream* stream_ = nullptr;
  Endpoint* endpoint_ = nullptr;
  std::uint64_t connect_ns_ = 0;
  bool reused_ = false;
  bool counted_ = false;  // in the endpoint's number of active exchanges
  bool head_sent_ = false;
  bool request_ended_ = false;
  bool head_received_ = false;
  bool response_ended_ = false;
  bool paused_ = false;
};

}  // namespace postern::proxy

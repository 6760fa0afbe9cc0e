// The response on its way to the client: its head once, its body through the chain's body hooks, its trailers, and no faster than the
// client reads.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "base/error.h"
#include "base/metrics.h"
#include "exchange/body_pipe.h"
#include "exchange/chain_run.h"
#include "exchange/exchange_context.h"
#include "exchange/local_answer.h"
#include "http/message.h"
#include "upstream/attempt_roles.h"

namespace postern::proxy {

class ResponseRelay final : private BodyPipe::Host {
 public:
  // The exchange.
  class Host {
   public:
    virtual void on_response_sent() = 0;  // all of it
    virtual void on_relay_failed(const Error& error) = 0;

   protected:
    ~Host() = default;
  };

  ResponseRelay(Host& host, ExchangeContext& exchange, ChainRun& chain_run, ResponseBodySource& attempt)
      : host_(host), x_(exchange), chain_run_(chain_run), attempt_(attempt), pipe_(*this, POSTERN_RESPONSE) {}
  ResponseRelay(const ResponseRelay&) = delete;
  ResponseRelay& operator=(const ResponseRelay&) = delete;

  // --- The response; each takes the place of the one before, while no head has gone out ---
  void take(http::ResponseHead& head, bool ends);  // the upstream's; `ends`: it has no body
  // Nothing of the upstream's response is taken any more. An answer of 400 and more that says no code of its own keeps that of the
  // error whose place it takes: an error page is still that error for metrics, logs and gRPC.
  void take(const LocalAnswer& answer);
  // The response hooks have run: the head goes out, or waits for a body hook that wants the whole body, and the body follows.
  void start();
  void start_tunnel();                                   // a head with 101 goes out; what follows comes by write()
  void require_close() noexcept { must_close_ = true; }  // this connection can take no other request
  void break_off(const Error& error);                    // after the head: completion hooks hear of its code
  void close() noexcept;                                 // nothing goes to the client any more

  // --- From the upstream ---
  void on_body(std::string_view bytes);
  void on_end(http::HeaderList* trailers);
  void write(std::string_view bytes);  // to the client as they are
  void finish();                       // the response has ended

  // --- From the client, and from a plugin ---
  void on_client_drained();              // it reads again
  void resume(postern_verdict verdict);  // of the suspended body hook

  // --- For those who ask ---
  http::ResponseHead* head() const noexcept { return answer_.head; }  // null: there is no response yet
  std::uint32_t origin() const noexcept { return answer_.origin; }
  std::string_view error_code() const noexcept { return answer_.code; }
  std::string_view error_message() const noexcept { return answer_.message; }
  http::HeaderList* trailers() const noexcept { return trailers_; }
  bool head_sent() const noexcept { return head_sent_; }
  bool must_close() const noexcept { return must_close_; }
  bool ends_with_head() const noexcept;  // the client gets no body
  std::uint64_t bytes() const noexcept { return bytes_; }
  BodyPipe& pipe() noexcept { return pipe_; }

 private:
  bool of_upstream() const noexcept { return answer_.origin == POSTERN_ORIGIN_UPSTREAM; }
  bool bodiless() const noexcept;  // HEAD, 204, 304
  void start_upstreams();
  void start_local();
  void send_grpc_refusal();
  void send_head_alone();
  void send_head(std::optional<std::uint64_t> known_length);
  void frame(std::optional<std::uint64_t> known_length);
  // BodyPipe::Host
  bool asks(const Link& link) override { return chain_run_.asks_about_response(link); }
  postern_verdict call_body_hook(const Link& link, std::string_view bytes, std::uint32_t flags) override;
  void deliver(std::string_view bytes, bool end) override;
  void on_pipe_verdict(const Link& link, postern_verdict verdict) override;
  void on_pipe_overflow(const Link& link, bool out_of_memory) override;
  bool account(const Link* link, std::int64_t bytes) override { return x_.plan.account_body(link, bytes); }

  Host& host_;
  ExchangeContext& x_;
  ChainRun& chain_run_;
  ResponseBodySource& attempt_;
  BodyPipe pipe_;
  LocalAnswer answer_;  // what goes to the client; of the upstream's response the head and its origin alone
  http::HeaderList* trailers_ = nullptr;
  bool upstream_ended_ = false;  // the upstream's head said: no body
  bool relaying_ = false;
  bool head_sent_ = false;
  bool must_close_ = false;
  std::unique_ptr<GaugeShare> open_stream_;  // on a route whose responses stream, from the head on
  std::uint64_t bytes_ = 0;                  // of the body, to the client
};

}  // namespace postern::proxy

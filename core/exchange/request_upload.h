// The request's body on its way to the upstream: through the chain's body hooks, collected when one of them wants it whole, kept for
// another attempt, and no faster than somebody takes it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/error.h"
#include "exchange/body_pipe.h"
#include "exchange/chain_run.h"
#include "exchange/exchange_context.h"
#include "exchange/request_replay.h"
#include "http/message.h"
#include "upstream/attempt_roles.h"

namespace postern::proxy {

class RequestUpload final : private BodyPipe::Host {
 public:
  // The exchange.
  class Host {
   public:
    virtual void on_body_collected() = 0;                  // what collect() waited for
    virtual void on_body_refused(const Error& error) = 0;  // nobody takes the rest of the body
    virtual void on_upload_failed(const Error& error) = 0;

   protected:
    ~Host() = default;
  };
  // A request body up to this size is kept while it is sent, so that it can be sent again.
  static constexpr std::size_t kReplayLimit = 64 * 1024;

  RequestUpload(Host& host, ExchangeContext& exchange, ChainRun& chain_run, RequestBodySink& attempt)
      : host_(host),
        x_(exchange),
        chain_run_(chain_run),
        attempt_(attempt),
        pipe_(*this, POSTERN_REQUEST),
        replay_(exchange.worker.buffered_bytes()) {}
  RequestUpload(const RequestUpload&) = delete;
  RequestUpload& operator=(const RequestUpload&) = delete;

  // --- From the client ---
  void on_body(std::string_view bytes);
  void on_end(http::HeaderList* trailers);
  void count(std::size_t bytes) noexcept { bytes_ += bytes; }  // that go another way (tunnels)

  // --- The course of the exchange ---
  bool has_body() const noexcept { return given_by_.has_value() || !http::is_empty(x_.request->body); }
  bool announces_too_much() const noexcept;  // by its Content-Length
  Error too_large() const;
  void give(std::uint32_t position, std::string_view bytes);  // by the instance there, for those behind it
  // Opens the body to the hooks. False: one of them wants it whole, and on_body_collected() follows.
  bool collect();
  void frame(http::RequestHead& head);   // says there how the body will come
  void start();                          // the head has been sent: the body follows, from its beginning
  void hold();                           // between two attempts nobody takes it
  void on_drained();                     // the upstream reads again
  void resume(postern_verdict verdict);  // of the suspended body hook
  void forget_replay();                  // the upstream has answered: there will be no other attempt
  void discard() noexcept;               // nobody wants it any more

  // --- For those who ask ---
  bool replayable() const noexcept { return replayable_; }  // all that has passed the hooks can be sent again
  std::uint64_t bytes() const noexcept { return bytes_; }
  http::HeaderList* trailers() const noexcept { return trailers_; }  // null: none (yet)
  BodyPipe& pipe() noexcept { return pipe_; }

 private:
  enum class Mode : std::uint8_t { held, collecting, streaming, discarded };
  void open();
  std::span<const Link> links() const;
  bool exceeds_limit(std::uint64_t bytes) const noexcept;
  void remember(std::string_view bytes);
  void send_replay();
  void update_flow();
  // BodyPipe::Host
  bool asks(const Link& link) override { return chain_run_.condition_holds(link); }
  postern_verdict call_body_hook(const Link& link, std::string_view bytes, std::uint32_t flags) override;
  void deliver(std::string_view bytes, bool end) override;
  void on_pipe_verdict(const Link& link, postern_verdict verdict) override;
  void on_pipe_overflow(const Link& link, bool out_of_memory) override;
  bool account(const Link* link, std::int64_t bytes) override { return x_.plan.account_body(link, bytes); }

  Host& host_;
  ExchangeContext& x_;
  ChainRun& chain_run_;
  RequestBodySink& attempt_;
  BodyPipe pipe_;
  RequestReplay replay_;
  Mode mode_ = Mode::held;
  bool flows_ = false;                     // what the client's session was told last
  bool ended_ = false;                     // all of it has passed the pipe
  bool replayable_ = true;                 // everything that passed the pipe is in replay_
  std::optional<std::uint32_t> given_by_;  // position of the instance that gave the request its body
  std::string_view given_body_;
  http::HeaderList* trailers_ = nullptr;
  std::uint64_t bytes_ = 0;  // from the client
};

}  // namespace postern::proxy

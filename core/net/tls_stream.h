// A Stream whose bytes travel sealed in another one. Internal to core/net: TlsHandshake makes them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "net/stream.h"
#include "net/tls_session.h"

namespace postern::net {

class TlsStream final : public Stream, private StreamOwner {
 public:
  // `context` is what `ssl` was made from: kept as long as the connection.
  TlsStream(Loop& loop, std::unique_ptr<Stream> inner, Origin peer, SSL* ssl, std::shared_ptr<const void> context,
            std::shared_ptr<TlsSessionSlot> slot);
  ~TlsStream() override;

  // `done` is called once, later, with the step's outcome: done or failed (then why() tells). It may destroy the stream.
  using HandshakeDone = std::function<void(bool good)>;
  void shake_hands(HandshakeDone done);
  void set_info(std::unique_ptr<const TlsInfo> info) noexcept { info_ = std::move(info); }
  TlsSession& session() noexcept { return session_; }
  const std::string& why() const noexcept {
    return why_;
  }                                      // of a failed handshake, when it is not the session's reason
  std::unique_ptr<Stream> take_inner();  // after a failed handshake: what is left is to close it

  void start_reading() override;
  void stop_reading() override;
  void append(std::string_view bytes) override;
  void flush() override;
  std::size_t queued() const noexcept override { return gathered_size_ + (inner_ != nullptr ? inner_->queued() : 0); }
  void shutdown_write() override;
  void reset() override;
  void unread(std::string bytes) override { unread_ = std::make_unique<std::string>(std::move(bytes)); }
  const TlsInfo* tls() const noexcept override { return info_.get(); }
  const std::string& peer_host() const noexcept override { return inner_->peer_host(); }
  std::uint16_t peer_port() const noexcept override { return inner_->peer_port(); }
  Address local_address() const override { return inner_->local_address(); }
  void set_peer(std::string host, std::uint16_t port) override { inner_->set_peer(std::move(host), port); }

 private:
  enum class State : std::uint8_t { handshake, open, ending };  // ending: close_notify is on its way
  void on_read(std::string_view sealed) override;
  void on_eof() override;
  void on_stream_error(const Error& error) override;
  void on_drained() override;
  void end_of_event() override;

  bool takes_bytes() const noexcept { return state_ == State::open && !failed_ && !broken_; }
  void open_sealed(std::string_view sealed);
  bool continue_handshake();
  bool open_some();
  bool deliver(std::string_view plain);
  bool waits() const noexcept;
  void hold_rest();
  void seal_gathered();
  void seal(std::string_view plain);
  void finish_handshake(bool good, std::string why = {});
  void break_off(std::string why);
  void tell_error(const Error& error);
  void tell_end();
  void send_end();

  Loop& loop_;
  std::unique_ptr<Stream> inner_;
  TlsSession session_;
  std::shared_ptr<const void> context_;
  std::unique_ptr<const TlsInfo> info_;
  HandshakeDone handshake_done_;
  std::unique_ptr<std::string> unread_;
  std::string held_;  // sealed bytes that wait for the owner
  std::string why_;
  WriteBuffers::Buffer gathered_;  // plain bytes until the event ends: a record for each piece would cost more
  std::uint32_t gathered_size_ = 0;
  State state_ = State::handshake;
  Origin origin_;
  bool want_read_ = false;
  bool broken_ = false;      // nothing can be read or written any more; the owner hears of it when it reads
  bool peer_ended_ = false;  // close_notify has come
  bool end_sent_ = false;
  bool reset_ = false;
  bool* gone_ = nullptr;  // of the call on the stack: the stream has been destroyed
};

}  // namespace postern::net

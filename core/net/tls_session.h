// One TLS connection as an engine without a socket: sealed bytes are lent to it and taken from it, both without copies of
// their own; plain bytes go in and out. Internal to core/net.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "net/loop.h"
#include "net/openssl.h"
#include "net/stream.h"
#include "net/tls_info.h"

namespace postern::net {

class TlsClientContext;

// The last session of a pool's connections, so that the next handshake is a short one. Of one thread.
class TlsSessionSlot {
 public:
  void keep(OwnedSession session, SSL_CTX* context) noexcept;
  // Sessions of another context are of no use: what was verified with it need not be good in this one.
  SSL_SESSION* get(const SSL_CTX* context) const noexcept {
    return context == context_.get() ? session_.get() : nullptr;
  }

 private:
  OwnedSession session_;
  OwnedContext context_;  // kept, so that no other can come to its address
};

class TlsSession {
 public:
  enum class Step { done, wants_more, ended, failed };  // ended: the peer has said that it sends no more (close_notify)

  // `sealed` gets what is to be sent.
  TlsSession(Loop& loop, SSL* ssl, Stream& sealed, std::shared_ptr<TlsSessionSlot> slot);
  TlsSession(const TlsSession&) = delete;
  TlsSession& operator=(const TlsSession&) = delete;
  ~TlsSession();

  // What was received, until `rest` is empty or somebody else is lent.
  void lend(std::string_view received) noexcept { input_ = received; }
  std::string_view rest() const noexcept { return input_; }

  Step handshake();
  Step read(std::span<char> to, std::size_t& size);  // done: `size` bytes, at least one
  bool write(std::string_view plain);                // false: failed
  void say_end();                                    // close_notify
  // Plain bytes wait inside, or what has been lent.
  bool has_more() const noexcept { return !input_.empty() || SSL_pending(ssl_.get()) > 0; }

  SSL* ssl() const noexcept { return ssl_.get(); }
  std::string why() const { return why_; }                   // after `failed`
  int reason_code() const noexcept { return reason_code_; }  // OpenSSL's SSL_R_*, 0 when there is none
  long verify_result() const noexcept { return SSL_get_verify_result(ssl_.get()); }
  TlsInfo info() const;

  static int keep_session(SSL* ssl, SSL_SESSION* session);  // of clients: SSL_CTX_sess_set_new_cb

 private:
  friend struct SessionBio;
  static void on_info(const SSL* ssl, int where, int value);
  Step outcome(int result);
  Step failed(std::string why);
  void send(std::string_view sealed);
  void deliver();

  Loop& loop_;
  Stream& out_;
  std::shared_ptr<TlsSessionSlot> slot_;
  std::string_view input_;
  std::size_t sealed_ = 0;  // bytes in the loop's buffer that wait for the end of the call
  int reason_code_ = 0;
  bool renegotiates_ = false;
  std::string why_;
  OwnedSsl ssl_;  // goes first: it may still speak
};

}  // namespace postern::net

// An accepted stream on its way to become a client connection: what must happen before the first request can be read.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/deadline_wheel.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/tls_handshake.h"
#include "plan/plan.h"

namespace postern::proxy {

class ConnectionKeeper;
class WorkerContext;

class Arrival final : public net::Deferred, private net::StreamOwner {
 public:
  // `listener` is the worker's name for it.
  Arrival(WorkerContext& worker, ConnectionKeeper& keeper, std::string_view listener);
  Arrival(const Arrival&) = delete;
  Arrival& operator=(const Arrival&) = delete;

  static bool needed(const ListenerPlan& listener) noexcept {
    return listener.tls != nullptr || listener.config->proxy_protocol;
  }
  // Ends with ConnectionKeeper::admit or remove, later.
  void start(const ListenerPlan& listener, std::unique_ptr<net::Stream> stream);
  void abort();  // the drain time is over

  std::string_view listener_name() const noexcept { return listener_; }
  std::size_t index = 0;  // in the worker's list

 private:
  void on_read(std::string_view bytes) override;
  void on_eof() override;
  void on_stream_error(const Error& error) override;
  void on_drained() override {}
  void await_header(const ListenerPlan& listener);
  void go_on();
  void on_handshake(net::TlsHandshake::Outcome outcome);
  void refuse(net::TlsFailure failure);
  static void on_deadline(void* self);
  void fail(std::string_view kind, std::string_view why);
  void end();

  WorkerContext& worker_;
  ConnectionKeeper& keeper_;
  std::string_view listener_;
  std::shared_ptr<const net::TlsServerContext> context_;
  std::unique_ptr<net::Stream> stream_;  // until it goes to the handshake, or to the connection
  std::unique_ptr<net::TlsHandshake> handshake_;
  std::string header_;   // of the PROXY protocol, as far as it has come
  std::string peer_;     // for the log
  bool trusted_ = true;  // whoever sends the header
  Deadline deadline_;
};

}  // namespace postern::proxy

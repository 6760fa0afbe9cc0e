#include <uv.h>

#include <utility>

#include "net/handle_ptr.h"
#include "net/socket_address.h"
#include "net/stream.h"
#include "net/timer.h"
#include "net/uv_error.h"
#include "net/uv_stream.h"

namespace postern::net {
namespace {

class UvConnector final : public Connector {
 public:
  UvConnector(Loop& loop, const Address& address, Done done) : loop_(loop), address_(address), done_(std::move(done)) {}

  void start() {
    auto to = socket_address(address_);
    if (!to) return fail_later(Error::upstream(ErrorCode::proxy_error, to.error().text));
    int status = address_.kind == Address::Kind::unix_path ? start_pipe() : start_tcp(*to);
    if (status != 0) fail_later(error_of(status));
  }

 private:
  int start_tcp(const SocketAddress& to) {
    auto raw = std::make_unique<RawStream>();
    int status = uv_tcp_init_ex(loop_.raw(), &raw->tcp, static_cast<unsigned>(to.family()));
    if (status != 0) return status;
    handle_.reset(raw.release());
    handle_->tcp.data = this;
    status = uv_tcp_nodelay(&handle_->tcp, 1);
    if (status != 0) return status;
    auto request = std::make_unique<uv_connect_t>();
    status = uv_tcp_connect(request.get(), &handle_->tcp, to.raw(), on_connect);
    if (status == 0) request.release();  // on_connect's from here
    return status;
  }

  int start_pipe() {
    auto raw = std::make_unique<RawStream>();
    int status = uv_pipe_init(loop_.raw(), &raw->pipe, 0);
    if (status != 0) return status;
    handle_.reset(raw.release());
    handle_->pipe.data = this;
    uv_pipe_connect(new uv_connect_t, &handle_->pipe, address_.host.c_str(), on_connect);  // reports every error later
    return 0;
  }

  static void on_connect(uv_connect_t* raw, int status) {
    std::unique_ptr<uv_connect_t> request(raw);
    auto* connector = static_cast<UvConnector*>(raw->handle->data);
    if (connector == nullptr) return;
    EventScope event(connector->loop_);
    connector->finish(status);
  }

  void finish(int status) {
    if (status != 0) return report(fail(error_of(status)));
    bool unix_socket = address_.kind == Address::Kind::unix_path;
    Peer peer{unix_socket ? "unix" : address_.host, address_.port, Origin::upstream};
    report(std::make_unique<UvStream>(loop_, std::move(handle_), std::move(peer)));
  }

  void fail_later(Error error) {
    late_ = Timer::start(loop_, 0, 0, [this, error = std::move(error)] { report(fail(error)); });
  }

  // `done` may destroy this.
  void report(Result<std::unique_ptr<Stream>> result) {
    auto done = std::move(done_);
    done(std::move(result));
  }

  Error error_of(int status) const {
    auto code = status == UV_ETIMEDOUT ? ErrorCode::timeout : ErrorCode::proxy_error;
    return uv_error(status, "connect to " + address_.text(), code, Origin::upstream);
  }

  Loop& loop_;
  Address address_;
  Done done_;
  HandlePtr<RawStream> handle_;
  std::unique_ptr<Timer> late_;
};

}  // namespace

std::unique_ptr<Connector> Connector::start(Loop& loop, const Address& address, Done done) {
  auto connector = std::make_unique<UvConnector>(loop, address, std::move(done));
  connector->start();
  return connector;
}

}  // namespace postern::net

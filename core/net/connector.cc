#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <uv.h>

#include <cerrno>
#include <utility>

#include "net/keep_alive.h"
#include "net/socket_address.h"
#include "net/socket_stream.h"
#include "net/stream.h"
#include "net/timer.h"
#include "net/uv_error.h"
#include "net/watched_socket.h"

namespace postern::net {
namespace {

class SocketConnector final : public Connector {
 public:
  SocketConnector(Loop& loop, const Address& address, Done done)
      : loop_(loop), address_(address), done_(std::move(done)) {}

  void start() {
    auto to = socket_address(address_);
    if (!to) return fail_later(Error::upstream(ErrorCode::proxy_error, to.error().text));
    int status = connect(*to);
    if (status != 0) fail_later(error_of(status));
  }

 private:
  int connect(const SocketAddress& to) {
    int fd = ::socket(to.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return -errno;
    int status = socket_.open(loop_.raw(), fd);
    if (status != 0) return status;
    socket_.set_owner(this);
    int on = 1;
    bool tcp = to.family() != AF_UNIX;
    if (tcp && setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0) return -errno;
    if (tcp && !keep_alive(fd)) return -errno;
    if (::connect(fd, to.raw(), to.size) != 0 && errno != EINPROGRESS && errno != EINTR) return -errno;
    return socket_.watch(UV_WRITABLE, on_ready);  // a socket that is connected already is writable, too
  }

  static void on_ready(uv_poll_t* raw, int, int) {
    auto* connector = static_cast<SocketConnector*>(raw->data);
    if (connector == nullptr) return;
    EventScope event(connector->loop_);
    connector->finish();
  }

  void finish() {
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(socket_.fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return report(fail(error_of(-error)));
    bool unix_socket = address_.kind == Address::Kind::unix_path;
    Peer peer{unix_socket ? "unix" : address_.host, address_.port, Origin::upstream};
    socket_.watch(0, nullptr);
    report(std::make_unique<SocketStream>(loop_, std::move(socket_), std::move(peer)));
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
  WatchedSocket socket_;
  std::unique_ptr<Timer> late_;
};

}  // namespace

std::unique_ptr<Connector> Connector::start(Loop& loop, const Address& address, Done done) {
  auto connector = std::make_unique<SocketConnector>(loop, address, std::move(done));
  connector->start();
  return connector;
}

}  // namespace postern::net

#include "net/listener.h"

#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

#include <cerrno>
#include <utility>

#include "base/log.h"
#include "net/handle_ptr.h"
#include "net/listening_socket.h"
#include "net/socket_address.h"
#include "net/socket_stream.h"
#include "net/timer.h"
#include "net/uv_error.h"
#include "net/watched_socket.h"

namespace postern::net {
namespace {

constexpr int kAcceptsPerTurn = 64;        // then other sockets get their turn; the kernel reports the rest again
constexpr std::uint64_t kBackOffMs = 100;  // after running out of file descriptors or memory

// Accepts with accept4 on a watched descriptor, not with uv_listen: that way the number per turn is bounded, running
// out of descriptors leaves clients in the backlog, and the peer's address comes with the connection.
class UvListener final : public Listener {
 public:
  // `poll` is initialised.
  UvListener(Loop& loop, std::shared_ptr<ListeningSocket> socket, HandlePtr<uv_poll_t> poll, Accept accept)
      : loop_(loop),
        socket_(std::move(socket)),
        poll_(std::move(poll)),
        accept_(std::make_shared<const Accept>(std::move(accept))) {
    poll_->data = this;
  }

  const Address& address() const noexcept override { return socket_->address(); }
  void pause() override { set_paused(true); }
  void resume() override { set_paused(false); }

  int watch() {
    bool wanted = !paused_ && back_off_ == nullptr;
    return wanted ? uv_poll_start(poll_.get(), UV_READABLE, on_readable) : uv_poll_stop(poll_.get());
  }

 private:
  enum class Accepted { one, none, exhausted };

  void set_paused(bool paused) {
    if (std::exchange(paused_, paused) != paused) watch();
  }

  static void on_readable(uv_poll_t* raw, int, int) {
    auto* listener = static_cast<UvListener*>(raw->data);
    if (listener == nullptr) return;
    EventScope event(listener->loop_);
    // Shared with this frame: the function may destroy the listener while it runs.
    std::shared_ptr<const Accept> accept = listener->accept_;
    for (int i = 0; i < kAcceptsPerTurn && raw->data != nullptr && !listener->paused_; ++i) {
      if (!listener->accept_one(*accept)) return;
    }
  }

  // False: nothing more for now. The last thing it does is to call `accept`.
  bool accept_one(const Accept& accept) {
    SocketAddress from;
    int fd = ::accept4(socket_->fd(), from.raw(), &from.size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return go_on_after(errno);
    WatchedSocket socket;
    if (socket.open(loop_.raw(), fd) != 0) return true;
    exhausted_ = false;
    Address peer = address_of(from);
    accept(std::make_unique<SocketStream>(loop_, std::move(socket),
                                          Peer{std::move(peer.host), peer.port, Origin::client}));
    return true;
  }

  bool go_on_after(int error) {
    switch (error) {
      case EAGAIN:
        return false;
      case ECONNABORTED:  // this one connection failed; the loop over the backlog is bounded
      case EINTR:
      case EPERM:
      case EPROTO:
        return true;
      default:  // EMFILE, ENFILE, ENOBUFS, ENOMEM and what should not happen
        back_off(error);
        return false;
    }
  }

  // Without a pause the loop would spin: the waiting connection keeps the socket readable.
  void back_off(int error) {
    if (!std::exchange(exhausted_, true)) {
      logger("server").write(LogLevel::warn, "accepting connections is paused",
                             {{"listener", address().text()}, {"reason", uv_reason(-error)}});
    }
    back_off_ = Timer::start(loop_, kBackOffMs, 0, [this] {
      back_off_.reset();
      watch();
    });
    watch();
  }

  Loop& loop_;
  std::shared_ptr<ListeningSocket> socket_;  // unix: shared with the listeners of other workers
  HandlePtr<uv_poll_t> poll_;                // goes first: the descriptor must not be closed while it is watched
  std::shared_ptr<const Accept> accept_;
  std::unique_ptr<Timer> back_off_;  // runs while the process is out of descriptors
  bool paused_ = false;
  bool exhausted_ = false;  // logged already; until a connection is accepted
};

}  // namespace

Result<void> Listener::check_unused(const Address& address) { return ListeningSocket::check_unused(address); }

Result<std::unique_ptr<Listener>> Listener::open(Loop& loop, const Address& address, Accept accept) {
  auto socket = ListeningSocket::open(address);
  if (!socket) return fail(std::move(socket.error()));
  auto raw = std::make_unique<uv_poll_t>();
  int status = uv_poll_init(loop.raw(), raw.get(), (*socket)->fd());
  if (status != 0) return fail(uv_error(status, "listen on " + address.text()));
  HandlePtr<uv_poll_t> poll(raw.release());
  auto listener = std::make_unique<UvListener>(loop, std::move(*socket), std::move(poll), std::move(accept));
  status = listener->watch();
  if (status != 0) return fail(uv_error(status, "listen on " + address.text()));
  return listener;
}

}  // namespace postern::net

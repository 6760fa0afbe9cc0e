#include "net/listening_socket.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <mutex>
#include <utility>

#include "net/keep_alive.h"
#include "net/socket_address.h"
#include "net/uv_error.h"

namespace postern::net {
namespace {

constexpr int kBacklog = 4096;  // the kernel caps it at net.core.somaxconn

class Fd {
 public:
  explicit Fd(int fd) noexcept : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }

 private:
  int fd_;
};

tl::unexpected<Error> listen_error(const Address& address, int error) {
  return fail(uv_error(-error, "listen on " + address.text()));
}

Fd open_socket(int family) { return Fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)); }

bool turn_on(int fd, int level, int option) {
  int on = 1;
  return ::setsockopt(fd, level, option, &on, sizeof(on)) == 0;
}

// With this alone binding fails while another socket listens, but not for connections that are left from before. IPv6
// sockets leave IPv4 alone, so that both can listen on one port.
bool set_address_options(int fd, int family) {
  return turn_on(fd, SOL_SOCKET, SO_REUSEADDR) && (family != AF_INET6 || turn_on(fd, IPPROTO_IPV6, IPV6_V6ONLY));
}

// TCP_NODELAY and keep-alive pass to accepted sockets.
bool set_tcp_options(int fd, int family) {
  return set_address_options(fd, family) && turn_on(fd, SOL_SOCKET, SO_REUSEPORT) &&
         turn_on(fd, IPPROTO_TCP, TCP_NODELAY) && keep_alive(fd);
}

class TcpSocket final : public ListeningSocket {
 public:
  static Result<std::shared_ptr<ListeningSocket>> open(const Address& address, const SocketAddress& at) {
    Fd fd = open_socket(at.family());
    bool listening = fd.get() >= 0 && set_tcp_options(fd.get(), at.family()) &&
                     ::bind(fd.get(), at.raw(), at.size) == 0 && ::listen(fd.get(), kBacklog) == 0;
    SocketAddress bound;
    if (!listening || ::getsockname(fd.get(), bound.raw(), &bound.size) != 0) return listen_error(address, errno);
    return std::make_shared<TcpSocket>(std::move(fd), address_of(bound));
  }

  TcpSocket(Fd fd, Address address) : fd_(std::move(fd)), address_(std::move(address)) {}
  int fd() const noexcept override { return fd_.get(); }
  const Address& address() const noexcept override { return address_; }

 private:
  Fd fd_;
  Address address_;
};

struct FileId {
  dev_t device = 0;
  ino_t inode = 0;
  bool operator==(const FileId&) const = default;
};

FileId socket_file_at(const std::string& path) {  // all zero: no socket there
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0 || !S_ISSOCK(info.st_mode)) return {};
  return {info.st_dev, info.st_ino};
}

class UnixSocket final : public ListeningSocket {
 public:
  static Result<std::shared_ptr<ListeningSocket>> open(const Address& address, const SocketAddress& at) {
    Fd fd = open_socket(AF_UNIX);
    if (fd.get() < 0) return listen_error(address, errno);
    int error = bind_at(fd.get(), at);
    if (error == EADDRINUSE && is_stale(address.host, at)) {
      ::unlink(address.host.c_str());
      error = bind_at(fd.get(), at);
    }
    if (error != 0) return listen_error(address, error);
    auto socket = std::make_shared<UnixSocket>(std::move(fd), address);
    if (::listen(socket->fd(), kBacklog) != 0) return listen_error(address, errno);
    return socket;
  }

  UnixSocket(Fd fd, const Address& address)
      : fd_(std::move(fd)), address_(address), file_(socket_file_at(address.host)) {}
  // Another process may have put its own socket there meanwhile: that one stays.
  ~UnixSocket() override {
    if (file_ != FileId{} && socket_file_at(address_.host) == file_) ::unlink(address_.host.c_str());
  }
  int fd() const noexcept override { return fd_.get(); }
  const Address& address() const noexcept override { return address_; }

 private:
  static int bind_at(int fd, const SocketAddress& at) { return ::bind(fd, at.raw(), at.size) == 0 ? 0 : errno; }

  // A socket file that nobody listens on. A full backlog (EAGAIN) means that somebody does.
  static bool is_stale(const std::string& path, const SocketAddress& at) {
    if (socket_file_at(path) == FileId{}) return false;
    Fd probe = open_socket(AF_UNIX);
    return probe.get() >= 0 && ::connect(probe.get(), at.raw(), at.size) != 0 && errno == ECONNREFUSED;
  }

  Fd fd_;
  Address address_;
  FileId file_;
};

// The unix sockets of this process by path. Shared by the listeners of all workers, on all threads.
Result<std::shared_ptr<ListeningSocket>> open_shared(const Address& address, const SocketAddress& at) {
  static std::mutex mutex;
  static std::map<std::string, std::weak_ptr<ListeningSocket>> by_path;
  std::lock_guard lock(mutex);
  if (auto open = by_path[address.host].lock()) return open;
  auto opened = UnixSocket::open(address, at);
  if (opened) by_path[address.host] = *opened;
  return opened;
}

}  // namespace

Result<void> ListeningSocket::check_unused(const Address& address) {
  if (address.kind == Address::Kind::unix_path || address.port == 0) return {};
  auto at = socket_address(address);
  if (!at) return fail(std::move(at.error()));
  Fd probe = open_socket(at->family());
  if (probe.get() >= 0 && set_address_options(probe.get(), at->family()) &&
      ::bind(probe.get(), at->raw(), at->size) == 0)
    return {};
  return listen_error(address, errno);
}

Result<std::shared_ptr<ListeningSocket>> ListeningSocket::open(const Address& address) {
  auto at = socket_address(address);
  if (!at) return fail(std::move(at.error()));
  return address.kind == Address::Kind::unix_path ? open_shared(address, *at) : TcpSocket::open(address, *at);
}

}  // namespace postern::net

#include "net/socket_stream.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "net/socket_address.h"
#include "net/uv_error.h"

namespace postern::net {

// Bytes that the kernel did not take, either in the buffer they were gathered in or in a copy.
struct SocketStream::Pending {
  std::unique_ptr<Pending> next;
  WriteBuffers::Buffer gathered;
  std::unique_ptr<char[]> copy;
  std::string_view rest;  // not sent yet
};

namespace {

constexpr int kReadsPerTurn = 16;  // then other sockets get their turn
constexpr std::size_t kPiecesPerSend = 16;

iovec view_of(std::string_view bytes) noexcept {  // the kernel only reads it
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

// The C library's recv and send can be cancelled, which costs every call two locked instructions in a process with threads.
// Nobody cancels ours.
ssize_t receive_into(int fd, std::span<char> space) noexcept {
  return ::syscall(SYS_recvfrom, fd, space.data(), space.size(), 0, nullptr, nullptr);
}
ssize_t send_bytes(int fd, const iovec& bytes) noexcept {
  return ::syscall(SYS_sendto, fd, bytes.iov_base, bytes.iov_len, MSG_NOSIGNAL, nullptr, 0);
}

}  // namespace

SocketStream::SocketStream(Loop& loop, WatchedSocket socket, Peer peer)
    : loop_(loop), socket_(std::move(socket)), peer_(std::move(peer)) {
  socket_.set_owner(this);
}

SocketStream::~SocketStream() {
  loop_.forget_dirty(*this);
  drop_pending();
  if (!reset_) return;
  linger at_once{1, 0};
  setsockopt(socket_.fd(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));  // no effect on unix sockets
}

void SocketStream::on_ready(uv_poll_t* raw, int status, int events) {
  auto* stream = static_cast<SocketStream*>(raw->data);
  if (stream == nullptr) return;
  if (status < 0) {  // an error waits on the socket: receiving or sending brings it out
    stream->socket_.watch_has_ended();
    events = UV_READABLE | UV_WRITABLE;
  }
  bool unwanted = !stream->want_read_ && (events & UV_READABLE) != 0;
  if ((events & UV_WRITABLE) != 0 && stream->pending_ != nullptr) stream->on_writable();
  if ((events & UV_READABLE) != 0 && raw->data != nullptr) stream->receive();
  if (raw->data != nullptr && (status < 0 || (events & UV_PRIORITIZED) != 0)) stream->look_for_peer();
  if (raw->data != nullptr) stream->watch(unwanted);
}

// What is watched follows what is wanted, but a pause of reading shows only when bytes arrive that nobody wants. After
// the end of reading a client's leaving is waited for, which libuv reports with whatever else is asked. An upstream may
// leave when it has said all.
void SocketStream::watch(bool pause) {
  bool keeps = !pause && (socket_.watched() & UV_READABLE) != 0;
  bool reads = !read_ended_ && (want_read_ || keeps);
  bool writes = pending_ != nullptr && error_ == 0;
  bool listens = read_ended_ && peer_.origin == Origin::client && error_ == 0 && !shutting_ && !deaf_;
  int status =
      socket_.watch((reads ? UV_READABLE : 0) | (writes ? UV_WRITABLE : 0) | (listens ? UV_PRIORITIZED : 0), on_ready);
  if (status != 0) fail(status);
}

// A peer that has closed for good answers what we send with a reset.
void SocketStream::look_for_peer() {
  if (!read_ended_ || peer_.origin != Origin::client || error_ != 0 || shutting_) return;
  EventScope event(loop_);
  pollfd state{socket_.fd(), 0, 0};
  if (::poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP)) != 0) return fail(UV_EPIPE);
  deaf_ = true;
}

Address SocketStream::local_address() const {
  SocketAddress local;
  bool known = ::getsockname(socket_.fd(), local.raw(), &local.size) == 0;
  return known ? address_of(local) : Stream::local_address();
}

// ---- Reading ---------------------------------------------------------------------------------------------------------

void SocketStream::start_reading() {
  want_read_ = true;
  if (unread_ != nullptr) return loop_.mark_dirty(*this);
  if (!read_ended_) watch();
}

// The owner may destroy the stream.
void SocketStream::give_unread() {
  auto bytes = std::move(unread_);
  watch();
  if (owner_ != nullptr) owner_->on_read(*bytes);
}

// What stays in the socket is reported again. The owner may destroy the stream in each round.
void SocketStream::receive() {
  const uv_poll_t* alive = socket_.raw();
  for (int i = 0; i < kReadsPerTurn && want_read_ && !read_ended_ && unread_ == nullptr; ++i) {
    auto space = loop_.read_buffer();
    ssize_t count = receive_into(socket_.fd(), space);
    if (count < 0) count = -errno;
    if (count == -EAGAIN || count == -EINTR) return;
    EventScope event(loop_);
    received(count, space.data());
    if (count < static_cast<ssize_t>(space.size()) || alive->data == nullptr) return;
  }
}

// Each branch ends by calling the owner, which may destroy the stream.
inline void SocketStream::received(ssize_t result, const char* bytes) {
  if (result <= 0 && error_ != 0) return tell_error(error_);
  if (result < 0) return tell_error(static_cast<int>(result));
  if (result == 0) read_ended_ = true;
  if (owner_ == nullptr) return;
  if (result == 0) return owner_->on_eof();
  owner_->on_read({bytes, static_cast<std::size_t>(result)});
}

// ---- Writing ---------------------------------------------------------------------------------------------------------

inline void SocketStream::gather(std::string_view bytes) {
  if (!gathered_) gathered_ = loop_.write_buffers().take();
  std::memcpy(gathered_.get() + gathered_size_, bytes.data(), bytes.size());
  gathered_size_ += static_cast<std::uint32_t>(bytes.size());
  loop_.mark_dirty(*this);
}

void SocketStream::append(std::string_view bytes) {
  if (bytes.empty() || !takes_bytes()) return;
  if (bytes.size() < kDirectWrite && fits(bytes.size()))
    gather(bytes);
  else
    write_now(bytes);
  if (queued() > kHighWatermark) was_above_ = true;
}

// Behind bytes that wait for the kernel, more may gather: a buffer for each small piece would be a waste.
void SocketStream::flush() {
  if (gathered_size_ != 0 && pending_ == nullptr) write_now({});
}

// Offers what was gathered and then `piece` to the kernel, and queues what it does not take.
inline void SocketStream::write_now(std::string_view piece) {
  std::size_t sent = 0;
  if (pending_ == nullptr) {
    iovec pieces[2];
    std::size_t count = 0;
    if (gathered_size_ != 0) pieces[count++] = view_of({gathered_.get(), gathered_size_});
    if (!piece.empty()) pieces[count++] = view_of(piece);
    ssize_t taken = send(pieces, count);
    if (taken < 0) return fail(static_cast<int>(taken));
    sent = static_cast<std::size_t>(taken);
    if (sent == gathered_size_ + piece.size()) return drop_gathered();
  }
  queue_rest(piece, sent);
}

// How many bytes the kernel took: 0 when it is full. Negative: why it takes none any more.
inline ssize_t SocketStream::send(const iovec* pieces, std::size_t count) noexcept {
  for (;;) {
    ssize_t taken = 0;
    if (count == 1) {
      taken = send_bytes(socket_.fd(), pieces[0]);
    } else {
      msghdr message{};
      message.msg_iov = const_cast<iovec*>(pieces);
      message.msg_iovlen = count;
      taken = ::sendmsg(socket_.fd(), &message, MSG_NOSIGNAL);
    }
    if (taken >= 0) return taken;
    if (errno == EAGAIN || errno == ENOBUFS) return 0;
    if (errno != EINTR) return -errno;
  }
}

void SocketStream::queue_rest(std::string_view piece, std::size_t sent) {
  if (sent < gathered_size_) {
    auto rest = std::make_unique<Pending>();
    rest->rest = {gathered_.get() + sent, gathered_size_ - sent};
    rest->gathered = std::move(gathered_);
    queue(std::move(rest));
  } else {
    piece.remove_prefix(sent - gathered_size_);
  }
  drop_gathered();
  if (piece.empty()) return;
  auto rest = std::make_unique<Pending>();
  rest->copy.reset(new char[piece.size()]);
  std::memcpy(rest->copy.get(), piece.data(), piece.size());
  rest->rest = {rest->copy.get(), piece.size()};
  queue(std::move(rest));
}

void SocketStream::queue(std::unique_ptr<Pending> rest) {
  pending_bytes_ += rest->rest.size();
  Pending* last = rest.get();
  (last_pending_ != nullptr ? last_pending_->next : pending_) = std::move(rest);
  last_pending_ = last;
  watch();
}

void SocketStream::on_writable() {
  EventScope event(loop_);
  if (send_pending()) flush();
  if (error_ == 0) tell_drained();
}

// True: all of it has gone.
bool SocketStream::send_pending() {
  while (pending_ != nullptr) {
    iovec pieces[kPiecesPerSend];
    std::size_t count = 0;
    for (Pending* at = pending_.get(); at != nullptr && count < kPiecesPerSend; at = at->next.get())
      pieces[count++] = view_of(at->rest);
    ssize_t taken = send(pieces, count);
    if (taken < 0) fail(static_cast<int>(taken));
    if (taken <= 0) return false;
    drop_sent(static_cast<std::size_t>(taken));
  }
  return true;
}

void SocketStream::drop_sent(std::size_t bytes) noexcept {
  pending_bytes_ -= bytes;
  while (bytes > 0) {
    std::size_t here = std::min(bytes, pending_->rest.size());
    pending_->rest.remove_prefix(here);
    bytes -= here;
    if (pending_->rest.empty()) pending_ = std::move(pending_->next);
  }
  if (pending_ == nullptr) last_pending_ = nullptr;
}

// Each branch ends by calling the owner, which may destroy the stream.
void SocketStream::tell_drained() {
  if (shutting_) {
    if (queued() == 0 && !shut_) send_end();
    return;
  }
  if (!was_above_ || queued() >= kLowWatermark) return;
  was_above_ = false;
  if (owner_ != nullptr) owner_->on_drained();
}

void SocketStream::shutdown_write() {
  if (!takes_bytes()) return;
  shutting_ = true;
  loop_.mark_dirty(*this);
}

// A connection that the peer has broken off is none any more, but what came before can still be read.
void SocketStream::send_end() {
  shut_ = true;
  if (::shutdown(socket_.fd(), SHUT_WR) != 0) return fail(errno == ENOTCONN ? UV_EPIPE : -errno);
  if (owner_ != nullptr) owner_->on_drained();
}

void SocketStream::end_of_event() {
  if (error_ != 0) return tell_error(error_);
  flush();
  if (unread_ != nullptr && want_read_) {
    if (shutting_) loop_.mark_dirty(*this);
    return give_unread();
  }
  if (error_ == 0 && shutting_) tell_drained();
}

// One by one: a long list that frees itself from its head would recurse.
void SocketStream::drop_pending() noexcept {
  while (pending_ != nullptr) pending_ = std::move(pending_->next);
  last_pending_ = nullptr;
  pending_bytes_ = 0;
}

// ---- Errors ----------------------------------------------------------------------------------------------------------

// The owner hears of it when the running event ends. While the owner reads, bytes that the peer sent before it closed
// come first: an upstream may answer and close without having read the whole request.
void SocketStream::fail(int status) {
  if (error_ != 0) return;
  error_ = status;
  drop_gathered();
  drop_pending();
  bool peer_closed = status == UV_EPIPE || status == UV_ECONNRESET;
  bool reading_tells = peer_closed && want_read_ && !read_ended_ && (socket_.watched() & UV_READABLE) != 0;
  if (!reading_tells) loop_.mark_dirty(*this);
}

void SocketStream::tell_error(int status) {
  if (std::exchange(failed_, true)) return;
  error_ = status;
  read_ended_ = true;
  drop_gathered();
  drop_pending();
  watch();
  if (owner_ != nullptr) owner_->on_stream_error(error_of(status));
}

Error SocketStream::error_of(int status) const {
  bool client = peer_.origin == Origin::client;
  std::string doing = (client ? "client " : "upstream ") + peer_.host;
  if (peer_.port != 0) doing += ":" + std::to_string(peer_.port);
  return uv_error(status, doing, client ? ErrorCode::bad_request : ErrorCode::proxy_error, peer_.origin);
}

}  // namespace postern::net

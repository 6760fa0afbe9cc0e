// Stream over a connected TCP or unix socket. Internal to core/net.
// It reads and writes the socket itself and lets libuv only watch it: uv_stream_t would cost a good part of a
// microsecond more for each request, in calls of the kernel's file layer (read, write instead of recv, send) and its own.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "net/stream.h"
#include "net/watched_socket.h"

struct iovec;

namespace postern::net {

struct Peer {
  std::string host;  // "unix" for unix sockets
  std::uint16_t port = 0;
  Origin origin = Origin::client;  // whom errors of the stream are blamed on
};

class SocketStream final : public Stream {
 public:
  // `socket` is connected.
  SocketStream(Loop& loop, WatchedSocket socket, Peer peer);
  ~SocketStream() override;

  void start_reading() override;
  void stop_reading() override { want_read_ = false; }
  void append(std::string_view bytes) override;
  void flush() override;
  std::size_t queued() const noexcept override { return gathered_size_ + pending_bytes_; }
  void shutdown_write() override;
  void reset() override { reset_ = true; }
  void unread(std::string bytes) override { unread_ = std::make_unique<std::string>(std::move(bytes)); }
  Address local_address() const override;
  void set_peer(std::string host, std::uint16_t port) override {
    peer_.host = std::move(host);
    peer_.port = port;
  }
  const std::string& peer_host() const noexcept override { return peer_.host; }
  std::uint16_t peer_port() const noexcept override { return peer_.port; }

 private:
  struct Pending;

  static void on_ready(uv_poll_t* raw, int status, int events);
  void end_of_event() override;
  void give_unread();
  void receive();
  void received(ssize_t result, const char* bytes);
  void watch(bool pause = false);
  bool takes_bytes() const noexcept { return error_ == 0 && !shutting_; }
  bool fits(std::size_t size) const noexcept { return gathered_size_ + size <= WriteBuffers::kSize; }
  void gather(std::string_view bytes);
  void write_now(std::string_view piece);
  ssize_t send(const iovec* pieces, std::size_t count) noexcept;
  void queue_rest(std::string_view piece, std::size_t sent);
  void queue(std::unique_ptr<Pending> rest);
  void on_writable();
  void look_for_peer();
  bool send_pending();
  void drop_sent(std::size_t bytes) noexcept;
  void tell_drained();
  void send_end();
  void drop_gathered() noexcept {
    gathered_.reset();
    gathered_size_ = 0;
  }
  void drop_pending() noexcept;
  void fail(int status);
  void tell_error(int status);
  Error error_of(int status) const;

  Loop& loop_;
  WatchedSocket socket_;
  WriteBuffers::Buffer gathered_;     // held only while it has bytes
  std::unique_ptr<Pending> pending_;  // what the kernel did not take: older than what is gathered
  Pending* last_pending_ = nullptr;
  std::unique_ptr<std::string> unread_;
  std::size_t pending_bytes_ = 0;
  std::uint32_t gathered_size_ = 0;
  int error_ = 0;           // libuv's status once the stream has failed: nothing more is sent
  bool want_read_ = false;  // what the owner wants; the watch catches up when bytes arrive that nobody wants
  bool was_above_ = false;  // on_drained is owed
  bool shutting_ = false;   // FIN asked for
  bool shut_ = false;       // FIN sent
  bool reset_ = false;
  bool deaf_ = false;  // something else than the leaving of the peer woke us: no longer listened for
  Peer peer_;
};

}  // namespace postern::net

// Stream over a connected libuv TCP socket or pipe. Internal to core/net.
#pragma once

#include <uv.h>

#include <memory>
#include <string>
#include <string_view>

#include "net/handle_ptr.h"
#include "net/stream.h"

namespace postern::net {

// One allocation for either kind of handle.
union RawStream {
  uv_stream_t stream;
  uv_tcp_t tcp;
  uv_pipe_t pipe;
};

struct Peer {
  std::string host;  // "unix" for unix sockets
  std::uint16_t port = 0;
  Origin origin = Origin::client;  // whom errors of the stream are blamed on
};

class UvStream final : public Stream {
 public:
  // `handle` is connected.
  UvStream(Loop& loop, HandlePtr<RawStream> handle, Peer peer);
  ~UvStream() override;

  void start_reading() override;
  void stop_reading() override { want_read_ = false; }
  void append(std::string_view bytes) override;
  void flush() override;
  std::size_t queued() const noexcept override;
  void shutdown_write() override;
  void reset() override { reset_ = true; }
  const std::string& peer_host() const noexcept override { return peer_.host; }
  std::uint16_t peer_port() const noexcept override { return peer_.port; }

 private:
  struct WriteRequest;

  static void on_alloc(uv_handle_t* raw, std::size_t, uv_buf_t* buf);
  static void on_read(uv_stream_t* raw, ssize_t count, const uv_buf_t* buf);
  static void on_written(uv_write_t* raw, int status);
  static void on_shut(uv_shutdown_t* raw, int status);

  void end_of_event() override;
  void received(ssize_t count, const char* bytes);
  void written(int status);
  void shut(int status);
  void pause_in_kernel() noexcept;
  bool takes_bytes() const noexcept { return error_ == 0 && !shutting_; }
  bool fits(std::size_t size) const noexcept { return gathered_size_ + size <= WriteBuffers::kSize; }
  void gather(std::string_view bytes);
  void write_now(std::string_view piece);
  int try_write(std::string_view piece) noexcept;
  void queue_rest(std::string_view piece, std::size_t sent);
  void drop_gathered() noexcept;
  void fail(int status);
  void tell_error(int status);
  Error error_of(int status) const;

  Loop& loop_;
  HandlePtr<RawStream> handle_;
  WriteBuffers::Buffer gathered_;  // held only while it has bytes
  std::uint32_t gathered_size_ = 0;
  int error_ = 0;             // libuv's status once the stream has failed: nothing more is sent
  bool want_read_ = false;    // what the owner wants
  bool kernel_read_ = false;  // what libuv does; it catches up when bytes arrive that nobody wants
  bool was_above_ = false;    // on_drained is owed
  bool shutting_ = false;     // FIN asked for
  bool reset_ = false;
  Peer peer_;
};

}  // namespace postern::net

// A connected byte stream over TCP or a unix socket. Writes are tried at once and queued only for the rest.
// An owner gets its events through StreamOwner and may close() or destroy the stream inside any of them.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/codec.h"
#include "net/address.h"
#include "net/loop.h"

namespace postern::net {

struct TlsInfo;

class StreamOwner {
 public:
  virtual void on_read(std::string_view bytes) = 0;  // valid until it returns
  virtual void on_eof() = 0;  // the peer closed its sending side; when a client goes after that, an error follows
  virtual void on_stream_error(const Error& error) = 0;  // reset, timeout of the kernel; the stream is dead
  virtual void on_drained() = 0;  // the write queue fell below the low watermark after being above the high

 protected:
  ~StreamOwner() = default;
};

class Stream : public http::ByteSink {
 public:
  static constexpr std::size_t kHighWatermark = 256 * 1024;
  static constexpr std::size_t kLowWatermark = 64 * 1024;
  // Pieces of at least this size are not copied when the socket takes them.
  static constexpr std::size_t kDirectWrite = 4096;

  virtual ~Stream() = default;  // closes and drops what is queued; nothing reaches the owner any more

  // Both are one store when nothing changes for the kernel; a pause that ends before bytes arrive costs no system call.
  // While stopped, bytes, the end and errors of the reading side wait.
  virtual void start_reading() = 0;
  virtual void stop_reading() = 0;
  // Small pieces are gathered and written when the events of this turn are over (Loop::end_event), large ones at once
  // together with what was gathered. What the kernel does not take is queued. Errors come later through on_stream_error,
  // after the running event; then and after shutdown_write bytes are dropped.
  void append(std::string_view bytes) override = 0;
  virtual void flush() = 0;
  virtual std::size_t queued() const noexcept = 0;  // bytes not yet taken by the kernel
  bool above_high_watermark() const noexcept { return queued() > kHighWatermark; }
  bool full() const noexcept final { return above_high_watermark(); }
  bool read_ended() const noexcept { return read_ended_; }  // on_eof or on_stream_error has been called
  bool failed() const noexcept { return failed_; }          // on_stream_error has been called
  // Sends what is queued, then FIN; the owner still gets on_read and on_eof. on_drained comes when all is sent.
  virtual void shutdown_write() = 0;
  virtual void reset() = 0;  // RST instead of FIN when destroyed
  // Bytes that were read too early: on_read gives them once more before all others, when reading is wanted and the
  // running event ends. For a stream that has nothing given back yet.
  virtual void unread(std::string bytes) = 0;
  virtual const TlsInfo* tls() const noexcept { return nullptr; }  // null: plaintext
  // Where the peer has come to: an address of this machine; kind unix_path without a path when it is none.
  virtual Address local_address() const { return {Address::Kind::unix_path, {}, 0}; }
  // A trusted sender has named this address as the client's (PROXY protocol).
  virtual void set_peer(std::string host, std::uint16_t port) = 0;
  virtual const std::string& peer_host() const noexcept = 0;  // "127.0.0.1"; "unix"
  virtual std::uint16_t peer_port() const noexcept = 0;
  void set_owner(StreamOwner* owner) noexcept { owner_ = owner; }

 protected:
  friend class Loop;
  virtual void end_of_event() { flush(); }  // see Loop::mark_dirty; may report errors to the owner

  StreamOwner* owner_ = nullptr;
  bool read_ended_ = false;
  bool failed_ = false;

 private:
  // In the loop's list of streams written to.
  Stream* next_dirty_ = nullptr;
  Stream** dirty_link_ = nullptr;  // the pointer that points to this; null when not in the list
};

inline void Loop::mark_dirty(Stream& stream) {
  if (stream.dirty_link_ == nullptr) add_dirty(stream);
}

// Ends a connection whose client may still be sending, so that it sees the last response and not a reset: sends what is
// queued (while the client takes some of it every 30 s; a reset ends it when not all could be sent), then FIN, then discards
// up to 64 KiB and waits up to 2 s for the other side to close. For streams whose shutdown_write has not been called; one
// that has failed is just destroyed. `done` is called once at the end, perhaps at once; never when the loop ends first.
void linger_close(std::unique_ptr<Stream> stream, Loop& loop, std::function<void()> done);

// Connects; `done` is called later, exactly once unless the connector is destroyed first. Addresses of kind `name` are
// refused (resolve them first).
class Connector {
 public:
  using Done = std::function<void(Result<std::unique_ptr<Stream>>)>;
  static std::unique_ptr<Connector> start(Loop& loop, const Address& address, Done done);
  virtual ~Connector() = default;
};

}  // namespace postern::net

#include "net/uv_stream.h"

#include <sys/socket.h>

#include <cstring>
#include <utility>

#include "net/uv_error.h"

namespace postern::net {

// Owns the bytes it sends. Finds its stream through the handle, whose data is null once the stream is gone.
struct UvStream::WriteRequest {
  uv_write_t raw;
  WriteBuffers::Buffer gathered;
  std::unique_ptr<char[]> copy;
};

namespace {

uv_buf_t view_of(const char* bytes, std::size_t size) noexcept {  // uv_buf_init would cut sizes to 32 bits
  uv_buf_t buf;
  buf.base = const_cast<char*>(bytes);  // libuv only reads it
  buf.len = size;
  return buf;
}

}  // namespace

UvStream::UvStream(Loop& loop, HandlePtr<RawStream> handle, Peer peer)
    : loop_(loop), handle_(std::move(handle)), peer_(std::move(peer)) {
  handle_->stream.data = this;
}

UvStream::~UvStream() {
  loop_.forget_dirty(*this);
  if (!reset_) return;
  uv_os_fd_t fd = -1;
  if (uv_fileno(reinterpret_cast<uv_handle_t*>(handle_.get()), &fd) != 0) return;
  linger at_once{1, 0};
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));  // no effect on unix sockets
}

void UvStream::start_reading() {
  want_read_ = true;
  if (kernel_read_ || read_ended_ || error_ != 0) return;
  int status = uv_read_start(&handle_->stream, on_alloc, on_read);
  if (status != 0) return fail(status);
  kernel_read_ = true;
}

void UvStream::pause_in_kernel() noexcept {
  uv_read_stop(&handle_->stream);
  kernel_read_ = false;
}

// An empty buffer makes libuv leave the bytes in the socket and report UV_ENOBUFS.
void UvStream::on_alloc(uv_handle_t* raw, std::size_t, uv_buf_t* buf) {
  *buf = uv_buf_init(nullptr, 0);
  auto* stream = static_cast<UvStream*>(raw->data);
  if (stream == nullptr || !stream->want_read_) return;
  auto space = stream->loop_.read_buffer();
  *buf = view_of(space.data(), space.size());
}

void UvStream::on_read(uv_stream_t* raw, ssize_t count, const uv_buf_t* buf) {
  auto* stream = static_cast<UvStream*>(raw->data);
  if (stream == nullptr || count == 0) return;  // 0 is "try again", not the end
  EventScope event(stream->loop_);
  stream->received(count, buf->base);
}

// The last thing each branch does is to call the owner, who may destroy the stream.
void UvStream::received(ssize_t count, const char* bytes) {
  if (count < 0 && error_ != 0) return tell_error(error_);
  if (count == UV_ENOBUFS && !want_read_) return pause_in_kernel();
  if (count == UV_EOF) {
    read_ended_ = true;
    kernel_read_ = false;  // libuv has stopped by itself
    if (owner_ != nullptr) owner_->on_eof();
    return;
  }
  if (count < 0) return tell_error(static_cast<int>(count));
  if (owner_ != nullptr) owner_->on_read({bytes, static_cast<std::size_t>(count)});
}

std::size_t UvStream::queued() const noexcept {
  return gathered_size_ + uv_stream_get_write_queue_size(&handle_->stream);
}

void UvStream::append(std::string_view bytes) {
  if (bytes.empty() || !takes_bytes()) return;
  if (bytes.size() < kDirectWrite && fits(bytes.size())) return gather(bytes);
  write_now(bytes);
}

void UvStream::gather(std::string_view bytes) {
  if (!gathered_) gathered_ = loop_.write_buffers().take();
  std::memcpy(gathered_.get() + gathered_size_, bytes.data(), bytes.size());
  gathered_size_ += static_cast<std::uint32_t>(bytes.size());
  loop_.mark_dirty(*this);
}

void UvStream::flush() {
  if (gathered_size_ != 0) write_now({});
}

// Offers what was gathered and then `piece` to the kernel, and queues what it does not take.
void UvStream::write_now(std::string_view piece) {
  int taken = try_write(piece);
  if (taken < 0) return fail(taken);
  auto sent = static_cast<std::size_t>(taken);
  if (sent == gathered_size_ + piece.size()) return drop_gathered();
  queue_rest(piece, sent);
  if (above_high_watermark()) was_above_ = true;
}

// How many bytes the kernel took; 0 when it is full or earlier bytes still wait.
int UvStream::try_write(std::string_view piece) noexcept {
  uv_buf_t bufs[2];
  unsigned count = 0;
  if (gathered_size_ != 0) bufs[count++] = view_of(gathered_.get(), gathered_size_);
  if (!piece.empty()) bufs[count++] = view_of(piece.data(), piece.size());
  int taken = uv_try_write(&handle_->stream, bufs, count);
  return taken == UV_EAGAIN ? 0 : taken;
}

void UvStream::queue_rest(std::string_view piece, std::size_t sent) {
  auto request = std::make_unique<WriteRequest>();
  uv_buf_t bufs[2];
  unsigned count = 0;
  if (sent < gathered_size_) {
    bufs[count++] = view_of(gathered_.get() + sent, gathered_size_ - sent);
    request->gathered = std::move(gathered_);
  } else {
    piece.remove_prefix(sent - gathered_size_);
  }
  drop_gathered();
  if (!piece.empty()) {
    request->copy.reset(new char[piece.size()]);
    std::memcpy(request->copy.get(), piece.data(), piece.size());
    bufs[count++] = view_of(request->copy.get(), piece.size());
  }
  request->raw.data = request.get();
  int status = uv_write(&request->raw, &handle_->stream, bufs, count, on_written);
  if (status != 0) return fail(status);
  request.release();  // on_written's from here
}

void UvStream::drop_gathered() noexcept {
  gathered_.reset();
  gathered_size_ = 0;
}

void UvStream::on_written(uv_write_t* raw, int status) {
  std::unique_ptr<WriteRequest> request(static_cast<WriteRequest*>(raw->data));
  auto* stream = static_cast<UvStream*>(raw->handle->data);
  if (stream == nullptr) return;
  EventScope event(stream->loop_);
  stream->written(status);
}

void UvStream::written(int status) {
  if (status < 0) return fail(status);
  if (!was_above_ || shutting_ || queued() >= kLowWatermark) return;
  was_above_ = false;
  if (owner_ != nullptr) owner_->on_drained();
}

void UvStream::shutdown_write() {
  if (!takes_bytes()) return;
  flush();
  if (error_ != 0) return;
  auto request = std::make_unique<uv_shutdown_t>();
  int status = uv_shutdown(request.get(), &handle_->stream, on_shut);
  if (status != 0) return fail(status);
  request.release();  // on_shut's from here
  shutting_ = true;
}

void UvStream::on_shut(uv_shutdown_t* raw, int status) {
  std::unique_ptr<uv_shutdown_t> request(raw);
  auto* stream = static_cast<UvStream*>(raw->handle->data);
  if (stream == nullptr) return;
  EventScope event(stream->loop_);
  stream->shut(status);
}

void UvStream::shut(int status) {
  if (status < 0) return fail(status);
  if (error_ != 0) return;  // the owner hears of that instead
  if (owner_ != nullptr) owner_->on_drained();
}

void UvStream::end_of_event() {
  if (error_ != 0) return tell_error(error_);
  flush();
}

// The owner hears of it when the running event ends. While the owner reads, bytes that the peer sent before it closed
// come first: an upstream may answer and close without having read the whole request.
void UvStream::fail(int status) {
  if (error_ != 0) return;
  error_ = status;
  drop_gathered();
  bool peer_closed = status == UV_EPIPE || status == UV_ECONNRESET;
  bool reading_tells = peer_closed && kernel_read_ && want_read_;
  if (!reading_tells) loop_.mark_dirty(*this);
}

void UvStream::tell_error(int status) {
  if (std::exchange(failed_, true)) return;
  error_ = status;
  read_ended_ = true;
  drop_gathered();
  if (kernel_read_) pause_in_kernel();
  if (owner_ != nullptr) owner_->on_stream_error(error_of(status));
}

Error UvStream::error_of(int status) const {
  bool client = peer_.origin == Origin::client;
  std::string doing = (client ? "client " : "upstream ") + peer_.host;
  if (peer_.port != 0) doing += ":" + std::to_string(peer_.port);
  return uv_error(status, doing, client ? ErrorCode::bad_request : ErrorCode::proxy_error, peer_.origin);
}

}  // namespace postern::net

#include "net/tls_stream.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace postern::net {

TlsStream::TlsStream(Loop& loop, std::unique_ptr<Stream> inner, Origin peer, SSL* ssl,
                     std::shared_ptr<const void> context, std::shared_ptr<TlsSessionSlot> slot)
    : loop_(loop),
      inner_(std::move(inner)),
      session_(loop, ssl, *inner_, std::move(slot)),
      context_(std::move(context)),
      origin_(peer) {
  inner_->set_owner(this);
}

// A peer that has all we had to say is told that it is all.
TlsStream::~TlsStream() {
  if (gone_ != nullptr) *gone_ = true;
  loop_.forget_dirty(*this);
  if (inner_ == nullptr) return;
  inner_->set_owner(nullptr);
  if (state_ != State::open || reset_ || failed_ || broken_ || queued() > 0) return;
  session_.say_end();
  inner_->flush();
}

std::unique_ptr<Stream> TlsStream::take_inner() {
  loop_.forget_dirty(*this);
  inner_->set_owner(nullptr);
  return std::move(inner_);
}

// ---- Handshake ---------------------------------------------------------------------------------------------------------

void TlsStream::shake_hands(HandshakeDone done) {
  handshake_done_ = std::move(done);
  inner_->start_reading();
  loop_.mark_dirty(*this);  // a client speaks first
}

bool TlsStream::continue_handshake() {
  switch (session_.handshake()) {
    case TlsSession::Step::wants_more:
      return false;
    case TlsSession::Step::done:
      state_ = State::open;
      finish_handshake(true);
      return true;
    case TlsSession::Step::ended:
    case TlsSession::Step::failed:
      finish_handshake(false);
      return false;
  }
  return false;
}

// Its last act is to call the waiting owner, which may destroy the stream.
void TlsStream::finish_handshake(bool good, std::string why) {
  if (!handshake_done_) return;
  if (!good) broken_ = true;
  why_ = std::move(why);
  auto done = std::move(handshake_done_);
  done(good);
}

// ---- Reading -----------------------------------------------------------------------------------------------------------

bool TlsStream::waits() const noexcept {
  return unread_ != nullptr || !held_.empty() || session_.has_more() || broken_ || peer_ended_;
}

void TlsStream::start_reading() {
  want_read_ = true;
  if (read_ended_) return;
  if (waits()) return loop_.mark_dirty(*this);
  inner_->start_reading();
}

void TlsStream::stop_reading() {
  want_read_ = false;
  if (state_ != State::handshake && !read_ended_) inner_->stop_reading();
}

void TlsStream::on_read(std::string_view sealed) {
  if (peer_ended_ || broken_ || failed_) return;  // what comes after close_notify means nothing
  if (held_.empty() && unread_ == nullptr) return open_sealed(sealed);
  held_.append(sealed);
  unread_ != nullptr ? loop_.mark_dirty(*this) : open_sealed({});
}

// Gives the owner what can be opened, as long as it wants to read. What is left is kept; the owner may destroy the stream.
void TlsStream::open_sealed(std::string_view sealed) {
  bool gone = false;
  bool* outer = std::exchange(gone_, &gone);
  std::string held = std::exchange(held_, {});
  session_.lend(held.empty() ? sealed : std::string_view(held));
  while ((state_ == State::handshake ? continue_handshake() : open_some()) && !gone) {
  }
  if (gone) {
    if (outer != nullptr) *outer = true;
    return;
  }
  gone_ = outer;
  hold_rest();
}

void TlsStream::hold_rest() {
  held_.assign(session_.rest());
  session_.lend({});
  if (inner_ == nullptr || broken_ || failed_ || state_ == State::handshake) return;
  bool listens = read_ended_ || (want_read_ && held_.empty());  // after the end, for the peer's leaving
  listens ? inner_->start_reading() : inner_->stop_reading();
}

// True: there may be more. The buffer is filled before the owner gets it, so that many small records are one read.
bool TlsStream::open_some() {
  if (!want_read_ || read_ended_ || broken_) return false;
  auto space = loop_.plain_buffer();
  std::size_t filled = 0;
  TlsSession::Step step = TlsSession::Step::done;
  while (step == TlsSession::Step::done && filled < space.size()) {
    std::size_t size = 0;
    step = session_.read(space.subspan(filled), size);
    filled += size;
  }
  if (step == TlsSession::Step::ended) peer_ended_ = true;
  if (step == TlsSession::Step::failed) break_off(session_.why());
  if (filled > 0 && !deliver({space.data(), filled})) return false;
  if (step == TlsSession::Step::done || !want_read_) return true;
  if (step != TlsSession::Step::wants_more) tell_end();
  return false;
}

// False: the stream has been destroyed.
bool TlsStream::deliver(std::string_view plain) {
  bool* gone = gone_;
  if (owner_ != nullptr) owner_->on_read(plain);
  return !*gone;
}

// What OpenSSL has to say to the peer, an alert mostly, goes out before anybody closes.
void TlsStream::break_off(std::string why) {
  if (std::exchange(broken_, true)) return;
  why_ = std::move(why);
  inner_->flush();
}

// After all plain bytes. The owner may destroy the stream.
void TlsStream::tell_end() {
  if (read_ended_) return;
  if (broken_) {
    bool client = origin_ == Origin::client;
    std::string who = (client ? "client " : "upstream ") + inner_->peer_host();
    if (inner_->peer_port() != 0) who += ":" + std::to_string(inner_->peer_port());
    return tell_error({client ? ErrorCode::bad_request : ErrorCode::proxy_error, origin_, who + ": TLS: " + why_});
  }
  read_ended_ = true;
  if (owner_ != nullptr) owner_->on_eof();
}

// FIN without close_notify. Requests say themselves where they end; a response may end with the connection, and then half a
// response must not look like a whole one (RFC 8446 section 6.1).
void TlsStream::on_eof() {
  if (state_ == State::handshake) return finish_handshake(false, "closed the connection");
  if (read_ended_) return;
  if (origin_ != Origin::client && !peer_ended_) break_off("closed the connection without close_notify");
  peer_ended_ = true;
  tell_end();
}

void TlsStream::on_stream_error(const Error& error) {
  if (state_ == State::handshake) return finish_handshake(false, error.text);
  tell_error(error);
}

void TlsStream::tell_error(const Error& error) {
  if (std::exchange(failed_, true)) return;
  read_ended_ = broken_ = true;
  gathered_.reset();
  gathered_size_ = 0;
  if (owner_ != nullptr) owner_->on_stream_error(error);
}

// ---- Writing -----------------------------------------------------------------------------------------------------------

void TlsStream::append(std::string_view bytes) {
  if (bytes.empty() || !takes_bytes()) return;
  if (bytes.size() < kDirectWrite && gathered_size_ + bytes.size() <= WriteBuffers::kSize) {
    if (!gathered_) gathered_ = loop_.write_buffers().take();
    std::memcpy(gathered_.get() + gathered_size_, bytes.data(), bytes.size());
    gathered_size_ += static_cast<std::uint32_t>(bytes.size());
    loop_.mark_dirty(*this);
  } else {
    seal_gathered();
    seal(bytes);
  }
  if (above_high_watermark()) seal_gathered();  // the inner stream owes on_drained only for what it has
}

void TlsStream::seal_gathered() {
  if (gathered_size_ == 0) return;
  auto buffer = std::move(gathered_);
  seal({buffer.get(), std::exchange(gathered_size_, 0)});
}

void TlsStream::seal(std::string_view plain) {
  if (broken_ || session_.write(plain)) return;
  break_off(session_.why());
  loop_.mark_dirty(*this);
}

void TlsStream::flush() {
  seal_gathered();
  inner_->flush();
}

// Once the end is wanted, on_drained says that all has gone: not before the inner stream has the end, too.
void TlsStream::on_drained() {
  if (state_ == State::ending && !end_sent_) return;
  if (owner_ != nullptr) owner_->on_drained();
}

void TlsStream::shutdown_write() {
  if (!takes_bytes()) return;
  seal_gathered();
  state_ = State::ending;
  loop_.mark_dirty(*this);
}

void TlsStream::send_end() {
  if (std::exchange(end_sent_, true)) return;
  session_.say_end();
  inner_->shutdown_write();
}

void TlsStream::reset() {
  reset_ = true;
  inner_->reset();
}

// The last thing each branch does may be to call somebody who destroys the stream.
void TlsStream::end_of_event() {
  if (inner_ == nullptr) return;
  seal_gathered();
  if (state_ == State::ending && !broken_) send_end();
  if (state_ == State::handshake) return open_sealed({});
  if (!want_read_ || read_ended_) return;
  if (unread_ != nullptr) {
    auto bytes = std::move(unread_);
    waits() ? loop_.mark_dirty(*this) : inner_->start_reading();
    if (owner_ != nullptr) owner_->on_read(*bytes);
    return;
  }
  if (broken_) return tell_end();
  open_sealed({});
}

}  // namespace postern::net

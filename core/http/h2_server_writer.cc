#include <algorithm>
#include <utility>

#include "http/body_framing.h"
#include "http/h2_server_connection.h"
#include "http/trailers.h"

namespace postern::http {
namespace {

constexpr std::size_t kLargePiece = 16 * 1024;  // of a body: sent without being copied, when there is room

}  // namespace

void H2ServerStream::take(std::size_t size, ByteSink& out) {
  std::size_t old = std::min(size, queue.size() - queue_taken);
  if (old > 0) out.append({queue.data() + queue_taken, old});
  queue_taken += old;
  if (size > old) out.append(piece.substr(0, size - old));
  piece.remove_prefix(size - old);
  if (queue_taken == queue.size()) {
    queue.clear();
    queue_taken = 0;
  } else if (queue_taken > queue.size() / 2 && queue_taken > kLargePiece) {
    queue.erase(0, queue_taken);
    queue_taken = 0;
  }
}

// ---- Writing ---------------------------------------------------------------------------------------------------------

void H2ServerConnection::write_informational(StreamId stream, const ResponseHead& head, ByteSink&) {
  H2ServerStream* s = find(stream);
  if (s == nullptr || s->answered) return;
  lines_.set_response(head, std::nullopt);
  nghttp2_submit_headers(session(), NGHTTP2_FLAG_NONE, number(*s), nullptr, lines_.data(), lines_.size(), nullptr);
}

void H2ServerConnection::write_head(StreamId stream, const ResponseHead& head, bool, ByteSink&) {
  H2ServerStream* s = find(stream);
  if (s == nullptr || s->answered) return;
  s->answered = true;
  bool tunnel = s->tunnel && head.status == 101;
  bool empty = s->is_head || !status_has_body(head.status) || is_empty(head.body);
  s->has_body = tunnel || !empty;
  s->complete = !s->has_body;
  s->has_length = s->has_body && head.body.kind == BodyKind::length;
  s->left = s->has_length ? head.body.length : 0;
  // To HEAD and in a 304 only a length that is known is told, in a 204 none (RFC 9110 section 8.6).
  bool tells_length = head.body.kind == BodyKind::length && !tunnel && head.status != 204 && head.status >= 200;
  bool tells_none = head.body.kind == BodyKind::none && status_has_body(head.status) && !s->is_head;
  std::optional<std::uint64_t> length;
  if (tells_length) length = head.body.length;
  if (tells_none) length = 0;
  if (tunnel) {
    ResponseHead accepted = head;  // RFC 8441 section 5: 101 is HTTP/1's word for it
    accepted.status = 200;
    lines_.set_response(accepted, std::nullopt);
  } else {
    lines_.set_response(head, length);
  }
  nghttp2_data_provider body = body_of(*s);
  nghttp2_submit_response(session(), number(*s), lines_.data(), lines_.size(), s->has_body ? &body : nullptr);
}

void H2ServerConnection::write_body(StreamId stream, std::string_view bytes, ByteSink& out) {
  H2ServerStream* s = find(stream);
  if (s == nullptr || !s->has_body || s->complete || bytes.empty()) return;
  if (s->has_length) {
    if (bytes.size() > s->left) {  // never more than was announced
      s->wrong_length = true;
      bytes = bytes.substr(0, static_cast<std::size_t>(s->left));
    }
    s->left -= bytes.size();
  }
  bool at_once = bytes.size() >= kLargePiece && !feeding_ && !flushing_;
  nghttp2_session_resume_data(session(), number(*s));
  if (!at_once) {
    s->queue.append(bytes);
  } else {
    s->piece = bytes;
    flush(out);
    s = find(stream);  // its client may have broken it off
    if (s == nullptr) return;
    s->keep_piece();
  }
  s->was_full = s->was_full || s->queued() > kStreamQueue;
}

void H2ServerConnection::write_end(StreamId stream, const HeaderList* trailers, ByteSink&) {
  H2ServerStream* s = find(stream);
  if (s == nullptr || !s->has_body || s->complete) return;
  s->complete = true;
  s->wrong_length = s->wrong_length || s->left > 0;
  if (trailers != nullptr) {
    for (const Field& field : *trailers)
      if (may_be_trailer(field.name)) s->last_fields.emplace_back(field.name, field.value);
  }
  nghttp2_session_resume_data(session(), number(*s));
}

ssize_t H2ServerConnection::read_body(H2ServerStream& s, std::size_t length, std::uint32_t& flags) {
  std::size_t ready = s.queued();
  if (ready == 0 && !s.complete) return NGHTTP2_ERR_DEFERRED;
  if (out_->full()) return NGHTTP2_ERR_PAUSE;
  std::size_t taken = std::min(ready, length);
  flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (taken == ready && s.complete) {
    flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!s.last_fields.empty()) {
      flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      submit_trailers(s);
    }
  }
  if (s.was_full && ready - taken <= kStreamQueue / 4) {
    s.was_full = false;
    writable_.push_back(s.id);
  }
  if (taken > 0) flood_.data_frame();
  return static_cast<ssize_t>(taken);
}

void H2ServerConnection::submit_trailers(H2ServerStream& s) {
  std::vector<nghttp2_nv> lines;
  for (auto& [name, value] : s.last_fields)
    lines.push_back({reinterpret_cast<std::uint8_t*>(name.data()), reinterpret_cast<std::uint8_t*>(value.data()),
                     name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  nghttp2_submit_trailer(session(), number(s), lines.data(), lines.size());
}

void H2ServerConnection::flush(ByteSink& out) {
  if (feeding_ || flushing_ || broken_) return;
  flushing_ = true;
  out_ = &out;
  while (!out.full()) {
    const std::uint8_t* bytes = nullptr;
    ssize_t size = nghttp2_session_mem_send(session(), &bytes);
    if (size < 0) broken_ = true;
    if (size <= 0) break;
    out.append(view_of(bytes, static_cast<std::size_t>(size)));
  }
  out_ = nullptr;
  flushing_ = false;
  for (StreamId id : std::exchange(writable_, {}))
    if (find(id) != nullptr) events_.on_stream_writable(id);
}

std::size_t H2ServerConnection::queued(StreamId stream) const noexcept {
  const H2ServerStream* s = find(stream);
  return s != nullptr ? s->queued() : 0;
}

int H2ServerConnection::on_frame_sent(const nghttp2_frame& frame) {
  bool ends = (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (frame.hd.type == NGHTTP2_GOAWAY && frame.goaway.error_code != NGHTTP2_NO_ERROR && fault_.empty()) {
    fault_ = nghttp2_http2_strerror(frame.goaway.error_code);
    if (!detail_.empty()) fault_.append(": ").append(detail_);
  }
  if (!ends) return 0;
  // The answer is complete and the rest of the request not wanted (RFC 9113 section 8.1).
  H2ServerStream* s = find(static_cast<StreamId>(frame.hd.stream_id));
  if (s != nullptr && s->over && !s->ended)
    nghttp2_submit_rst_stream(session(), NGHTTP2_FLAG_NONE, number(*s), NGHTTP2_NO_ERROR);
  return 0;
}

// The head of an answer, or its trailers, that is too large; nghttp2 forgets it and leaves the stream open.
int H2ServerConnection::on_frame_not_sent(const nghttp2_frame& frame) {
  H2ServerStream* s = find(static_cast<StreamId>(frame.hd.stream_id));
  bool interim = s == nullptr || !s->answered;
  if (frame.hd.type == NGHTTP2_HEADERS && !interim) break_off(*s, NGHTTP2_INTERNAL_ERROR, "the answer cannot be sent");
  return 0;
}

// ---- The end of streams ----------------------------------------------------------------------------------------------

bool H2ServerConnection::finish_stream(StreamId stream) {
  H2ServerStream* s = find(stream);
  if (s == nullptr) return true;
  s->over = true;
  s->arena = nullptr;
  s->trailers = nullptr;
  s->held.clear();
  if (fields_of_ == stream) fields_.reset();
  bool whole = s->answered && s->complete && !s->wrong_length;
  if (!whole) {
    nghttp2_submit_rst_stream(session(), NGHTTP2_FLAG_NONE, number(*s), NGHTTP2_INTERNAL_ERROR);
    return true;
  }
  bool sent = nghttp2_session_get_stream_local_close(session(), number(*s)) == 1;
  if (sent && !s->ended) nghttp2_submit_rst_stream(session(), NGHTTP2_FLAG_NONE, number(*s), NGHTTP2_NO_ERROR);
  return true;
}

void H2ServerConnection::reset_stream(StreamId stream, Break why) {
  H2ServerStream* s = find(stream);
  if (s == nullptr) return;
  s->over = true;
  s->arena = nullptr;
  if (fields_of_ == stream) fields_.reset();
  auto code = why == Break::stalled ? NGHTTP2_CANCEL : NGHTTP2_INTERNAL_ERROR;
  nghttp2_submit_rst_stream(session(), NGHTTP2_FLAG_NONE, number(*s), code);
}

// The client has broken the rules of this stream, or its answer cannot be sent.
void H2ServerConnection::break_off(H2ServerStream& s, std::uint32_t code, std::string_view why) {
  s.fault.assign(why.substr(0, kFaultBytes));
  s.end_told = true;  // what is broken never ends as if it were whole (RFC 9113 section 8.1.1)
  nghttp2_submit_rst_stream(session(), NGHTTP2_FLAG_NONE, number(s), code);
}

int H2ServerConnection::on_stream_close(StreamId stream, std::uint32_t code) {
  auto at = streams_.find(stream);
  if (at == streams_.end()) return 0;
  auto s = std::move(at->second);
  streams_.erase(at);
  if (fields_of_ == stream) fields_.reset();
  bool whole = s->over || (code == NGHTTP2_NO_ERROR && s->complete);
  if (!whole) count(H2Limit::resets);
  if (whole) {
    events_.on_stream_closed(stream, nullptr);
  } else {
    if (s->fault.empty() && !s->broken_by_client) s->fault = nghttp2_http2_strerror(code);
    auto error = Error::client(ErrorCode::bad_request, s->broken_by_client ? std::string() : std::move(s->fault));
    events_.on_stream_closed(stream, &error);
  }
  return 0;
}

bool H2ServerConnection::over() const noexcept {
  return broken_ || (nghttp2_session_want_read(session()) == 0 && nghttp2_session_want_write(session()) == 0);
}

void H2ServerConnection::begin_goaway() {
  if (std::exchange(draining_, true)) return;
  nghttp2_submit_shutdown_notice(session());
  nghttp2_submit_ping(session(), NGHTTP2_FLAG_NONE, kDrainPing.data());
}

void H2ServerConnection::end_goaway() {
  if (std::exchange(last_told_, true)) return;
  nghttp2_submit_goaway(session(), NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session()),
                        NGHTTP2_NO_ERROR, nullptr, 0);
}

}  // namespace postern::http

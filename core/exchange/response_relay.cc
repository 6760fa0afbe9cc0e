#include "exchange/response_relay.h"

#include <string>
#include <utility>

#include "exchange/local_reply.h"

namespace postern::proxy {
namespace {

bool status_without_body(std::uint16_t status) { return status == 204 || status == 304 || status < 200; }

bool names_no_error(const LocalAnswer& answer) {
  return answer.code.empty() && answer.head->status >= 400 && answer.origin == POSTERN_ORIGIN_LOCAL;
}

}  // namespace

// ---- The response --------------------------------------------------------------------------------------------------------

void ResponseRelay::take(http::ResponseHead& head, bool ends) {
  answer_ = {.head = &head, .origin = POSTERN_ORIGIN_UPSTREAM};
  upstream_ended_ = ends;
}

void ResponseRelay::take(const LocalAnswer& answer) {
  pipe_.close();
  const LocalAnswer before = std::exchange(answer_, answer);
  if (names_no_error(answer)) {
    answer_.code = before.code;
    answer_.message = before.message;
  }
  trailers_ = nullptr;
  relaying_ = false;
}

inline bool ResponseRelay::bodiless() const noexcept {
  return x_.request->method == "HEAD" || status_without_body(answer_.head->status);
}

bool ResponseRelay::ends_with_head() const noexcept {
  if (answer_.head == nullptr) return false;
  return bodiless() || (of_upstream() ? upstream_ended_ : answer_.body.empty());
}

void ResponseRelay::start() {
  relaying_ = true;
  if (bodiless()) {
    send_head(std::nullopt);
    return finish();
  }
  if (x_.grpc && !of_upstream() && answer_.head->status >= 400) return send_grpc_refusal();
  pipe_.open(chain_run_.response_body_links());
  of_upstream() ? start_upstreams() : start_local();
}

inline void ResponseRelay::start_upstreams() {
  if (upstream_ended_) return send_head_alone();
  if (x_.route != nullptr && x_.route->streams != 0) {
    open_stream_ = std::make_unique<GaugeShare>(x_.route->streams);
    open_stream_->set(1);
  }
  if (!pipe_.holds_head()) send_head(std::nullopt);
  attempt_.resume_response();
}

void ResponseRelay::start_local() {
  answer_.head->body = {http::BodyKind::length, answer_.body.size()};
  if (answer_.body.empty()) return send_head_alone();
  if (!pipe_.holds_head()) send_head(std::nullopt);
  pipe_.push(answer_.body, true);
}

// The plugins saw, and go on to see, what happened in terms of HTTP.
void ResponseRelay::send_grpc_refusal() {
  bool timed_out = answer_.code == name_of(ErrorCode::timeout);
  auto* seen = std::exchange(answer_.head, grpc_refusal(*answer_.head, answer_.message, timed_out, x_.arena));
  send_head(0);
  answer_.head = seen;
  finish();
}

void ResponseRelay::start_tunnel() {
  relaying_ = head_sent_ = must_close_ = true;
  x_.client->write_head(x_.stream, *answer_.head, true);
}

void ResponseRelay::break_off(const Error& error) { answer_.code = name_of(error.code); }

void ResponseRelay::close() noexcept {
  pipe_.close();
  relaying_ = false;
}

// ---- The head ------------------------------------------------------------------------------------------------------------

void ResponseRelay::send_head_alone() {
  send_head(0);
  finish();
}

// `known_length`: all of the body is there. Otherwise the upstream's framing holds unless a plugin may change the bytes.
void ResponseRelay::send_head(std::optional<std::uint64_t> known_length) {
  if (!bodiless()) frame(known_length);
  // An answer before the end of the request's body is as a rule a refusal of the rest. An upstream that streams while it
  // is sent to is left alone.
  bool refuses = !of_upstream() || upstream_ended_ || answer_.head->status >= 400;
  bool unread = !x_.request_ended && refuses;
  must_close_ = must_close_ || unread || x_.client->closing_after(*x_.request);
  head_sent_ = true;
  x_.client->write_head(x_.stream, *answer_.head, must_close_);
}

inline void ResponseRelay::frame(std::optional<std::uint64_t> known_length) {
  auto& body = answer_.head->body;
  if (known_length)
    body = {http::BodyKind::length, *known_length};
  else if (pipe_.modifies() || body.kind == http::BodyKind::until_close)
    body = {http::BodyKind::chunked, 0};
}

// ---- The body ------------------------------------------------------------------------------------------------------------

void ResponseRelay::on_body(std::string_view bytes) {
  pipe_.push(bytes, false);
  if (relaying_ && pipe_.suspended()) attempt_.pause_response();
}

void ResponseRelay::on_end(http::HeaderList* trailers) {
  trailers_ = trailers;
  pipe_.push({}, true);
}

void ResponseRelay::deliver(std::string_view bytes, bool end) {
  if (x_.client == nullptr) return;
  if (!head_sent_) {
    bool has_trailers = trailers_ != nullptr && trailers_->size() > 0;  // they need HTTP/1's chunks
    bool length_known = end && !has_trailers;
    send_head(length_known ? std::optional<std::uint64_t>(bytes.size()) : std::nullopt);
  }
  bytes_ += bytes.size();
  if (!bytes.empty()) x_.client->write_body(x_.stream, bytes);
  if (end) return finish();
  if (x_.client->congested(x_.stream)) attempt_.pause_response();
}

void ResponseRelay::write(std::string_view bytes) {
  if (x_.client == nullptr || bytes.empty()) return;
  bytes_ += bytes.size();
  x_.client->write_body(x_.stream, bytes);
  if (x_.client->congested(x_.stream)) attempt_.pause_response();
}

void ResponseRelay::finish() {
  x_.client->write_end(x_.stream, trailers_);
  host_.on_response_sent();
}

void ResponseRelay::on_client_drained() {
  if (relaying_ && !pipe_.suspended()) attempt_.resume_response();
}

void ResponseRelay::resume(postern_verdict verdict) {
  pipe_.resume(verdict);
  on_client_drained();
}

postern_verdict ResponseRelay::call_body_hook(const Link& link, std::string_view bytes, std::uint32_t flags) {
  return chain_run_.call_body_hook(link, Hook::response_body, bytes, flags);
}

void ResponseRelay::on_pipe_verdict(const Link& link, postern_verdict verdict) {
  chain_run_.carry_out(link, Hook::response_body, verdict);
}

void ResponseRelay::on_pipe_overflow(const Link& link, bool out_of_memory) {
  chain_run_.note_failure(link);
  if (out_of_memory) return host_.on_relay_failed(body_buffers_used_up(link));
  host_.on_relay_failed(Error::upstream(ErrorCode::proxy_error,
                                        "the response body is larger than plugin " + link.instance->name + " accepts"));
}

}  // namespace postern::proxy

// The exchange's two bodies: from the client through the pipe to the upstream, and back.
#include <algorithm>
#include <string>
#include <utility>

#include "base/clock.h"
#include "exchange/exchange.h"
#include "exchange/local_reply.h"
#include "exchange/response_sink.h"
#include "exchange/worker_context.h"

namespace postern::proxy {
namespace {

// A request body up to this size is kept while it is sent, so that it can be sent again.
constexpr std::size_t kReplayLimit = 64 * 1024;

bool status_without_body(std::uint16_t status) { return status == 204 || status == 304 || status < 200; }

}  // namespace

// ---- Upload ----------------------------------------------------------------------------------------------------------

// A body that a plugin gave is for those behind it.
std::span<const Link> Exchange::upload_links() const {
  auto links = chain_->of(Hook::request_body);
  if (!given_by_) return links;
  auto behind = std::find_if(links.begin(), links.end(), [&](const Link& l) { return l.position > *given_by_; });
  return links.subspan(static_cast<std::size_t>(behind - links.begin()));
}

void Exchange::open_upload() {
  upload_.open(upload_links());
  upload_mode_ = upload_.holds_head() ? Upload::collecting : Upload::held;
  if (given_by_) return upload_.push(given_body_, true);  // it is all there
  if (upload_mode_ == Upload::collecting) update_upload();
}

void Exchange::on_client_body(std::string_view bytes) {
  request_body_bytes_ += bytes.size();
  if (stage_ == Stage::done || upload_mode_ == Upload::discarded) return;
  if (tunnel_ != nullptr) return tunnel_->from_client(bytes);
  if (body_too_large(request_body_bytes_)) {
    must_close_ = true;
    return fail(Error::client(ErrorCode::payload_too_large,
                              "the request body is larger than " + std::to_string(route_->body_limit) + " bytes"));
  }
  upload_.push(bytes, false);
  if (stage_ != Stage::done) update_upload();
}

void Exchange::on_client_body_end(http::HeaderList* trailers) {
  request_ended_ = true;
  if (stage_ == Stage::done || upload_mode_ == Upload::discarded) return;
  if (tunnel_ != nullptr) return tunnel_->client_ended();
  request_trailers_ = trailers;
  upload_.push({}, true);
}

void Exchange::deliver_to_upstream(std::string_view bytes, bool end) {
  if (end) upload_ended_ = true;
  if (upload_mode_ == Upload::streaming && replay_.all_sent()) {
    remember(bytes);
    if (!bytes.empty()) forwarder_.send_body(bytes);
    if (end) forwarder_.send_end(request_trailers_);
    return update_upload();
  }
  replay_.append(bytes);  // behind what is still waiting to be sent
  if (upload_mode_ == Upload::collecting && !collected_) {
    collected_ = true;  // the whole body, or the start of one that overflowed and streams from here on
    upload_mode_ = Upload::held;
    if (stage_ != Stage::collect_body) return;
    go(Stage::select);
    advance();
  }
}

void Exchange::remember(std::string_view bytes) {
  if (!replayable_) return;
  if (given_by_ || replay_.size() + bytes.size() <= kReplayLimit) {  // one that was given is in memory anyhow
    replay_.append(bytes);
    replay_.skip(bytes.size());
    return;
  }
  replayable_ = false;
  replay_.drop();
}

// Between two attempts nobody takes the body: what still comes waits behind what was kept.
void Exchange::hold_upload() {
  if (upload_mode_ != Upload::streaming) return;
  upload_mode_ = Upload::held;
  update_upload();
}

// The upstream has answered: there will be no other attempt.
void Exchange::forget_replay() {
  replayable_ = false;
  if (replay_.all_sent()) replay_.drop();
}

// What was kept goes first, no faster than the upstream takes it.
void Exchange::send_replay() {
  while (!replay_.all_sent() && !forwarder_.congested()) forwarder_.send_body(replay_.next_piece());
  if (!replay_.all_sent()) return;
  if (upload_ended_) return forwarder_.send_end(request_trailers_);
  update_upload();
}

void Exchange::on_upstream_drained() {
  if (tunnel_ != nullptr) return let_client_flow();
  if (upload_mode_ != Upload::streaming) return;
  if (replay_.all_sent()) return update_upload();
  send_replay();
}

// The client's body flows only while somebody takes it.
void Exchange::update_upload() {
  if (client_ == nullptr || request_ended_ || stage_ == Stage::done) return;
  bool upstream_takes = upload_mode_ == Upload::streaming && replay_.all_sent() && !forwarder_.congested();
  bool taker = upload_mode_ == Upload::collecting || upstream_takes;
  bool wanted = taker && !upload_.suspended();
  if (wanted == body_wanted_) return;
  body_wanted_ = wanted;
  client_->let_body_flow(stream_, wanted);
}

// ---- Download --------------------------------------------------------------------------------------------------------

bool Exchange::bodiless() const noexcept {
  return request_->method == "HEAD" || status_without_body(response_->status);
}

bool Exchange::response_ends_with_head() const noexcept {
  if (response_ == nullptr) return false;
  return bodiless() || (origin_ == POSTERN_ORIGIN_UPSTREAM ? response_ends_ : local_body_.empty());
}

// Response hooks have run: the body follows the head to the client.
void Exchange::start_relay() {
  stage_ = Stage::relay;
  wait();
  if (bodiless()) {
    send_response_head(std::nullopt);
    return finish_response();
  }
  if (grpc_ && origin_ != POSTERN_ORIGIN_UPSTREAM && response_->status >= 400) return relay_grpc_refusal();
  auto links = chain_->of(Hook::response_body);  // backwards: those that were never reached stand first
  auto reached = std::find_if(links.begin(), links.end(), [&](const Link& l) { return l.position < reached_; });
  download_.open(links.subspan(static_cast<std::size_t>(reached - links.begin())));
  if (origin_ != POSTERN_ORIGIN_UPSTREAM) return relay_local();
  if (response_ends_) {
    send_response_head(0);
    return finish_response();
  }
  if (route_ != nullptr && route_->streams != 0) open_stream_.emplace(route_->streams).set(1);
  if (!download_.holds_head()) send_response_head(std::nullopt);
  forwarder_.resume_response();
}

void Exchange::relay_local() {
  response_->body = {http::BodyKind::length, local_body_.size()};
  if (local_body_.empty()) {
    send_response_head(0);
    return finish_response();
  }
  if (!download_.holds_head()) send_response_head(std::nullopt);
  download_.push(local_body_, true);
}

// The plugins saw, and go on to see, what happened in terms of HTTP.
void Exchange::relay_grpc_refusal() {
  auto* seen = response_;
  response_ = grpc_refusal(*seen, error_message_, error_code_ == name_of(ErrorCode::timeout), arena_);
  send_response_head(0);
  response_ = seen;
  finish_response();
}

void Exchange::on_upstream_body(std::string_view bytes) {
  if (tunnel_ != nullptr) return tunnel_->from_upstream(bytes);
  download_.push(bytes, false);
  if (stage_ == Stage::relay && download_.suspended()) forwarder_.pause_response();
}

void Exchange::on_upstream_body_end(http::HeaderList* trailers) {
  if (tunnel_ != nullptr) return end_tunnel();
  response_trailers_ = trailers;
  download_.push({}, true);
}

void Exchange::deliver_to_client(std::string_view bytes, bool end) {
  if (client_ == nullptr) return;
  if (!head_sent_) {
    bool trailers = response_trailers_ != nullptr && response_trailers_->size() > 0;  // they need HTTP/1's chunks
    bool length_known = end && !trailers;
    send_response_head(length_known ? std::optional<std::uint64_t>(bytes.size()) : std::nullopt);
  }
  response_body_bytes_ += bytes.size();
  if (!bytes.empty()) client_->write_body(stream_, bytes);
  if (end) return finish_response();
  if (client_->congested(stream_)) forwarder_.pause_response();
}

// `known_length`: all of the body is there. Otherwise the upstream's framing holds unless a plugin may change the bytes.
void Exchange::send_response_head(std::optional<std::uint64_t> known_length) {
  if (!bodiless()) {
    if (known_length)
      response_->body = {http::BodyKind::length, *known_length};
    else if (download_.modifies() || response_->body.kind == http::BodyKind::until_close) {
      response_->body = {http::BodyKind::chunked, 0};
    }
  }
  // An answer before the end of the request's body is as a rule a refusal of the rest. An upstream that streams while it
  // is sent to is left alone.
  bool refuses = origin_ != POSTERN_ORIGIN_UPSTREAM || response_ends_ || response_->status >= 400;
  bool unread = !request_ended_ && refuses;
  must_close_ = must_close_ || unread || client_->closing_after(*request_);
  head_sent_ = true;
  client_->write_head(stream_, *response_, must_close_);
}

void Exchange::finish_response() {
  client_->write_end(stream_, response_trailers_);
  complete(POSTERN_END_OK);
}

void Exchange::on_client_drained() {
  if (stage_ == Stage::relay && !download_.suspended()) forwarder_.resume_response();
}

// ---- BodyPipe::Host --------------------------------------------------------------------------------------------------

postern_verdict Exchange::call_body_hook(BodyPipe& pipe, const Link& link, std::string_view bytes,
                                         std::uint32_t flags) {
  bool upload = &pipe == &upload_;
  Lane lane = upload ? Lane::request_body : Lane::response_body;
  return call_for_body(link, upload ? Hook::request_body : Hook::response_body, lane, bytes, flags);
}

void Exchange::deliver(BodyPipe& pipe, std::string_view bytes, bool end) {
  if (&pipe == &upload_)
    deliver_to_upstream(bytes, end);
  else
    deliver_to_client(bytes, end);
}

void Exchange::on_pipe_verdict(BodyPipe& pipe, const Link& link, postern_verdict verdict) {
  bool upload = &pipe == &upload_;
  if (head_sent_ && verdict == POSTERN_RESPOND) verdict = POSTERN_ERROR;  // too late to answer anew
  carry_out(link, upload ? Hook::request_body : Hook::response_body, verdict);
  advance();
}

void Exchange::on_pipe_overflow(BodyPipe& pipe, const Link& link, bool out_of_memory) {
  std::string who = "plugin " + link.instance->name;
  if (&pipe == &download_) makers_.failed(link);
  if (out_of_memory)
    return fail(Error::gateway(who + " needs a buffered body, but limits.body_buffer_total is used up")
                    .with(ErrorCode::service_unavailable));
  if (&pipe == &upload_) {
    must_close_ = must_close_ || !request_ended_;
    return fail(Error::client(ErrorCode::payload_too_large, "the request body is larger than " + who + " accepts"));
  }
  fail(Error::upstream(ErrorCode::proxy_error, "the response body is larger than " + who + " accepts"));
}

bool Exchange::account(const Link* link, std::int64_t bytes) {
  std::int64_t& total = worker_.buffered_bytes();
  if (link != nullptr && total + bytes > plan_.plan().config->limits.body_buffer_total) return false;
  total += bytes;
  if (link != nullptr) plan_.counters(*link).buffered_bytes.add(static_cast<std::uint64_t>(bytes));
  return true;
}

}  // namespace postern::proxy

#include "exchange/request_upload.h"

#include <algorithm>
#include <string>

namespace postern::proxy {

// ---- From the client ---------------------------------------------------------------------------------------------------

void RequestUpload::on_body(std::string_view bytes) {
  bytes_ += bytes.size();
  if (mode_ == Mode::discarded) return;
  if (exceeds_limit(bytes_)) return host_.on_body_refused(too_large());
  pipe_.push(bytes, false);
  update_flow();
}

void RequestUpload::on_end(http::HeaderList* trailers) {
  if (mode_ == Mode::discarded) return;
  trailers_ = trailers;
  pipe_.push({}, true);
}

bool RequestUpload::exceeds_limit(std::uint64_t bytes) const noexcept {
  return x_.route != nullptr && x_.route->body_limit > 0 && bytes > x_.route->body_limit;
}

bool RequestUpload::announces_too_much() const noexcept {
  const auto& body = x_.request->body;
  return body.kind == http::BodyKind::length && exceeds_limit(body.length);
}

Error RequestUpload::too_large() const {
  return Error::client(ErrorCode::payload_too_large,
                       "the request body is larger than " + std::to_string(x_.route->body_limit) + " bytes");
}

// The client's body flows only while somebody takes it.
void RequestUpload::update_flow() {
  if (x_.client == nullptr || x_.request_ended) return;
  bool upstream_takes = mode_ == Mode::streaming && replay_.all_sent() && !attempt_.congested();
  bool taken = mode_ == Mode::collecting || upstream_takes;
  bool flows = taken && !pipe_.suspended();
  if (flows == flows_) return;
  flows_ = flows;
  x_.client->let_body_flow(x_.stream, flows);
}

// ---- Through the hooks ---------------------------------------------------------------------------------------------------

void RequestUpload::give(std::uint32_t position, std::string_view bytes) {
  given_by_ = position;
  given_body_ = x_.arena.copy(bytes);
}

// A body that a plugin gave is for those behind it.
std::span<const Link> RequestUpload::links() const {
  auto links = chain_run_.of(Hook::request_body);
  if (!given_by_) return links;
  auto behind = std::find_if(links.begin(), links.end(), [&](const Link& l) { return l.position > *given_by_; });
  return links.subspan(static_cast<std::size_t>(behind - links.begin()));
}

bool RequestUpload::collect() {
  if (mode_ == Mode::held) open();
  return mode_ != Mode::collecting;
}

void RequestUpload::open() {
  pipe_.open(links());
  if (pipe_.holds_head()) mode_ = Mode::collecting;
  if (given_by_) return pipe_.push(given_body_, true);  // it is all there
  if (mode_ == Mode::collecting) update_flow();
}

void RequestUpload::resume(postern_verdict verdict) {
  pipe_.resume(verdict);
  update_flow();
}

postern_verdict RequestUpload::call_body_hook(const Link& link, std::string_view bytes, std::uint32_t flags) {
  return chain_run_.call_body_hook(link, Hook::request_body, bytes, flags);
}

void RequestUpload::on_pipe_verdict(const Link& link, postern_verdict verdict) {
  chain_run_.carry_out(link, Hook::request_body, verdict);
}

void RequestUpload::on_pipe_overflow(const Link& link, bool out_of_memory) {
  if (out_of_memory) return host_.on_upload_failed(body_buffers_used_up(link));
  host_.on_body_refused(Error::client(ErrorCode::payload_too_large,
                                      "the request body is larger than plugin " + link.instance->name + " accepts"));
}

// ---- To the upstream -----------------------------------------------------------------------------------------------------

void RequestUpload::deliver(std::string_view bytes, bool end) {
  if (end) ended_ = true;
  if (mode_ == Mode::streaming && replay_.all_sent()) {
    remember(bytes);
    if (!bytes.empty()) attempt_.send_body(bytes);
    if (end) attempt_.send_end(trailers_);
    return update_flow();
  }
  replay_.append(bytes);  // behind what is still waiting to be sent
  if (mode_ != Mode::collecting) return;
  mode_ = Mode::held;  // this is the whole body, or the start of one that overflowed and streams from here on
  host_.on_body_collected();
}

void RequestUpload::remember(std::string_view bytes) {
  if (!replayable_) return;
  if (given_by_ || replay_.size() + bytes.size() <= kReplayLimit) {  // one that was given is in memory anyhow
    replay_.append(bytes);
    replay_.skip(bytes.size());
    return;
  }
  replayable_ = false;
  replay_.drop();
}

void RequestUpload::frame(http::RequestHead& head) {
  if (!has_body()) return;
  if (ended_ && trailers_ == nullptr)
    head.body = {http::BodyKind::length, replay_.size()};
  else if (ended_ || pipe_.modifies())
    head.body = {http::BodyKind::chunked, 0};
  else if (given_by_)
    head.body = {http::BodyKind::length, given_body_.size()};
}

void RequestUpload::start() {
  if (!has_body()) return;
  if (mode_ != Mode::discarded) mode_ = Mode::streaming;
  replay_.rewind();
  send_replay();
}

// What was kept goes first, no faster than the upstream takes it.
void RequestUpload::send_replay() {
  while (!replay_.all_sent() && !attempt_.congested()) attempt_.send_body(replay_.next_piece());
  if (!replay_.all_sent()) return;
  if (ended_) return attempt_.send_end(trailers_);
  update_flow();
}

// What still comes waits behind what was kept.
void RequestUpload::hold() {
  if (mode_ != Mode::streaming) return;
  mode_ = Mode::held;
  update_flow();
}

void RequestUpload::on_drained() {
  if (mode_ != Mode::streaming) return;
  if (replay_.all_sent()) return update_flow();
  send_replay();
}

void RequestUpload::forget_replay() {
  replayable_ = false;
  if (replay_.all_sent()) replay_.drop();
}

void RequestUpload::discard() noexcept {
  pipe_.close();
  mode_ = Mode::discarded;
}

}  // namespace postern::proxy

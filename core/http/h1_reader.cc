#include "http/h1_reader.h"

#include <new>

#include "http/trailers.h"

namespace postern::http {

Result<std::size_t> H1Reader::feed(std::string_view bytes) {
  std::size_t taken = 0;
  while (taken < bytes.size() && !paused_ && reading()) {
    auto step = advance(bytes.substr(taken));
    if (!step) {
      close();
      return step;
    }
    taken += *step;
  }
  return closed() ? bytes.size() : taken;
}

Result<void> H1Reader::feed_eof() {
  if (state_ == State::idle || !reading()) return {};
  if (state_ == State::body && until_close_) {
    end_message(nullptr, false);
    return {};
  }
  close();
  return fail(refuse("the connection was closed inside a message"));
}

bool H1Reader::next_message(bool reuse) noexcept {
  if (!reuse || !complete()) {
    close();
    return false;
  }
  state_ = State::idle;
  paused_ = false;
  more_came_ = false;
  blank_bytes_ = 0;
  return true;
}

void H1Reader::start_tunnel() noexcept {
  state_ = State::body;
  more_came_ = false;
  until_close_ = true;
}

// The steps of a message. Each has one caller: in line, they need no frame and no result of their own.
inline Result<std::size_t> H1Reader::advance(std::string_view bytes) {
  switch (state_) {
    case State::idle:
      return begin(bytes);
    case State::head:
      return read_head(bytes);
    case State::body:
      return read_body(bytes);
    case State::trailers:
      return read_trailers(bytes);
    case State::complete:
    case State::closed:
      break;
  }
  return 0;
}

// Empty lines before a request line are skipped (RFC 9112 section 2.2), but not many.
inline Result<std::size_t> H1Reader::begin(std::string_view bytes) {
  std::size_t blank = 0;
  for (; blank < bytes.size() && blank_bytes_ < blank_bytes_allowed_; ++blank, ++blank_bytes_)
    if (bytes[blank] != (blank_bytes_ % 2 == 0 ? '\r' : '\n')) break;
  if (blank == bytes.size()) return blank;
  state_ = State::head;
  arena_ = &handler_->begin_message();
  head_.start_head();
  if (blank_bytes_ % 2 != 0) return fail(refuse("bare CR before the start line"));
  return blank;
}

inline Result<std::size_t> H1Reader::read_head(std::string_view bytes) {
  auto step = head_.read(bytes, *arena_);
  if (step.outcome == HeadReader::Outcome::more) return step.taken;
  if (step.outcome != HeadReader::Outcome::complete) return fail(refuse(step.outcome));
  if (auto done = finish_head(step.taken < bytes.size()); !done) return fail(std::move(done.error()));
  return step.taken;
}

inline Result<void> H1Reader::finish_head(bool more_follows) {
  auto after = handler_->parse_head(head_.bytes(), parser_);
  if (!after) return fail(std::move(after.error()));
  bool ends = is_empty(after->body);
  if (after->another_head) {
    head_.start_head();
  } else if (ends) {
    state_ = State::complete;
    more_came_ = more_follows;
  } else {
    state_ = State::body;
    until_close_ = after->body.kind == BodyKind::until_close;
  }
  handler_->head_read(ends);
  return {};
}

inline Result<std::size_t> H1Reader::read_body(std::string_view bytes) {
  if (until_close_) {
    handler_->body_read(bytes);
    return bytes.size();
  }
  auto step = parser_.read_body(bytes);
  if (!step) return fail(refuse(step.error()));
  if (parser_.at() == H1Parser::At::trailers) {
    state_ = State::trailers;
    head_.start_trailers();
  }
  if (!step->data.empty()) handler_->body_read(step->data);
  if (parser_.at() == H1Parser::At::end && !closed()) end_message(nullptr, step->taken < bytes.size());
  return step->taken;
}

Result<std::size_t> H1Reader::read_trailers(std::string_view bytes) {
  auto step = head_.read(bytes, *arena_);
  if (step.outcome == HeadReader::Outcome::more) return step.taken;
  if (step.outcome != HeadReader::Outcome::complete) return fail(refuse(step.outcome));
  if (auto done = finish_trailers(step.taken < bytes.size()); !done) return fail(std::move(done.error()));
  return step.taken;
}

Result<void> H1Reader::finish_trailers(bool more_follows) {
  auto* trailers = new (arena_->allocate(sizeof(HeaderList), alignof(HeaderList))) HeaderList(*arena_);
  if (auto read = parser_.read_trailers(head_.bytes(), *trailers); !read) return fail(refuse(read.error()));
  if (trailers->find("Content-Length") || trailers->find("Transfer-Encoding"))
    return fail(refuse("trailers that frame a body"));
  trailers->remove_if([](const Field& field) { return !may_be_trailer(field.name); });
  end_message(trailers->size() > 0 ? trailers : nullptr, more_follows);
  return {};
}

inline void H1Reader::end_message(HeaderList* trailers, bool more_follows) {
  state_ = State::complete;
  more_came_ = more_follows;
  handler_->message_read(trailers);
}

Error H1Reader::refuse(HeadReader::Outcome outcome) const {
  switch (outcome) {
    case HeadReader::Outcome::line_too_long:
      return handler_->refusal(ErrorCode::uri_too_long, "the request line is too long");
    case HeadReader::Outcome::head_too_large:
      return handler_->refusal(ErrorCode::headers_too_large, "the head is too large");
    case HeadReader::Outcome::too_many_fields:
      return handler_->refusal(ErrorCode::headers_too_large, "the head has too many fields");
    default:
      return refuse("malformed line in a head: bare LF, leading whitespace or folding");
  }
}

}  // namespace postern::http

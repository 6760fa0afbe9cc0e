// The reading half of an HTTP/1 connection, the same on both sides: blank lines, heads, bodies, trailers, pauses.
// What a head means is its handler's business.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/arena.h"
#include "base/result.h"
#include "http/codec.h"
#include "http/h1_parser.h"
#include "http/head_reader.h"

namespace postern::http {

// What comes after a head.
struct AfterHead {
  BodyFraming body;           // none, or a length of 0: the message ends here
  bool another_head = false;  // an interim response: the next head belongs to the same message
};

class H1ReadHandler {
 public:
  // The first byte of a message is there. Its head and trailers live in the arena.
  virtual Arena& begin_message() = 0;
  // `bytes`: the whole head, already in the arena, for `parser` to read. Reports nothing yet: head_read() follows when it is
  // accepted.
  virtual Result<AfterHead> parse_head(std::string_view bytes, H1Parser& parser) = 0;
  virtual void head_read(bool ends) = 0;  // `ends`: message_read() does not follow
  virtual void body_read(std::string_view bytes) = 0;
  virtual void message_read(HeaderList* trailers) = 0;  // null: no trailers
  // Whose fault a broken message is, and which code it gets.
  virtual Error refusal(ErrorCode code, std::string_view text) const = 0;

 protected:
  ~H1ReadHandler() = default;
};

class H1Reader {
 public:
  // `blank_lines`: how many are skipped before a message.
  H1Reader(H1ReadHandler& handler, H1Parser::Kind kind, const HeadLimits& limits, unsigned blank_lines) noexcept
      : handler_(&handler), head_(limits), parser_(kind), blank_bytes_allowed_(2 * blank_lines) {}

  // Takes bytes until the message is complete or paused. Any error closes the reader; a closed one swallows all bytes.
  Result<std::size_t> feed(std::string_view bytes);
  Result<void> feed_eof();
  void pause() noexcept { paused_ = true; }
  void resume() noexcept { paused_ = false; }

  bool idle() const noexcept { return state_ == State::idle; }          // no byte of a message has come
  bool complete() const noexcept { return state_ == State::complete; }  // a whole message has been read
  bool closed() const noexcept { return state_ == State::closed; }
  bool more_came() const noexcept { return more_came_; }  // bytes followed the complete message at once
  void close() noexcept { state_ = State::closed; }
  // The message is over. Whether another may follow it: only with `reuse`, and after a complete one. Else the reader closes.
  bool next_message(bool reuse) noexcept;
  void start_tunnel() noexcept;  // after complete(): all that follows is its body, until the connection closes

 private:
  enum class State : std::uint8_t { idle, head, body, trailers, complete, closed };

  bool reading() const noexcept { return state_ != State::complete && state_ != State::closed; }
  Result<std::size_t> advance(std::string_view bytes);
  Result<std::size_t> begin(std::string_view bytes);
  Result<std::size_t> read_head(std::string_view bytes);
  Result<std::size_t> read_body(std::string_view bytes);
  Result<std::size_t> read_trailers(std::string_view bytes);
  Result<void> finish_head(bool more_follows);
  Result<void> finish_trailers(bool more_follows);
  void end_message(HeaderList* trailers, bool more_follows);
  Error refuse(HeadReader::Outcome outcome) const;
  Error refuse(std::string_view text) const { return handler_->refusal(ErrorCode::bad_request, text); }

  H1ReadHandler* handler_;
  Arena* arena_ = nullptr;
  HeadReader head_;
  H1Parser parser_;
  unsigned blank_bytes_allowed_;
  unsigned blank_bytes_ = 0;
  State state_ = State::idle;
  bool until_close_ = false;  // the body has no other end
  bool paused_ = false;
  bool more_came_ = false;
};

}  // namespace postern::http

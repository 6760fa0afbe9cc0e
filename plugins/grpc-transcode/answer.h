// What comes back from the upstream, message by message, becoming what the client is told.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "message_frames.h"
#include "rpc_status.h"
#include "stream_text.h"
#include "transcoder.h"

// The status that trailers or a head tell; nothing when there is none.
using ToldStatus = std::optional<RpcStatus>;

// A whole answer to a unary call: the JSON, or how the call failed.
std::variant<std::string, RpcStatus> unary_answer(const Transcoder& transcoder, const Call& call, std::size_t limit,
                                                  std::string_view body, const ToldStatus& status);

// The answer to a call that streams.
class StreamAnswer {
 public:
  StreamAnswer() = default;
  StreamAnswer(StreamKind kind, std::size_t limit) : kind_(kind), reader_(limit) {}

  // Messages that one tell() takes, since the worker has others to serve.
  static constexpr int kAtOnce = 256;

  void feed(std::string_view bytes) { reader_.feed(bytes); }
  // Adds what is to be told of what came. False: there may be more, for another call.
  bool tell(const Transcoder& transcoder, const Call& call, std::string& text);
  std::string end(const ToldStatus& status);
  // The error has been told: nothing may follow.
  bool failed() const { return failed_; }

 private:
  std::string fail(const RpcStatus& status);

  StreamKind kind_ = StreamKind::lines;
  MessageReader reader_;
  bool failed_ = false;
};

#include "answer.h"

#include <postern/grpc.h>

namespace {

using postern::grpc::internal;

const RpcStatus kNoStatus{postern::grpc::unknown, "the server ended the answer without a status"};
const RpcStatus kCutOff{internal, "the server's answer ends inside a message"};

}  // namespace

std::variant<std::string, RpcStatus> unary_answer(const Transcoder& transcoder, const Call& call, std::size_t limit,
                                                  std::string_view body, const ToldStatus& status) {
  if (!status) return kNoStatus;
  if (status->code != postern::grpc::ok) return *status;
  MessageReader reader(limit);
  reader.feed(body);
  auto message = reader.next();
  if (!message && !reader.problem().empty()) return RpcStatus{internal, std::string(reader.problem())};
  if (!message) return reader.at_boundary() ? RpcStatus{internal, "the server answered without a message"} : kCutOff;
  if (!reader.at_boundary()) return RpcStatus{internal, "the server answered with more than one message"};
  auto json = transcoder.response(call, *message);
  if (auto* problem = std::get_if<Transcoder::Problem>(&json)) return RpcStatus{internal, std::move(problem->text)};
  return std::get<std::string>(std::move(json));
}

bool StreamAnswer::tell(const Transcoder& transcoder, const Call& call, std::string& text) {
  for (int i = 0; i < kAtOnce; ++i) {
    auto message = reader_.next();
    if (!message) {
      if (!reader_.problem().empty()) text += fail({internal, std::string(reader_.problem())});
      return true;
    }
    auto json = transcoder.response(call, *message);
    if (auto* problem = std::get_if<Transcoder::Problem>(&json)) {
      text += fail({internal, std::move(problem->text)});
      return true;
    }
    text += message_text(kind_, std::get<std::string>(json));
  }
  return false;
}

std::string StreamAnswer::end(const ToldStatus& status) {
  if (failed_) return {};
  if (!status) return fail(kNoStatus);
  if (status->code != postern::grpc::ok) return fail(*status);
  if (!reader_.at_boundary()) return fail(kCutOff);
  return std::string(end_text(kind_));
}

std::string StreamAnswer::fail(const RpcStatus& status) {
  failed_ = true;
  return error_text(kind_, status_json(status));
}

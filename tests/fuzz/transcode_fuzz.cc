// grpc-transcode from both sides: a request of any client (its first line is "METHOD TARGET", the rest its body), then the same bytes
// as what an upstream answers to every call.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "answer.h"
#include "json_text.h"
#include "message_frames.h"
#include "rpc_status.h"
#include "transcoder.h"

namespace {

constexpr std::size_t kLimit = 1024 * 1024;

const Transcoder& transcoder() {
  static const auto made = [] {
    std::ifstream file(DESCRIPTORS, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
    std::vector<std::string> problems;
    return Transcoder::make(bytes, {}, {}, problems);
  }();
  if (made == nullptr) std::abort();
  return *made;
}

void check(bool holds) {
  if (!holds) std::abort();
}

// What becomes a message is one that its own type can be printed from, or has no JSON.
void ask(std::string_view input) {
  auto line = input.substr(0, input.find('\n'));
  auto body = input.substr(std::min(line.size() + 1, input.size()));
  auto space = line.find(' ');
  if (space == std::string_view::npos) return;
  auto target = line.substr(space + 1);
  auto mark = std::min(target.find('?'), target.size());
  auto found = transcoder().find(line.substr(0, space), target.substr(0, mark));
  if (found.call == nullptr) return;
  auto query = target.substr(std::min(mark + 1, target.size()));
  auto message = transcoder().request(*found.call, found.variables, query, body);
  if (auto* problem = std::get_if<Transcoder::Problem>(&message)) {
    check(!problem->text.empty() && is_strict_json(status_json({3, problem->text})));
    return;
  }
  MessageReader reader(kLimit);
  reader.feed(framed(std::get<std::string>(message)));
  check(reader.next() == std::get<std::string>(message) && reader.at_boundary());
}

void answer(const Call& call, std::string_view input) {
  auto status = read_status(input.substr(0, 2), input);
  check(is_strict_json(status_json(status)));
  auto whole = unary_answer(transcoder(), call, kLimit, input, RpcStatus{});
  if (auto* json = std::get_if<std::string>(&whole)) check(is_strict_json(*json));
  std::string at_once, in_pieces;
  auto take = [&](StreamAnswer& stream, std::string_view bytes, std::string& text) {
    stream.feed(bytes);
    while (!stream.tell(transcoder(), call, text)) continue;
  };
  StreamAnswer one(StreamKind::lines, kLimit), other(StreamKind::lines, kLimit);
  take(one, input, at_once);
  at_once += one.end(RpcStatus{});
  for (std::size_t i = 0; i < input.size() && !other.failed(); i += 7) take(other, input.substr(i, 7), in_pieces);
  in_pieces += other.end(RpcStatus{});
  check(at_once == in_pieces);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  ask(input);
  for (const char* path : {"/v1/books/x", "/v1/read/x", "/v1/shelves/1/books:only"})
    answer(*transcoder().find("GET", path).call, input);
  return 0;
}

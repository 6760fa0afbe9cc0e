// Any frames of an HTTP/2 client: no crash, events in order, and no head that HTTP/1 would understand differently.
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "http/h1_request.h"
#include "http/h1_writer.h"
#include "http/h2_server_codec.h"

namespace {

using namespace postern::http;  // NOLINT: one file, one subject

void require(bool holds) {
  if (!holds) std::abort();
}

struct Sink final : ByteSink {
  void append(std::string_view bytes) override { text.append(bytes.substr(0, 1'000'000 - text.size())); }
  std::string text;
};

// What is written to an upstream in HTTP/1 has to be read there as what it was.
void check_downgrade(const RequestHead& head) {
  postern::BlockPool pool;
  postern::Arena arena(pool);
  Sink wire;
  WireHead framing;
  framing.chunked = head.body.kind == BodyKind::chunked;
  framing.has_length = head.body.kind == BodyKind::length;
  framing.length = head.body.length;
  write_request_head(head, framing, wire);
  require(wire.text.find("\r\n\r\n") == wire.text.size() - 4);
  bool is_head = false;
  Version version = Version::http11;
  H1Parser parser(H1Parser::Kind::request);
  auto read = parse_h1_request(wire.text, parser, arena, is_head, version);
  require(read.has_value());
  require((*read)->method == head.method && (*read)->path == head.path && (*read)->query == head.query);
  require((*read)->authority == head.authority);
  require((*read)->body.kind == head.body.kind && (*read)->body.length == head.body.length);
  require((*read)->headers.size() == head.headers.size());
}

struct Server final : ServerEvents {
  enum class State : std::uint8_t { begun, head, ended, closed };

  postern::Arena& on_request_begin(StreamId s) override {
    require(states.count(s) == 0);
    states[s] = State::begun;
    return *arenas.emplace_back(std::make_unique<postern::Arena>(pool));
  }
  void on_request_head(StreamId s, RequestHead& head, bool ends) override {
    require(states[s] == State::begun);
    check_downgrade(head);
    states[s] = ends ? State::ended : State::head;
    if (ends)
      ready.push_back(s);
    else if (s % 4 == 1)
      paused.push_back(s), codec->pause_body(s);
  }
  void on_request_body(StreamId s, std::string_view bytes) override {
    require(states[s] == State::head && !bytes.empty());
    if (s % 8 == 3) ready.push_back(s);  // answered before its end
  }
  void on_request_end(StreamId s, HeaderList*) override {
    require(states[s] == State::head);
    states[s] = State::ended;
    ready.push_back(s);
  }
  void on_request_refused(StreamId s, const postern::Error&) override {
    require(states[s] == State::begun);
    states[s] = State::ended;
    ready.push_back(s);
  }
  void on_stream_closed(StreamId s, const postern::Error*) override { states[s] = State::closed; }

  void answer_all() {
    for (StreamId s : std::exchange(ready, {})) {
      ResponseHead head(*arenas.front());
      head.status = 200;
      head.body = {BodyKind::chunked, 0};
      codec->write_head(s, head, false, sink);
      codec->write_body(s, std::string(s % 3 * 40'000, 'x'), sink);
      codec->write_end(s, nullptr, sink);
      codec->finish_stream(s);
    }
    for (StreamId s : std::exchange(paused, {})) codec->resume_body(s);
  }

  postern::BlockPool pool;
  std::vector<std::unique_ptr<postern::Arena>> arenas;
  std::map<StreamId, State> states;
  std::vector<StreamId> ready, paused;
  Sink sink;
  std::unique_ptr<H2ServerCodec> codec;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  std::size_t piece = data[0] == 0 ? size : data[0];
  std::string bytes(kH2Preface);
  bytes.append(9, '\0');  // empty SETTINGS
  bytes[kH2Preface.size() + 3] = 4;
  bytes.append(reinterpret_cast<const char*>(data + 1), size - 1);
  H2ServerLimits limits;
  limits.head = {200, 1000, 10};
  limits.concurrent_streams = 10;
  limits.control_frames = 50;
  limits.resets = 10;
  Server server;
  server.codec = make_h2_server_codec(server, limits);
  std::uint64_t now = 1;
  for (std::size_t at = 0; at < bytes.size() && !server.codec->over(); at += piece) {
    server.codec->set_now(now += 1'000'000);
    if (!server.codec->feed(std::string_view(bytes).substr(at, piece))) break;
    server.answer_all();
    server.codec->flush(server.sink);
    require(server.codec->feed({}).has_value() || server.codec->limit() != H2Limit::none);
    server.codec->flush(server.sink);
  }
  server.codec->flush(server.sink);
  return 0;
}

#include "http/h1_tunnel_codec.h"

namespace postern::http {
namespace {

class ServerTunnel final : public ServerCodec {
 public:
  ServerTunnel(ServerEvents& events, StreamId stream) noexcept : events_(events), stream_(stream) {}

  Result<std::size_t> feed(std::string_view bytes) override {
    if (paused_) return std::size_t{0};
    events_.on_request_body(stream_, bytes);
    return bytes.size();
  }
  Result<void> feed_eof() override { return {}; }
  void pause_body(StreamId) override { paused_ = true; }
  void resume_body(StreamId) override { paused_ = false; }
  void write_informational(StreamId, const ResponseHead&, ByteSink&) override {}
  void write_head(StreamId, const ResponseHead&, bool, ByteSink&) override {}
  void write_body(StreamId, std::string_view bytes, ByteSink& out) override { out.append(bytes); }
  void write_end(StreamId, const HeaderList*, ByteSink&) override {}
  bool finish_stream(StreamId) override { return false; }
  bool busy() const override { return true; }

 private:
  ServerEvents& events_;
  StreamId stream_;
  bool paused_ = false;
};

class ClientTunnel final : public ClientCodec {
 public:
  ClientTunnel(ClientEvents& events, StreamId stream) noexcept : events_(events), stream_(stream) {}

  Result<std::size_t> feed(std::string_view bytes) override {
    if (paused_) return std::size_t{0};
    events_.on_response_body(stream_, bytes);
    return bytes.size();
  }
  Result<void> feed_eof() override {
    events_.on_response_end(stream_, nullptr);
    return {};
  }
  StreamId write_head(const RequestHead&, ByteSink&) override { return stream_; }
  void write_body(StreamId, std::string_view bytes, ByteSink& out) override { out.append(bytes); }
  void write_end(StreamId, const HeaderList*, ByteSink&) override {}
  void pause_body(StreamId) override { paused_ = true; }
  void resume_body(StreamId) override { paused_ = false; }
  bool finish_stream(StreamId) override { return false; }

 private:
  ClientEvents& events_;
  StreamId stream_;
  bool paused_ = false;
};

}  // namespace

std::unique_ptr<ServerCodec> make_h1_tunnel_codec(ServerEvents& events, StreamId stream) {
  return std::make_unique<ServerTunnel>(events, stream);
}

std::unique_ptr<ClientCodec> make_h1_tunnel_codec(ClientEvents& events, StreamId stream) {
  return std::make_unique<ClientTunnel>(events, stream);
}

}  // namespace postern::http

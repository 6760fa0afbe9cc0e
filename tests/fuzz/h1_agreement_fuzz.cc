// Whatever stands behind a start line: where our codec finds a whole message, llhttp left to itself finds the same body and the
// same end. The first byte chooses between a request and a response.
#include <llhttp.h>

#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/h1_client_codec.h"
#include "http/h1_server_codec.h"

namespace {

using namespace postern;  // NOLINT: one file, one subject

constexpr std::string_view kRequestLine = "POST / HTTP/1.1\r\n";
constexpr std::string_view kStatusLine = "HTTP/1.1 200 OK\r\n";

struct Reading {
  bool whole = false;
  std::size_t taken = 0;
  std::string body;
};

struct Server final : http::ServerEvents {
  Arena& on_request_begin(http::StreamId) override { return arena; }
  void on_request_head(http::StreamId, http::RequestHead&, bool ends) override { reading.whole = ends; }
  void on_request_body(http::StreamId, std::string_view bytes) override { reading.body += bytes; }
  void on_request_end(http::StreamId, http::HeaderList*) override { reading.whole = true; }

  BlockPool pool;
  Arena arena{pool};
  Reading reading;
};

Reading read_request(std::string_view message) {
  Server server;
  auto codec = http::make_h1_server_codec(server, {});
  auto taken = codec->feed(message);
  server.reading.taken = taken.value_or(0);
  return server.reading;
}

struct Client final : http::ClientEvents {
  Arena& on_response_begin(http::StreamId) override { return arena; }
  void on_informational(http::StreamId, http::ResponseHead&) override {}
  void on_response_head(http::StreamId, http::ResponseHead&, bool ends) override { reading.whole = ends; }
  void on_response_body(http::StreamId, std::string_view bytes) override { reading.body += bytes; }
  void on_response_end(http::StreamId, http::HeaderList*) override { reading.whole = true; }

  BlockPool pool;
  Arena arena{pool};
  Reading reading;
};

struct Nowhere final : http::ByteSink {
  void append(std::string_view) override {}
};

Reading read_response(std::string_view message) {
  Client client;
  Nowhere upstream;
  auto codec = http::make_h1_client_codec(client, {});
  http::RequestHead request(client.arena);
  request.method = "GET";
  request.target = "/";
  codec->write_head(request, upstream);
  bool good = codec->feed(message) && codec->feed_eof();  // bytes behind the message are an error
  client.reading.whole = client.reading.whole && good;
  client.reading.taken = message.size();
  return client.reading;
}

Reading read_with_llhttp(llhttp_type_t type, std::string_view message) {
  llhttp_settings_t settings{};
  settings.on_body = [](llhttp_t* parser, const char* at, std::size_t size) {
    static_cast<Reading*>(parser->data)->body.append(at, size);
    return 0;
  };
  settings.on_message_complete = [](llhttp_t* parser) -> int {
    static_cast<Reading*>(parser->data)->whole = true;
    return HPE_PAUSED;
  };
  Reading reading;
  llhttp_t parser;
  llhttp_init(&parser, type, &settings);
  parser.data = &reading;
  llhttp_execute(&parser, message.data(), message.size());
  if (!reading.whole) llhttp_finish(&parser);  // the body may be one that ends with the connection
  const char* end = llhttp_get_error_pos(&parser);
  reading.taken = end != nullptr ? static_cast<std::size_t>(end - message.data()) : message.size();
  return reading;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bool request = data[0] % 2 == 0;
  std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string message = std::string(request ? kRequestLine : kStatusLine).append(rest);
  const Reading ours = request ? read_request(message) : read_response(message);
  if (!ours.whole) return 0;
  const Reading theirs = read_with_llhttp(request ? HTTP_REQUEST : HTTP_RESPONSE, message);
  const bool has_extensions = rest.find(';', rest.find("\r\n\r\n")) != std::string_view::npos;
  if (!theirs.whole && has_extensions) return 0;  // it refuses some that are legal
  if (!theirs.whole || theirs.taken != ours.taken || theirs.body != ours.body) std::abort();
  return 0;
}

#include "tls_fixture.h"

using namespace postern;
using namespace postern::net;
using namespace postern::net::test;

namespace {

struct Setup {
  Pki pki;
  Issued authority = issue({.subject = "test CA", .names = "", .authority = true});
  Issued own = issue({}, &authority);
  config::ListenerTls listener;
  config::UpstreamTls upstream;

  Setup() {
    listener.certificates = {pki.pair("server", own)};
    upstream.ca = pki.write("ca.pem", authority.certificate.get());
  }
};

// The socket of a test that says itself when it has drained.
class Between final : public Stream, private StreamOwner {
 public:
  explicit Between(std::unique_ptr<Stream> socket) : socket_(std::move(socket)) { socket_->set_owner(this); }
  void say_drained() { owner_->on_drained(); }

  void start_reading() override { socket_->start_reading(); }
  void stop_reading() override { socket_->stop_reading(); }
  void append(std::string_view bytes) override { socket_->append(bytes); }
  void flush() override { socket_->flush(); }
  std::size_t queued() const noexcept override { return socket_->queued(); }
  void shutdown_write() override { socket_->shutdown_write(); }
  void reset() override { socket_->reset(); }
  void unread(std::string bytes) override { socket_->unread(std::move(bytes)); }
  void set_peer(std::string host, std::uint16_t port) override { socket_->set_peer(std::move(host), port); }
  const std::string& peer_host() const noexcept override { return socket_->peer_host(); }
  std::uint16_t peer_port() const noexcept override { return socket_->peer_port(); }

 private:
  void on_read(std::string_view bytes) override { owner_->on_read(bytes); }
  void on_eof() override { owner_->on_eof(); }
  void on_stream_error(const Error& error) override { owner_->on_stream_error(error); }
  void on_drained() override { owner_->on_drained(); }
  std::unique_ptr<Stream> socket_;
};

std::string many_bytes(std::size_t count) {
  std::string text(count, '\0');
  for (std::size_t i = 0; i < count; ++i) text[i] = static_cast<char>('a' + i % 23);
  return text;
}

}  // namespace

TEST_CASE("bytes travel through TLS both ways, whatever their number") {
  Setup setup;
  Loop loop;
  TlsPair pair(loop, server_context(setup.listener), client_context(setup.upstream));
  REQUIRE(pair.server != nullptr);
  REQUIRE(pair.client != nullptr);
  std::string large = many_bytes(3'000'000);
  pair.client->append("hello");
  pair.client->append(large);
  pair.server->append(large);
  pair.server->append("bye");
  run_until(loop, [&] {
    return pair.server_sees.received.size() == large.size() + 5 && pair.client_sees.received.size() == large.size() + 3;
  });
  CHECK(pair.server_sees.received == "hello" + large);
  CHECK(pair.client_sees.received == large + "bye");
  CHECK(pair.server->tls()->version == "TLSv1.3");
  CHECK(pair.client->tls()->peer->subject == "CN=localhost");
  CHECK(pair.server->tls()->server_name == "localhost");
}

TEST_CASE("small pieces of one event are one record") {
  Setup setup;
  Loop loop;
  TlsPair pair(loop, server_context(setup.listener), client_context(setup.upstream));
  turn(loop);
  int before = pair.client_sees.reads;
  {
    EventScope event(loop);
    for (int i = 0; i < 100; ++i) pair.server->append("0123456789");
  }
  run_until(loop, [&] { return pair.client_sees.received.size() == 1000; });
  CHECK(pair.client_sees.reads == before + 1);
}

TEST_CASE("a stream that does not read holds its peer back and loses nothing") {
  Setup setup;
  Loop loop;
  TlsPair pair(loop, server_context(setup.listener), client_context(setup.upstream));
  pair.client->stop_reading();
  std::string piece = many_bytes(64 * 1024);
  std::size_t sent = 0;
  for (; !pair.server->above_high_watermark() && sent < 1000 * piece.size(); sent += piece.size()) {
    pair.server->append(piece);
    turn(loop, 1);
  }
  CHECK(pair.server->above_high_watermark());
  turn(loop, 3);
  CHECK(pair.client_sees.received.empty());
  CHECK(pair.server_sees.drained == 0);
  pair.client->start_reading();
  run_until(loop, [&] { return pair.client_sees.received.size() == sent; });
  CHECK(pair.server_sees.drained == 1);
}

TEST_CASE("a reader that stops in the middle of what came goes on where it stopped") {
  Setup setup;
  Loop loop;
  TlsPair pair(loop, server_context(setup.listener), client_context(setup.upstream));
  std::string large = many_bytes(1'000'000);
  pair.client_sees.then_on_read = [&] { pair.client->stop_reading(); };
  pair.server->append(large);
  int rounds = 0;
  while (pair.client_sees.received.size() < large.size()) {
    int reads = pair.client_sees.reads;
    run_until(loop, [&] { return pair.client_sees.reads > reads; });
    turn(loop, 1);
    CHECK(pair.client_sees.reads == reads + 1);
    pair.client->start_reading();
    ++rounds;
  }
  CHECK(rounds > 10);
  CHECK(pair.client_sees.received == large);
}

TEST_CASE("close_notify ends one direction and leaves the other open") {
  Setup setup;
  Loop loop;
  TlsPair pair(loop, server_context(setup.listener), client_context(setup.upstream));
  pair.client->append("last words");
  pair.client->shutdown_write();
  run_until(loop, [&] { return pair.server_sees.eofs == 1; });
  CHECK(pair.server_sees.received == "last words");
  CHECK(pair.server->read_ended());
  CHECK(pair.client_sees.drained == 1);
  pair.server->append("answer");
  pair.server->shutdown_write();
  run_until(loop, [&] { return pair.client_sees.eofs == 1; });
  CHECK(pair.client_sees.received == "answer");
  CHECK(pair.client_sees.errors.empty());
}

TEST_CASE("after shutdown_write only the end of all has drained") {
  Setup setup;
  Loop loop;
  Between* socket = nullptr;
  TlsPair pair(loop, server_context(setup.listener), client_context(setup.upstream), "localhost", nullptr,
               [&](std::unique_ptr<Stream> below) {
                 auto made = std::make_unique<Between>(std::move(below));
                 socket = made.get();
                 return made;
               });
  REQUIRE(pair.server != nullptr);
  std::string large = many_bytes(Stream::kHighWatermark * 4);
  {
    EventScope event(loop);
    pair.server->append(large);
    pair.server->shutdown_write();
    socket->say_drained();  // room for more, in an event of the same turn
    CHECK(pair.server_sees.drained == 0);
  }
  run_until(loop, [&] { return pair.client_sees.eofs == 1; });
  CHECK(pair.server_sees.drained == 1);
  CHECK(pair.client_sees.received == large);
}

TEST_CASE("a stream that is just destroyed says that it has ended") {
  Setup setup;
  Loop loop;
  TlsPair pair(loop, server_context(setup.listener), client_context(setup.upstream));
  turn(loop);
  pair.server.reset();
  run_until(loop, [&] { return pair.client_sees.eofs + static_cast<int>(pair.client_sees.errors.size()) > 0; });
  CHECK(pair.client_sees.eofs == 1);
}

TEST_CASE("an upstream that closes without close_notify has broken off") {
  Setup setup;
  Loop loop;
  TlsPair pair(loop, server_context(setup.listener), client_context(setup.upstream));
  pair.server->reset();  // RST or FIN, but no close_notify
  pair.server.reset();
  run_until(loop, [&] { return pair.client_sees.eofs + static_cast<int>(pair.client_sees.errors.size()) > 0; });
  CHECK(pair.client_sees.eofs == 0);
  CHECK(pair.client->failed());
}

TEST_CASE("a stream may be destroyed in each of its events") {
  Setup setup;
  auto server = server_context(setup.listener);
  auto client = client_context(setup.upstream);
  for (int which = 0; which < 3; ++which) {
    Loop loop;
    TlsPair pair(loop, server, client);
    pair.server_sees.then_on_read = pair.server_sees.then_on_eof =
        pair.server_sees.then_on_error = [&] { pair.server.reset(); };
    if (which == 0) pair.client->append(many_bytes(200'000));
    if (which == 1) pair.client->shutdown_write();
    if (which == 2) pair.client->reset();
    if (which == 2) pair.client.reset();
    run_until(loop, [&] { return pair.server == nullptr; });
  }
}

TEST_CASE("bytes given back come again before others") {
  Setup setup;
  Loop loop;
  TlsPair pair(loop, server_context(setup.listener), client_context(setup.upstream));
  pair.server->stop_reading();
  pair.server->unread("first ");
  pair.client->append("second");
  turn(loop, 5);
  CHECK(pair.server_sees.received.empty());
  pair.server->start_reading();
  CHECK(pair.server_sees.received.empty());
  run_until(loop, [&] { return pair.server_sees.received.size() == 12; });
  CHECK(pair.server_sees.received == "first second");
}

TEST_CASE("what is no record of TLS is an error of the peer") {
  Setup setup;
  Loop loop;
  Pair raw(loop);
  std::string failure;
  TlsFailure::Reason reason{};
  auto accepting = TlsHandshake::accept(loop, std::move(raw.server), server_context(setup.listener), [&](auto outcome) {
    REQUIRE_FALSE(outcome.has_value());
    failure = outcome.error().text;
    reason = outcome.error().reason;
  });
  SUBCASE("plain HTTP") {
    raw.client->append("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    run_until(loop, [&] { return !failure.empty(); });
    CHECK(reason == TlsFailure::Reason::plain_http);
  }
  SUBCASE("noise") {
    raw.client->append(std::string(100, '\x17'));
    run_until(loop, [&] { return !failure.empty(); });
    CHECK(reason != TlsFailure::Reason::plain_http);
  }
  SUBCASE("nothing at all") {
    raw.client.reset();
    run_until(loop, [&] { return !failure.empty(); });
    CHECK(reason == TlsFailure::Reason::closed);
  }
}

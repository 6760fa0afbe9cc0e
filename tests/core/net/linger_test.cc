#include <doctest/doctest.h>

#include "net_fixture.h"

using namespace postern;
using namespace postern::net;
using namespace postern::net::test;

TEST_CASE("a lingering close delivers the response and waits for the client's end") {
  Loop loop;
  Pair pair(loop);
  pair.server->append("413");
  linger_close(std::move(pair.server), loop, [] {});
  run_until(loop, [&] { return pair.client_sees.eofs == 1; });
  CHECK(pair.client_sees.received == "413");
  pair.client->append("the rest of the upload");  // no reset comes back
  turn(loop, 5);
  CHECK(pair.client_sees.errors.empty());
  pair.client.reset();
  pair.listener.reset();
  loop.run();  // ends once the lingering stream has gone
}

TEST_CASE("a lingering close after the client's end only sends") {
  Loop loop;
  Pair pair(loop);
  pair.client->shutdown_write();
  run_until(loop, [&] { return pair.server_sees.eofs == 1; });
  pair.server->append(std::string(1024 * 1024, 'x'));
  linger_close(std::move(pair.server), loop, [] {});
  run_until(loop, [&] { return pair.client_sees.eofs == 1; });
  CHECK(pair.client_sees.received.size() == 1024 * 1024);
  pair.client.reset();
  pair.listener.reset();
  loop.run();
}

TEST_CASE("a lingering close reads a bounded part of what the client still sends") {
  Loop loop;
  Pair pair(loop);
  linger_close(std::move(pair.server), loop, [] {});
  const std::string piece(64 * 1024, 'x');
  for (int i = 0; i < 1024 && pair.client->queued() == 0; ++i) {
    pair.client->append(piece);
    turn(loop, 1);
  }
  CHECK(pair.client->queued() > 0);
  run_until(loop, [&] { return !pair.client_sees.errors.empty() || pair.client == nullptr; });  // closed after a while
}

TEST_CASE("a failed stream does not linger") {
  struct Failed final : Stream {
    explicit Failed(bool& gone) : gone_(gone) { failed_ = true; }
    ~Failed() override { gone_ = true; }
    void start_reading() override {}
    void stop_reading() override {}
    void append(std::string_view) override {}
    void flush() override {}
    std::size_t queued() const noexcept override { return 0; }
    void shutdown_write() override {}
    void reset() override {}
    void unread(std::string) override {}
    void set_peer(std::string, std::uint16_t) override {}
    const std::string& peer_host() const noexcept override { return host_; }
    std::uint16_t peer_port() const noexcept override { return 0; }
    bool& gone_;
    std::string host_;
  };
  Loop loop;
  bool gone = false;
  linger_close(std::make_unique<Failed>(gone), loop, [] {});
  CHECK(gone);
}

TEST_CASE("a lingering close of a connection that the client has reset ends") {
  Loop loop;
  Pair pair(loop);
  pair.client->reset();
  pair.client.reset();
  linger_close(std::move(pair.server), loop, [] {});
  turn(loop, 3);
}

TEST_CASE("lingering streams go with the loop") {
  Loop loop;
  Pair pair(loop);
  linger_close(std::move(pair.server), loop, [] {});
}

#include "net/socket_stream.h"

#include <doctest/doctest.h>
#include <uv.h>

#include "net_fixture.h"

using namespace postern;
using namespace postern::net;
using namespace postern::net::test;

namespace {

std::string pattern(std::size_t size) {
  std::string text(size, '\0');
  for (std::size_t i = 0; i < size; ++i) text[i] = static_cast<char>('a' + i % 26 + (i / 1000) % 3);
  return text;
}

// Fills the pipe to a peer that does not read until `bytes` are queued.
std::string fill(Stream& stream, std::size_t bytes) {
  std::string sent;
  const std::string piece = pattern(64 * 1024);
  while (stream.queued() < bytes) {
    stream.append(piece);
    sent += piece;
  }
  return sent;
}

}  // namespace

TEST_CASE("bytes go both ways, over TCP and over a unix socket") {
  ScratchFolder folder;
  for (const Address& address : {Address{Address::Kind::ip, "127.0.0.1", 0}, Address{Address::Kind::ip, "::1", 0},
                                 Address{Address::Kind::unix_path, folder.file("s.sock"), 0}}) {
    CAPTURE(address.text());
    Loop loop;
    Pair pair(loop, address);
    pair.client->append("hello ");
    pair.client->append("gateway");
    pair.server->append("hello client");
    run_until(loop, [&] { return pair.server_sees.received.size() == 13 && pair.client_sees.received.size() == 12; });
    CHECK(pair.server_sees.received == "hello gateway");
    CHECK(pair.client_sees.received == "hello client");
  }
}

TEST_CASE("a stream knows its peer") {
  Loop loop;
  Pair pair(loop);
  CHECK(pair.server->peer_host() == "127.0.0.1");
  CHECK(pair.server->peer_port() != 0);
  CHECK(pair.client->peer_host() == "127.0.0.1");
  CHECK(pair.client->peer_port() == pair.listener->address().port);

  ScratchFolder folder;
  Pair local(loop, {Address::Kind::unix_path, folder.file("s.sock"), 0});
  CHECK(local.server->peer_host() == "unix");
  CHECK(local.client->peer_host() == "unix");
}

TEST_CASE("small pieces of one turn of the loop are written together") {
  Loop loop;
  Pair pair(loop);
  for (const char* piece : {"a", "b"}) {
    EventScope event(loop);
    pair.client->append(piece);
    pair.client->append(piece);
  }
  run_until(loop, [&] { return !pair.server_sees.received.empty(); });
  CHECK(pair.client->queued() == 0);
  CHECK(pair.server_sees.received == "aabb");
  CHECK(pair.server_sees.reads == 1);
}

TEST_CASE("no stream waits for more than 63 others before it is written, nor for longer than 100 us") {
  FakeClock clock;  // stands still: only the number counts
  Loop loop(clock);
  std::vector<std::unique_ptr<Pair>> pairs(64);
  for (auto& pair : pairs) pair = std::make_unique<Pair>(loop);
  auto append_to = [&](std::size_t i) {
    EventScope event(loop);
    pairs[i]->client->append("a");
  };
  auto queued = [&](std::size_t i) { return pairs[i]->client->queued(); };
  for (std::size_t i = 0; i < 63; ++i) append_to(i);
  CHECK(queued(0) == 1);
  append_to(63);
  CHECK(queued(0) == 0);
  CHECK(queued(63) == 0);

  append_to(0);
  clock.advance_ns(99'999);
  append_to(1);
  CHECK(queued(0) == 1);
  clock.advance_ns(1);
  append_to(2);
  CHECK(queued(0) == 0);
  CHECK(queued(2) == 0);
}

TEST_CASE("pieces of every size arrive in order") {
  Loop loop;
  Pair pair(loop);
  std::string sent;
  {
    EventScope event(loop);
    for (std::size_t size :
         {1u, 4095u, 4096u, 3u, 16'384u, 16'383u, 100u, 70'000u, 4000u, 4000u, 4000u, 4000u, 4000u}) {
      std::string piece = pattern(size);
      pair.client->append(piece);
      sent += piece;
    }
  }
  run_until(loop, [&] { return pair.server_sees.received.size() >= sent.size(); });
  CHECK(pair.server_sees.received == sent);
}

TEST_CASE("what the kernel does not take is queued, and small pieces stay behind it") {
  Loop loop;
  Pair pair(loop);
  pair.server->stop_reading();
  std::string sent = fill(*pair.client, 1024 * 1024);
  for (int i = 0; i < 20'000; ++i) {
    pair.client->append("tail");
    sent += "tail";
  }
  turn(loop);
  CHECK(pair.server_sees.received.empty());
  pair.server->start_reading();
  run_until(loop, [&] { return pair.server_sees.received.size() >= sent.size(); });
  CHECK((pair.server_sees.received == sent));
  CHECK(pair.client->queued() == 0);
}

TEST_CASE("on_drained comes once the queue has fallen from above the high to below the low watermark") {
  Loop loop;
  Pair pair(loop);
  pair.server->stop_reading();
  fill(*pair.client, 1);
  turn(loop);
  CHECK_FALSE(pair.client->above_high_watermark());
  fill(*pair.client, Stream::kHighWatermark + 1);
  CHECK(pair.client->above_high_watermark());
  turn(loop);
  CHECK(pair.client_sees.drained == 0);
  std::size_t queued_then = 0;
  pair.client_sees.then_on_drained = [&] { queued_then = pair.client->queued(); };
  pair.server->start_reading();
  run_until(loop, [&] { return pair.client->queued() == 0; });
  CHECK(pair.client_sees.drained == 1);
  CHECK(queued_then < Stream::kLowWatermark);
}

TEST_CASE("a stream that does not read delivers nothing and loses nothing") {
  Loop loop;
  Pair pair(loop);
  pair.server->stop_reading();
  pair.client->append("held back");
  turn(loop, 5);
  CHECK(pair.server_sees.received.empty());
  pair.server->start_reading();
  run_until(loop, [&] { return !pair.server_sees.received.empty(); });
  CHECK(pair.server_sees.received == "held back");
}

TEST_CASE("an owner that stops inside on_read gets no more, though more has arrived") {
  Loop loop;
  Pair pair(loop);
  std::string sent = pattern(300 * 1024);
  pair.server_sees.then_on_read = [&] { pair.server->stop_reading(); };
  pair.client->append(sent);
  run_until(loop, [&] { return pair.server_sees.reads == 1; });
  turn(loop, 5);
  CHECK(pair.server_sees.reads == 1);
  pair.server_sees.then_on_read = [&] {  // a pause that ends at once
    pair.server->stop_reading();
    pair.server->start_reading();
  };
  pair.server->start_reading();
  run_until(loop, [&] { return pair.server_sees.received.size() >= sent.size(); });
  CHECK((pair.server_sees.received == sent));
}

TEST_CASE("shutdown_write sends what is queued, then the end; the other direction stays open") {
  Loop loop;
  Pair pair(loop);
  std::string sent = pattern(2 * 1024 * 1024);
  pair.client->append(sent);
  pair.client->append("last words");
  pair.client->shutdown_write();
  pair.client->append("dropped");
  run_until(loop, [&] { return pair.server_sees.eofs == 1; });
  CHECK((pair.server_sees.received == sent + "last words"));
  CHECK(pair.client_sees.drained == 1);
  CHECK(pair.server->read_ended());
  pair.server->append("answer");
  run_until(loop, [&] { return !pair.client_sees.received.empty(); });
  CHECK(pair.client_sees.received == "answer");
  turn(loop);
  CHECK(pair.server_sees.eofs == 1);
  CHECK(pair.server_sees.errors.empty());
}

TEST_CASE("after the end of its sending side a peer that has gone is noticed by what is sent to it") {
  ScratchFolder folder;
  for (const Address& address :
       {Address{Address::Kind::ip, "127.0.0.1", 0}, Address{Address::Kind::unix_path, folder.file("s.sock"), 0}}) {
    CAPTURE(address.text());
    Loop loop;
    Pair pair(loop, address);
    pair.client->shutdown_write();
    run_until(loop, [&] { return pair.server_sees.eofs == 1; });
    pair.server->append("still heard");
    run_until(loop, [&] { return pair.client_sees.received == "still heard"; });
    turn(loop);
    CHECK(pair.server_sees.errors.empty());
    pair.client.reset();
    pair.server->append("to nobody");
    run_until(loop, [&] { return pair.server_sees.errors.size() == 1; });
    CHECK(pair.server->failed());
  }
}

TEST_CASE("reset is seen as an error by the other side, destruction as the end") {
  Loop loop;
  {
    Pair pair(loop);
    pair.client->reset();
    pair.client.reset();
    run_until(loop, [&] { return !pair.server_sees.errors.empty(); });
    CHECK(pair.server_sees.eofs == 0);
    CHECK(pair.server_sees.errors[0].origin == Origin::client);
    CHECK(pair.server_sees.errors[0].text.find("connection reset") != std::string::npos);
  }
  Pair pair(loop);
  pair.server.reset();
  run_until(loop, [&] { return pair.client_sees.eofs == 1; });
  CHECK(pair.client_sees.errors.empty());
}

TEST_CASE("an error of a connected stream is blamed on the upstream") {
  Loop loop;
  Pair pair(loop);
  pair.server->reset();
  pair.server.reset();
  run_until(loop, [&] { return !pair.client_sees.errors.empty(); });
  CHECK(pair.client_sees.errors[0].origin == Origin::upstream);
  CHECK(pair.client_sees.errors[0].code == ErrorCode::proxy_error);
}

TEST_CASE("a failed write is reported once, after the call, and later bytes are dropped") {
  Loop loop;
  Pair pair(loop);
  pair.client->stop_reading();
  pair.server->reset();
  pair.server.reset();
  bool inside = false;
  bool reported_inside = false;
  pair.client_sees.then_on_error = [&] { reported_inside = inside; };
  run_until(loop, [&] {
    EventScope event(loop);
    inside = true;
    pair.client->append(pattern(8192));
    pair.client->flush();
    inside = false;
    return !pair.client_sees.errors.empty();
  });
  CHECK_FALSE(reported_inside);
  pair.client->append("more");
  pair.client->shutdown_write();
  pair.client->start_reading();
  turn(loop);
  CHECK(pair.client_sees.errors.size() == 1);
  CHECK(pair.client->queued() == 0);
}

TEST_CASE(
    "an answer that was sent before the peer broke off is read although nothing more can be sent, the end included") {
  for (bool ends : {false, true}) {
    Loop loop;
    Pair pair(loop);
    pair.client->stop_reading();
    pair.server->append("answered early");
    turn(loop);
    pair.server->reset();
    pair.server.reset();
    turn(loop);
    {
      EventScope event(loop);
      pair.client->start_reading();
      if (ends) {
        pair.client->shutdown_write();
      } else {
        pair.client->append(pattern(8192));
        pair.client->append(pattern(8192));
      }
    }
    run_until(loop, [&] { return !pair.client_sees.errors.empty(); });
    CHECK(pair.client_sees.received == "answered early");
    CHECK(pair.client_sees.errors.size() == 1);
    CHECK(pair.client_sees.errors[0].text.find("not connected") == std::string::npos);  // which nobody would understand
    CHECK(pair.client_sees.eofs == 0);
  }
}

TEST_CASE("an owner may destroy its stream inside every callback") {
  Loop loop;
  SUBCASE("on_read, with more to come") {
    Pair pair(loop);
    pair.server_sees.then_on_read = [&] { pair.server.reset(); };
    pair.client->append(pattern(1024 * 1024));
    run_until(loop, [&] { return pair.server == nullptr; });
    CHECK(pair.server_sees.reads == 1);
  }
  SUBCASE("on_read, after writing") {
    Pair pair(loop);
    pair.server_sees.then_on_read = [&] {
      pair.server->append("unsent");
      pair.server.reset();
    };
    pair.client->append("x");
    run_until(loop, [&] { return pair.server == nullptr; });
  }
  SUBCASE("on_eof") {
    Pair pair(loop);
    pair.server_sees.then_on_eof = [&] { pair.server.reset(); };
    pair.client->shutdown_write();
    run_until(loop, [&] { return pair.server == nullptr; });
  }
  SUBCASE("on_stream_error while reading") {
    Pair pair(loop);
    pair.server_sees.then_on_error = [&] { pair.server.reset(); };
    pair.client->reset();
    pair.client.reset();
    run_until(loop, [&] { return pair.server == nullptr; });
  }
  SUBCASE("on_stream_error while writing") {
    Pair pair(loop);
    pair.server->stop_reading();
    pair.server_sees.then_on_error = [&] { pair.server.reset(); };
    pair.client->reset();
    pair.client.reset();
    run_until(loop, [&] {
      if (pair.server) pair.server->append("to nobody");
      return pair.server == nullptr;
    });
  }
  SUBCASE("on_drained") {
    Pair pair(loop);
    pair.server->stop_reading();
    fill(*pair.client, Stream::kHighWatermark + 1);
    pair.client_sees.then_on_drained = [&] { pair.client.reset(); };
    pair.server->start_reading();
    run_until(loop, [&] { return pair.client == nullptr; });
  }
}

TEST_CASE("a stream destroyed with bytes queued drops them quietly") {
  Loop loop;
  Pair pair(loop);
  pair.server->stop_reading();
  fill(*pair.client, 1024 * 1024);
  pair.client->shutdown_write();
  pair.client.reset();
  turn(loop);
  CHECK(pair.client_sees.errors.empty());
  CHECK(pair.client_sees.drained == 0);
}

TEST_CASE("bytes appended in a timer, a posted or a deferred task are sent when it ends") {
  Loop loop;
  Pair pair(loop);
  auto timer = Timer::start(loop, 0, 0, [&] { pair.client->append("timer "); });
  run_until(loop, [&] { return pair.server_sees.received == "timer "; });
  loop.post([&] { pair.client->append("posted "); });
  run_until(loop, [&] { return pair.server_sees.received == "timer posted "; });
  loop.defer([&] { pair.client->append("deferred"); });
  run_until(loop, [&] { return pair.server_sees.received == "timer posted deferred"; });
}

TEST_CASE("10,000 idle streams are small") { CHECK(sizeof(SocketStream) + sizeof(uv_poll_t) <= 512); }

#include "exchange/tunnel.h"

#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <string>

#include "net/timer.h"

namespace postern::proxy {
namespace {

const std::string kClose1001("\x88\x02\x03\xe9", 4);
const std::string kPing("\x89\x00", 2);

std::uint64_t at_once(std::uint64_t) { return 0; }

struct Sides final : Tunnel::Host {
  void tunnel_to_client(std::string_view bytes) override { client += bytes; }
  void tunnel_to_upstream(std::string_view bytes) override { upstream += bytes; }
  void end_tunnel_to_upstream() override { upstream_told = true; }
  bool tunnel_waits_for_client() const noexcept override { return client_is_slow; }
  void end_tunnel() override { ended = true; }

  std::string client, upstream;
  bool upstream_told = false, client_is_slow = false, ended = false;
};

struct Setup {
  explicit Setup(std::string_view protocol = "websocket", config::Tunnel settings = {}) {
    route.id = "r";
    route.tunnel = settings;
    tunnel.emplace(sides, loop, list, route, protocol, at_once);
  }
  template <class Condition>
  void until(Condition condition) {
    while (!condition()) loop.run_once();
  }

  net::Loop loop;
  std::unique_ptr<net::Timer> alive = net::Timer::start(loop, 5, 5, [] {});  // the loop turns
  TunnelList list;
  config::Route route;
  Sides sides;
  std::optional<Tunnel> tunnel;
};

TEST_CASE("a Close waits for the end of the frame that is on its way, and ends what follows") {
  config::Tunnel settings;
  settings.idle_timeout = 1;  // ends it as well, with the same code
  Setup s("websocket", settings);
  s.tunnel->from_upstream("\x81\x05he");
  for (int i = 0; i < 30; ++i) s.loop.run_once();
  CHECK(s.sides.client == "\x81\x05he");
  s.tunnel->from_upstream("llo\x81\x01x");
  CHECK(s.sides.client == "\x81\x05hello" + kClose1001);
}

TEST_CASE("the client's Close goes on to the upstream") {
  Setup s;
  s.tunnel->close_within(1001, 0, "drain");
  s.until([&] { return s.sides.client == kClose1001; });
  s.tunnel->from_upstream("\x81\x01x");
  CHECK(s.sides.client == kClose1001);
  s.tunnel->from_client("\x81\x81maskx");
  s.tunnel->from_client("\x88\x82mask??");
  CHECK(s.sides.upstream == "\x81\x81maskx\x88\x82mask??");
  CHECK_FALSE(s.sides.ended);
}

TEST_CASE("an upstream whose client answers nothing hears a Close of the gateway, and has a moment") {
  Setup s;
  s.tunnel->close_within(1001, 0, "drain");
  s.until([&] { return s.sides.upstream_told; });
  CHECK(s.sides.upstream == std::string("\x88\x82\0\0\0\0\x03\xe9", 8));
  CHECK_FALSE(s.sides.ended);
  s.until([&] { return s.sides.ended; });
}

TEST_CASE("other protocols and broken frames end without words") {
  for (std::string_view protocol : {"websocket", "lines"}) {
    Setup s(protocol);
    s.tunnel->from_upstream("what is this");
    s.tunnel->from_client("who knows");
    s.tunnel->close_within(1001, 0, "drain");
    s.until([&] { return s.sides.upstream_told; });
    CHECK(s.sides.client == "what is this");
    CHECK(s.sides.upstream == "who knows");
  }
}

TEST_CASE("a Ping goes between two frames, and none to a client that has not read yet") {
  config::Tunnel settings;
  settings.ping_interval = 1;
  Setup s("websocket", settings);
  s.until([&] { return !s.sides.client.empty(); });
  CHECK(s.sides.client == kPing);

  Setup slow("websocket", settings);
  slow.sides.client_is_slow = true;
  for (int i = 0; i < 30; ++i) slow.loop.run_once();
  CHECK(slow.sides.client.empty());
}

TEST_CASE("a route's places are counted") {
  TunnelCounts counts;
  auto& count = counts.of("r");
  CHECK(&counts.of("r") == &count);
  TunnelPlace first, second, third;
  CHECK(first.take(count, 2));
  CHECK(first.take(count, 2));  // it has one already
  CHECK(second.take(count, 2));
  CHECK_FALSE(third.take(count, 2));
  CHECK(third.take(count, 0));
  third.leave();
  first.leave();
  CHECK(third.take(count, 2));
}

}  // namespace
}  // namespace postern::proxy

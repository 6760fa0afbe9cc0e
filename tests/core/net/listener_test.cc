#include "net/listener.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <thread>

#include "base/log.h"
#include "net/socket_address.h"
#include "net_fixture.h"

using namespace postern;
using namespace postern::net;
using namespace postern::net::test;

namespace {

const Address kAnyPort{Address::Kind::ip, "127.0.0.1", 0};

// A connected client outside the loop.
class RawClient {
 public:
  explicit RawClient(const Address& address) {
    auto to = socket_address(address);
    REQUIRE(to.has_value());
    fd_ = ::socket(to->family(), SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(fd_ >= 0);
    REQUIRE(::connect(fd_, to->raw(), to->size) == 0);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;
  ~RawClient() { ::close(fd_); }

 private:
  int fd_ = -1;
};

using Streams = std::vector<std::unique_ptr<Stream>>;

std::unique_ptr<Listener> listen_on(Loop& loop, const Address& address, Streams& accepted) {
  auto opened = Listener::open(loop, address, [&](std::unique_ptr<Stream> s) { accepted.push_back(std::move(s)); });
  REQUIRE_MESSAGE(opened.has_value(), (opened ? "" : opened.error().text));
  return std::move(*opened);
}

std::string why_not(Loop& loop, const Address& address) {
  auto opened = Listener::open(loop, address, [](std::unique_ptr<Stream>) {});
  REQUIRE_FALSE(opened.has_value());
  return opened.error().text;
}

// No file descriptor can be opened while this lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    // The sanitizer opens a pipe when it sees a dynamic type for the first time, so what will be used is used once
    // before.
    logger("server").write(LogLevel::warn, "file descriptors are about to run out");
    turn(*std::make_unique<Loop>());
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before_) == 0);
    int lowest_free = ::dup(0);
    REQUIRE(lowest_free >= 0);
    ::close(lowest_free);
    rlimit none{static_cast<rlim_t>(lowest_free), before_.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  ~NoDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("several listeners share a TCP port, as the workers do") {
  Loop loop;
  Streams accepted;
  auto first = listen_on(loop, kAnyPort, accepted);
  CHECK(first->address().port != 0);
  auto second = listen_on(loop, first->address(), accepted);
  CHECK(second->address() == first->address());
  RawClient client(first->address());
  run_until(loop, [&] { return accepted.size() == 1; });
  CHECK(accepted[0]->peer_host() == "127.0.0.1");
}

TEST_CASE("a burst of connections larger than one turn's share is accepted") {
  Loop loop;
  Streams accepted;
  auto listener = listen_on(loop, kAnyPort, accepted);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 150; ++i) clients.push_back(std::make_unique<RawClient>(listener->address()));
  run_until(loop, [&] { return accepted.size() == 150; });
}

TEST_CASE("IPv6 listens beside IPv4 on the same port") {
  Loop loop;
  Streams accepted;
  auto v4 = listen_on(loop, {Address::Kind::ip, "0.0.0.0", 0}, accepted);
  auto v6 = listen_on(loop, {Address::Kind::ip, "::", v4->address().port}, accepted);
  RawClient client({Address::Kind::ip, "::1", v4->address().port});
  run_until(loop, [&] { return accepted.size() == 1; });
  CHECK(accepted[0]->peer_host() == "::1");
}

TEST_CASE("a paused listener leaves clients in the backlog") {
  Loop loop;
  Streams accepted;
  auto listener = listen_on(loop, kAnyPort, accepted);
  listener->pause();
  listener->pause();
  RawClient client(listener->address());
  turn(loop, 5);
  CHECK(accepted.empty());
  listener->resume();
  listener->resume();
  run_until(loop, [&] { return accepted.size() == 1; });
}

TEST_CASE("pause inside accept holds back the rest of the backlog") {
  Loop loop;
  Streams accepted;
  std::unique_ptr<Listener> listener;
  auto opened = Listener::open(loop, kAnyPort, [&](std::unique_ptr<Stream> s) {
    accepted.push_back(std::move(s));
    listener->pause();
  });
  REQUIRE(opened.has_value());
  listener = std::move(*opened);
  RawClient one(listener->address());
  RawClient two(listener->address());
  run_until(loop, [&] { return accepted.size() == 1; });
  turn(loop, 3);
  CHECK(accepted.size() == 1);
  listener->resume();
  run_until(loop, [&] { return accepted.size() == 2; });
}

TEST_CASE("a listener may be destroyed inside accept; its streams live on") {
  Loop loop;
  Streams accepted;
  std::unique_ptr<Listener> listener;
  auto opened = Listener::open(loop, kAnyPort, [&](std::unique_ptr<Stream> s) {
    listener.reset();
    accepted.push_back(std::move(s));
  });
  REQUIRE(opened.has_value());
  listener = std::move(*opened);
  auto address = listener->address();
  RawClient one(address);
  RawClient two(address);
  run_until(loop, [&] { return listener == nullptr; });
  turn(loop);
  CHECK(accepted.size() == 1);
  accepted[0]->append("still here");
}

TEST_CASE("out of file descriptors, clients wait in the backlog and are served later") {
  Loop loop;
  Streams accepted;
  auto listener = listen_on(loop, kAnyPort, accepted);
  RawClient first(listener->address());
  run_until(loop, [&] { return accepted.size() == 1; });
  RawClient second(listener->address());
  {
    NoDescriptors none;
    turn(loop, 20);
    CHECK(accepted.size() == 1);
  }
  run_until(loop, [&] { return accepted.size() == 2; });
}

TEST_CASE("a listener that is backing off may be destroyed") {
  Loop loop;
  Streams accepted;
  auto listener = listen_on(loop, kAnyPort, accepted);
  RawClient first(listener->address());
  run_until(loop, [&] { return accepted.size() == 1; });
  RawClient second(listener->address());
  {
    NoDescriptors none;
    turn(loop, 3);
  }
  listener.reset();
  turn(loop, 3);
  CHECK(accepted.size() == 1);
}

TEST_CASE("errors name the address and the reason") {
  Loop loop;
  CHECK(why_not(loop, {Address::Kind::ip, "192.0.2.1", 80}) == "listen on 192.0.2.1:80: address not available");
  CHECK(why_not(loop, {Address::Kind::name, "localhost", 80}).find("must be resolved first") != std::string::npos);
  CHECK(why_not(loop, {Address::Kind::unix_path, "/nowhere/at/all.sock", 0}) ==
        "listen on unix:/nowhere/at/all.sock: no such file or directory");
}

TEST_CASE("whether somebody listens can be asked without listening") {
  Loop loop;
  Streams accepted;
  auto unused = [](const Address& address) { return Listener::check_unused(address).has_value(); };
  CHECK(unused({Address::Kind::ip, "127.0.0.1", 0}));
  auto listener = listen_on(loop, {Address::Kind::ip, "127.0.0.1", 0}, accepted);
  const Address address = listener->address();
  auto asked = Listener::check_unused(address);
  REQUIRE_FALSE(asked.has_value());
  CHECK(asked.error().text == "listen on " + address.text() + ": address already in use");
  CHECK_FALSE(unused({Address::Kind::ip, "0.0.0.0", address.port}));
  listen_on(loop, address, accepted).reset();  // and still shared by those who do not ask

  RawClient client(address);
  run_until(loop, [&] { return accepted.size() == 1; });
  listener.reset();
  CHECK(unused(address));  // a connection that outlives its listener is in nobody's way
}

TEST_CASE("listeners of several loops share one unix socket; the last one removes the file") {
  ScratchFolder folder;
  Address address{Address::Kind::unix_path, folder.file("shared.sock"), 0};
  Loop one;
  Loop two;
  Streams at_one;
  Streams at_two;
  auto first = listen_on(one, address, at_one);
  auto second = listen_on(two, address, at_two);
  first.reset();
  CHECK(std::filesystem::exists(address.host));
  RawClient client(address);
  run_until(two, [&] { return at_two.size() == 1; });
  second.reset();
  CHECK_FALSE(std::filesystem::exists(address.host));
}

TEST_CASE("a stale socket file is replaced, anything else is left alone") {
  ScratchFolder folder;
  Loop loop;
  Streams accepted;
  Address address{Address::Kind::unix_path, folder.file("x.sock"), 0};
  auto at = socket_address(address);
  REQUIRE(at.has_value());

  int other = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::bind(other, at->raw(), at->size) == 0);
  REQUIRE(::listen(other, 1) == 0);
  CHECK(why_not(loop, address) == "listen on " + address.text() + ": address already in use");
  CHECK(std::filesystem::exists(address.host));

  ::close(other);  // stale now
  listen_on(loop, address, accepted).reset();

  std::ofstream(address.host) << "an ordinary file";
  CHECK(why_not(loop, address).find("address already in use") != std::string::npos);
  CHECK(std::filesystem::is_regular_file(address.host));
}

TEST_CASE("a socket that another process put in the place of ours is not removed") {
  ScratchFolder folder;
  Loop loop;
  Streams accepted;
  Address address{Address::Kind::unix_path, folder.file("x.sock"), 0};
  auto listener = listen_on(loop, address, accepted);
  std::filesystem::rename(address.host, folder.file("moved.sock"));
  auto at = socket_address(address);
  int other = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  REQUIRE(::bind(other, at->raw(), at->size) == 0);
  listener.reset();
  CHECK(std::filesystem::exists(address.host));
  ::close(other);
}

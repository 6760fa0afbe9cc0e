// What the tests of core/net share: a loop that must close clean, a recording owner, connected pairs.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "net/listener.h"
#include "net/loop.h"
#include "net/stream.h"
#include "net/timer.h"

namespace postern::net::test {

// Turns the loop until `done`; the guard ends a test that hangs.
inline void run_until(Loop& loop, const std::function<bool()>& done) {
  bool late = false;
  auto guard = Timer::start(loop, 20'000, 0, [&] { late = true; });
  while (!done() && !late) loop.run_once();
  REQUIRE_FALSE(late);
}

// Everything that is under way has happened when this returns: a task posted now runs after it.
inline void turn(Loop& loop, int times = 3) {
  for (int i = 0; i < times; ++i) {
    bool passed = false;
    auto timer = Timer::start(loop, 0, 0, [&] { passed = true; });
    while (!passed) loop.run_once();
  }
}

struct Recorder final : StreamOwner {
  std::string received;
  int reads = 0;
  int eofs = 0;
  int drained = 0;
  std::vector<Error> errors;
  std::function<void()> then_on_read;  // called last; may destroy the stream
  std::function<void()> then_on_eof;
  std::function<void()> then_on_error;
  std::function<void()> then_on_drained;

  void on_read(std::string_view bytes) override {
    ++reads;
    received += bytes;
    if (then_on_read) then_on_read();
  }
  void on_eof() override {
    ++eofs;
    if (then_on_eof) then_on_eof();
  }
  void on_stream_error(const Error& error) override {
    errors.push_back(error);
    if (then_on_error) then_on_error();
  }
  void on_drained() override {
    ++drained;
    if (then_on_drained) then_on_drained();
  }
};

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-net-XXXXXX").string();
    REQUIRE(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;
  ~ScratchFolder() {
    std::error_code ignored;  // a folder left behind fails no test
    std::filesystem::remove_all(path_, ignored);
  }
  std::string file(const std::string& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// A listener and one connection through it: `server` was accepted, `client` connected. Both owned by recorders,
// reading.
struct Pair {
  Loop& loop;
  std::unique_ptr<Listener> listener;
  std::unique_ptr<Connector> connector;
  std::unique_ptr<Stream> server;
  std::unique_ptr<Stream> client;
  Recorder server_sees;
  Recorder client_sees;

  explicit Pair(Loop& on, const Address& address = {Address::Kind::ip, "127.0.0.1", 0}) : loop(on) {
    auto opened = Listener::open(loop, address, [this](std::unique_ptr<Stream> s) { server = std::move(s); });
    REQUIRE(opened.has_value());
    listener = std::move(*opened);
    connector = Connector::start(loop, listener->address(), [this](Result<std::unique_ptr<Stream>> s) {
      REQUIRE(s.has_value());
      client = std::move(*s);
    });
    run_until(loop, [this] { return client && server; });
    server->set_owner(&server_sees);
    client->set_owner(&client_sees);
    server->start_reading();
    client->start_reading();
  }
};

}  // namespace postern::net::test

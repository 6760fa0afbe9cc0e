// One thread: its listeners, the connections that come through them, and the drain. What a request needs of it on its way is
// exchange/worker_context.h's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "client/connection_keeper.h"
#include "exchange/worker_context.h"
#include "net/listener.h"
#include "net/timer.h"

namespace postern::proxy {

class Worker final : public WorkerContext, private ConnectionKeeper {
 public:
  Worker(std::uint32_t index, SharedState& shared);
  ~Worker();

  void start();  // its thread begins
  void join();

  // --- Called on its own thread (use loop().post from others) ---
  // Adds a listener, or says why it cannot be opened; the address tells the port when 0 was asked for. It accepts from the first
  // adopted plan on. `configured` is the address as written: with the name it tells listeners apart.
  Result<net::Address> listen(const std::string& name, const std::string& configured, const net::Address& address);
  void unlisten(const std::string& name, const std::string& configured);
  // Stops accepting; idle connections close, the others after their exchange. Calls `done` when none is left.
  void drain(std::function<void()> done);
  void abort_connections();  // the drain time is over
  void stop();               // ends the thread; connections and plans must be gone
  std::size_t connection_count() const noexcept { return live_.size() + arrivals_.size(); }

 private:
  struct Listening {
    std::string name;
    std::string configured;
    std::unique_ptr<net::Listener> listener;
  };
  ConnectionKeeper& keeper() noexcept { return *this; }
  // ConnectionKeeper
  void admit(Arrival& arrival, std::unique_ptr<net::Stream> stream) override;
  void remove(Arrival& arrival) override;
  void remove(ClientConnection& connection) override;
  void linger(std::unique_ptr<net::Stream> stream) override;

  void stop_accepting();
  void accept(std::string_view listener, std::unique_ptr<net::Stream> stream);
  ClientConnection& serve(std::string_view listener, std::unique_ptr<net::Stream> stream);
  template <class T>
  void retire_from(std::vector<std::unique_ptr<T>>& list, T& one);
  void count_out();
  bool listens(std::string_view name) const noexcept;
  void check_connection_limit();
  void check_drained();

  std::vector<Listening> listeners_;
  std::set<std::string, std::less<>> listener_names_;  // of all there ever were: connections keep views
  std::vector<std::unique_ptr<ClientConnection>> live_;
  std::vector<std::unique_ptr<Arrival>> arrivals_;
  std::function<void()> drain_done_;
  std::unique_ptr<net::Timer> accept_again_;  // set while the connection limit is reached
  std::size_t lingering_ = 0;
  bool draining_ = false;
  bool aborted_ = false;                    // draining has lasted long enough
  std::unique_ptr<net::Timer> keep_alive_;  // the loop runs until stop()
  std::thread thread_;
};

}  // namespace postern::proxy

// What an exchange becomes when its upstream has changed to another protocol: bytes in both directions until one side ends.
// Watches over silence and number, and ends a WebSocket with words when the gateway drains or reloads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/deadline_wheel.h"
#include "base/metrics.h"
#include "config/config.h"
#include "http/websocket_frames.h"
#include "net/loop.h"

namespace postern::proxy {

class Tunnel;

// The open tunnels of one generation on one worker.
class TunnelList {
 public:
  void add(Tunnel& tunnel);
  void remove(Tunnel& tunnel) noexcept;
  void reloaded();  // the generation has a successor

 private:
  std::vector<Tunnel*> open_;
};

// How many tunnels each route has on all workers, handshakes included. [any thread]
class TunnelCounts {
 public:
  using Count = std::atomic<std::int64_t>;
  Count& of(const std::string& route);  // lives as long as this

 private:
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Count>> counts_;
};

// One place among a route's tunnels.
class TunnelPlace {
 public:
  TunnelPlace() = default;
  TunnelPlace(const TunnelPlace&) = delete;
  TunnelPlace& operator=(const TunnelPlace&) = delete;
  ~TunnelPlace() { leave(); }
  bool take(TunnelCounts::Count& count, std::int64_t most) noexcept;  // false: all are taken; 0: there is no most
  void leave() noexcept {
    if (count_ != nullptr) give_back();
  }

 private:
  void give_back() noexcept;
  TunnelCounts::Count* count_ = nullptr;
};

class Tunnel {
 public:
  // Its exchange. Only end_tunnel may destroy or stop the tunnel.
  class Host {
   public:
    virtual void tunnel_to_client(std::string_view bytes) = 0;
    virtual void tunnel_to_upstream(std::string_view bytes) = 0;
    virtual void end_tunnel_to_upstream() = 0;                  // nothing more is sent there
    virtual bool tunnel_waits_for_client() const noexcept = 0;  // bytes for it are queued
    virtual void end_tunnel() = 0;

   protected:
    ~Host() = default;
  };
  // A number from 0 to `most`.
  using Random = std::uint64_t (*)(std::uint64_t most);
  static std::uint64_t any(std::uint64_t most);  // the usual Random

  Tunnel(Host& host, net::Loop& loop, TunnelList& list, const config::Route& route, std::string_view protocol,
         Random random = &Tunnel::any);
  Tunnel(const Tunnel&) = delete;
  Tunnel& operator=(const Tunnel&) = delete;
  ~Tunnel() { stop("aborted"); }

  void from_client(std::string_view bytes);
  void from_upstream(std::string_view bytes);
  void client_ended();  // it sends no more; perhaps it still reads
  // Ends some time within `window_ms`, so that not all of them come back at once. The first wish counts.
  void close_within(std::uint16_t code, std::uint64_t window_ms, std::string_view reason);
  void reloaded();              // as the route's reload_close says
  void drain(std::int64_t ms);  // the gateway ends within that time
  // The exchange is over: nothing is asked of the host any more. `ended_by`: for the metrics, when neither the gateway
  // nor a Close has told.
  void stop(std::string_view ended_by) noexcept;

 private:
  friend class TunnelList;
  enum class Closing : std::uint8_t { no, planned, due, said, giving_up };
  static void on_deadline(void* self);
  void on_time();
  void plan_next();
  void begin_close();
  void say_close();
  void give_up();
  void ping_if_silent(std::uint64_t now);
  void say_what_is_due();
  bool wants_to_speak() const noexcept { return closing_ == Closing::due || ping_due_; }
  std::uint64_t now_ms() const noexcept;

  Host& host_;
  net::Loop& loop_;
  TunnelList& list_;
  const config::Route& route_;
  Random random_;
  Deadline deadline_;
  std::size_t index_ = 0;  // in list_
  Metrics::Series open_ = 0;
  http::WebSocketFrames up_{http::WebSocketFrames::From::client};
  http::WebSocketFrames down_{http::WebSocketFrames::From::server};
  std::uint64_t heard_client_ms_;  // when bytes came last
  std::uint64_t heard_upstream_ms_;
  std::uint64_t pinged_ms_ = 0;  // or when it would have been useless
  std::uint64_t end_ms_ = 0;     // of what closing_ waits for; 0: nothing
  std::string_view reason_;      // of closing_
  std::string_view ended_by_;    // who said Close first, or stopped sending
  std::uint16_t code_ = 0;
  Closing closing_ = Closing::no;
  bool websocket_ : 1;
  bool ping_due_ : 1 = false;
  bool unanswered_ : 1 = false;  // nothing has come since the last ping
  bool client_ended_ : 1 = false;
  bool upstream_told_ : 1 = false;  // that nothing more comes
  bool stopped_ : 1 = false;
};

}  // namespace postern::proxy

#include "exchange/tunnel.h"

#include <postern/random.h>

#include <algorithm>
#include <utility>

#include "http/websocket_handshake.h"

namespace postern::proxy {
namespace {

constexpr std::uint64_t kPatienceMs = 2'000;  // for the answer to a Close, and for the end of whoever hears no more
constexpr std::uint64_t kNever = ~std::uint64_t{0};
constexpr std::size_t kMaxRoutes = 5'000;

struct Families {
  Metrics::FamilyId open =
      metrics().gauges("postern_tunnels", "Open tunnels (WebSockets and other upgrades).", {"route"}, kMaxRoutes);
  Metrics::FamilyId opened =
      metrics().counters("postern_tunnels_total", "Tunnels begun.", {"route", "protocol"}, kMaxRoutes);
  Metrics::FamilyId closed = metrics().counters(
      "postern_tunnels_closed_total", "Tunnels ended, by who or what ended them.", {"route", "reason"}, kMaxRoutes);
};
const Families& families() {
  static const Families all;
  return all;
}

}  // namespace

// ---- How many there are ----------------------------------------------------------------------------------------------

void TunnelList::add(Tunnel& tunnel) {
  tunnel.index_ = open_.size();
  open_.push_back(&tunnel);
}

void TunnelList::remove(Tunnel& tunnel) noexcept {
  open_[tunnel.index_] = open_.back();
  open_[tunnel.index_]->index_ = tunnel.index_;
  open_.pop_back();
}

void TunnelList::reloaded() {
  for (Tunnel* tunnel : open_) tunnel->reloaded();
}

TunnelCounts::Count& TunnelCounts::of(const std::string& route) {
  std::lock_guard lock(mutex_);
  auto& count = counts_[route];
  if (count == nullptr) count = std::make_unique<Count>(0);
  return *count;
}

bool TunnelPlace::take(TunnelCounts::Count& count, std::int64_t most) noexcept {
  if (count_ != nullptr) return true;
  if (count.fetch_add(1, std::memory_order_relaxed) >= most && most > 0) {
    count.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  count_ = &count;
  return true;
}

void TunnelPlace::give_back() noexcept { std::exchange(count_, nullptr)->fetch_sub(1, std::memory_order_relaxed); }

std::uint64_t Tunnel::any(std::uint64_t most) {
  thread_local postern::Random numbers;
  return numbers.below(most + 1);
}

// ---- Bytes -----------------------------------------------------------------------------------------------------------

Tunnel::Tunnel(Host& host, net::Loop& loop, TunnelList& list, const config::Route& route, std::string_view protocol,
               Random random)
    : host_(host),
      loop_(loop),
      list_(list),
      route_(route),
      random_(random),
      deadline_(&Tunnel::on_deadline, this),
      open_(metrics().series(families().open, {route.id})),
      heard_client_ms_(now_ms()),
      heard_upstream_ms_(heard_client_ms_),
      websocket_(protocol == http::kWebSocket) {
  list_.add(*this);
  metrics().add(open_, 1);
  metrics().add(metrics().series(families().opened, {route.id, protocol}), 1);
  plan_next();
}

void Tunnel::stop(std::string_view ended_by) noexcept {
  if (stopped_) return;
  stopped_ = true;
  deadline_.cancel();
  list_.remove(*this);
  metrics().add(open_, -1);
  bool ours = closing_ > Closing::planned;
  if (!ours) reason_ = ended_by_.empty() ? ended_by : ended_by_;
  metrics().add(metrics().series(families().closed, {route_.id, reason_}), 1);
}

std::uint64_t Tunnel::now_ms() const noexcept { return loop_.now_ms(); }

void Tunnel::from_client(std::string_view bytes) {
  if (stopped_ || upstream_told_) return;
  heard_client_ms_ = now_ms();
  unanswered_ = false;
  if (websocket_) up_.feed(bytes);
  if (up_.close_passed() && ended_by_.empty()) ended_by_ = "client";
  host_.tunnel_to_upstream(bytes);
}

// What the gateway says itself goes between two frames. After a Close nothing may follow.
void Tunnel::from_upstream(std::string_view bytes) {
  if (stopped_) return;
  heard_upstream_ms_ = now_ms();
  while (!bytes.empty() && closing_ < Closing::said) {
    std::size_t taken = bytes.size();
    if (websocket_ && wants_to_speak())
      taken = down_.feed_frame(bytes);
    else if (websocket_)
      down_.feed(bytes);
    host_.tunnel_to_client(bytes.substr(0, taken));
    bytes.remove_prefix(taken);
    if (down_.close_passed() && ended_by_.empty()) ended_by_ = "upstream";
    if (wants_to_speak()) say_what_is_due();
    if (stopped_) return;
  }
}

void Tunnel::client_ended() {
  if (stopped_ || client_ended_) return;
  client_ended_ = true;
  if (ended_by_.empty()) ended_by_ = "client";
  if (!upstream_told_) {
    upstream_told_ = true;
    host_.end_tunnel_to_upstream();
  }
  plan_next();
}

// ---- The gateway's own words -----------------------------------------------------------------------------------------

void Tunnel::say_what_is_due() {
  if (closing_ == Closing::due) return begin_close();
  if (!down_.at_boundary()) return;
  ping_due_ = false;
  if (down_.close_passed()) return;
  unanswered_ = true;
  host_.tunnel_to_client(http::websocket_ping_to_client());
}

void Tunnel::close_within(std::uint16_t code, std::uint64_t window_ms, std::string_view reason) {
  if (stopped_ || closing_ != Closing::no) return;
  closing_ = Closing::planned;
  code_ = code;
  reason_ = reason;
  end_ms_ = now_ms() + random_(window_ms);
  plan_next();
}

// Half of the time: the other half is for those who answer slowly.
void Tunnel::drain(std::int64_t ms) {
  close_within(http::kCloseGoingAway, static_cast<std::uint64_t>(ms) / 2, "drain");
}

void Tunnel::reloaded() {
  if (route_.tunnel.reload_close > 0)
    close_within(http::kCloseServiceRestart, static_cast<std::uint64_t>(route_.tunnel.reload_close), "reload");
}

// A frame of the upstream that is on its way is finished first, if it comes in time.
void Tunnel::begin_close() {
  if (!websocket_ || down_.broken()) return give_up();
  if (closing_ != Closing::due) end_ms_ = now_ms() + kPatienceMs;
  closing_ = Closing::due;
  if (down_.at_boundary()) return say_close();
  plan_next();
}

// The client answers with a Close of the same code, which goes on to the upstream like all that it still says.
void Tunnel::say_close() {
  closing_ = Closing::said;
  end_ms_ = now_ms() + kPatienceMs;
  if (!down_.close_passed()) host_.tunnel_to_client(http::websocket_close_to_client(code_));
  plan_next();
}

// Nobody answers: the upstream hears why, and has a moment to end.
void Tunnel::give_up() {
  if (closing_ == Closing::giving_up || upstream_told_) return host_.end_tunnel();
  closing_ = Closing::giving_up;
  end_ms_ = now_ms() + kPatienceMs;
  if (websocket_ && up_.at_boundary() && !up_.close_passed())
    host_.tunnel_to_upstream(http::websocket_close_to_server(code_));
  upstream_told_ = true;
  host_.end_tunnel_to_upstream();
  plan_next();
}

// A client that has answered nothing since the last ping is gone. One that has not read yet what is queued is only slow.
void Tunnel::ping_if_silent(std::uint64_t now) {
  pinged_ms_ = now;
  if (host_.tunnel_waits_for_client()) return;
  if (unanswered_) {
    reason_ = "no_pong";
    code_ = http::kCloseGoingAway;
    return begin_close();
  }
  ping_due_ = true;
  say_what_is_due();
}

// ---- Time ------------------------------------------------------------------------------------------------------------

void Tunnel::on_deadline(void* self) { static_cast<Tunnel*>(self)->on_time(); }

void Tunnel::on_time() {
  if (stopped_) return;
  std::uint64_t now = now_ms();
  if (closing_ != Closing::no && now >= end_ms_) return closing_ == Closing::planned ? begin_close() : give_up();
  if (closing_ > Closing::planned) return plan_next();
  if (client_ended_) {
    if (now >= std::max(heard_client_ms_, heard_upstream_ms_) + kPatienceMs) return host_.end_tunnel();
    return plan_next();
  }
  auto idle = static_cast<std::uint64_t>(route_.tunnel.idle_timeout);
  if (idle > 0 && now >= std::max(heard_client_ms_, heard_upstream_ms_) + idle) {
    reason_ = "idle";
    code_ = http::kCloseGoingAway;
    return begin_close();
  }
  auto ping = static_cast<std::uint64_t>(route_.tunnel.ping_interval);
  if (ping > 0 && websocket_ && now >= std::max(heard_client_ms_, pinged_ms_) + ping) {
    ping_if_silent(now);
    if (stopped_ || closing_ > Closing::planned) return;
  }
  plan_next();
}

// The next moment at which there may be something to do; bytes that come meanwhile only move it when it comes.
void Tunnel::plan_next() {
  if (stopped_) return;
  std::uint64_t next = closing_ != Closing::no ? end_ms_ : kNever;
  std::uint64_t heard = std::max(heard_client_ms_, heard_upstream_ms_);
  if (closing_ <= Closing::planned) {
    if (client_ended_) next = std::min(next, heard + kPatienceMs);
    if (route_.tunnel.idle_timeout > 0)
      next = std::min(next, heard + static_cast<std::uint64_t>(route_.tunnel.idle_timeout));
    if (route_.tunnel.ping_interval > 0 && websocket_)
      next = std::min(next,
                      std::max(heard_client_ms_, pinged_ms_) + static_cast<std::uint64_t>(route_.tunnel.ping_interval));
  }
  if (next == kNever) return deadline_.cancel();
  std::uint64_t now = now_ms();
  loop_.arm(deadline_, next > now ? next - now : 1);
}

}  // namespace postern::proxy

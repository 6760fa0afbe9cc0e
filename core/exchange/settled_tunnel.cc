#include "exchange/settled_tunnel.h"

#include <postern/abi.h>

#include <utility>

#include "client/client_connection.h"
#include "server/worker.h"
#include "upstream/upstream_connection.h"
#include "upstream/upstream_pool.h"

namespace postern::proxy {

SettledTunnel::SettledTunnel(Worker& worker, WorkerPlan& plan, Parts parts)
    : worker_(worker),
      plan_(plan),
      handle_(parts.handle),
      stream_(parts.stream),
      tunnel_(std::move(parts.tunnel)),
      place_(std::move(parts.place)),
      upstream_(std::move(parts.upstream)),
      pool_(parts.pool),
      sent_(parts.sent),
      received_(parts.received),
      record_(std::move(parts.record)) {
  plan_.pin();
  worker_.exchanges().put_to_sleep(handle_, *this);
  tunnel_->set_host(*this);
  upstream_->set_owner(this);
}

SettledTunnel::~SettledTunnel() {
  if (begin_end("aborted")) wake();  // what it has at its endpoint goes with it
  exchange_.reset();
  plan_.unpin();
}

// ---- The exchange ----------------------------------------------------------------------------------------------------

Exchange* wake(SettledTunnel& tunnel) { return &tunnel.wake(); }

// Views of what it tells are good until the end of this turn of the loop, as those of any callback.
Exchange& SettledTunnel::wake() {
  if (exchange_ == nullptr) {
    exchange_ = std::make_unique<Exchange>(*client_, stream_, worker_, plan_, handle_, record_);
    worker_.loop().defer([handle = handle_] {
      if (auto* tunnel = Worker::current()->exchanges().asleep(handle)) tunnel->put_away();
    });
  }
  exchange_->count_tunnel_bytes(sent_, received_);
  return *exchange_;
}

void SettledTunnel::put_away() {
  if (exchange_ == nullptr || ended_) return;
  Record record = exchange_->put_away();
  exchange_.reset();
  record_ = std::move(record);
}

// ---- Bytes -----------------------------------------------------------------------------------------------------------

void SettledTunnel::on_client_body(std::string_view bytes) {
  sent_ += bytes.size();
  if (!ended_) tunnel_->from_client(bytes);
}

void SettledTunnel::on_client_body_end(http::HeaderList*) {
  if (!ended_) tunnel_->client_ended();
}

void SettledTunnel::on_client_drained() {
  if (!ended_) upstream_->start_reading();
}

void SettledTunnel::tunnel_to_client(std::string_view bytes) {
  if (bytes.empty()) return;
  received_ += bytes.size();
  client_->write_body(stream_, bytes);
  if (client_->congested(stream_)) upstream_->stop_reading();
}

void SettledTunnel::tunnel_to_upstream(std::string_view bytes) {
  upstream_->append(bytes);
  let_client_flow();
}

void SettledTunnel::let_client_flow() {
  bool flows = !upstream_->above_high_watermark();
  if (ended_ || flows == client_flows_) return;
  client_flows_ = flows;
  client_->let_tunnel_flow(stream_, flows);
}

// ---- The end ---------------------------------------------------------------------------------------------------------

void SettledTunnel::on_drain() {
  if (!ended_) tunnel_->drain(client_->connection().timeouts().drain);
}

// False when it has ended before.
bool SettledTunnel::begin_end(std::string_view ended_by) {
  if (std::exchange(ended_, true)) return false;
  tunnel_->stop(ended_by);
  place_.leave();
  upstream_->set_owner(nullptr);
  upstream_->stop_reading();
  pool_.end_tunnel();
  return true;
}

void SettledTunnel::end_tunnel() {
  if (!begin_end("upstream")) return;
  client_->write_end(stream_, nullptr);
  wake().complete(POSTERN_END_OK);
}

void SettledTunnel::on_stream_error(const Error& error) {
  if (begin_end("aborted")) wake().fail(as_upstream_error(error));
}

void SettledTunnel::on_client_gone(std::uint32_t end) {
  if (begin_end(end == POSTERN_END_CLIENT_GONE ? "client" : "aborted")) wake().on_client_gone(end);
}

}  // namespace postern::proxy

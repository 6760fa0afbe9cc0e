#include "net/stream.h"

#include <utility>

namespace postern::net {
namespace {

constexpr std::uint64_t kSendMs = 30'000;
constexpr std::uint64_t kWaitMs = 2'000;
constexpr std::size_t kDiscardBytes = 64 * 1024;

// The loop owns it until it is done.
class Lingering final : public Deferred, private StreamOwner {
 public:
  Lingering(std::unique_ptr<Stream> stream, Loop& loop) : loop_(loop), stream_(std::move(stream)) {
    stream_->set_owner(this);
  }

  void start() {
    loop_.arm(deadline_, kSendMs);
    stream_->shutdown_write();
    stream_->start_reading();
  }

 private:
  void on_read(std::string_view bytes) override {
    discarded_ += bytes.size();
    if (discarded_ >= kDiscardBytes) stream_->stop_reading();  // the rest of the wait is for the client to look up
  }
  void on_eof() override {
    if (sent_) finish();
  }
  void on_stream_error(const Error&) override { finish(); }  // the peer is gone, which is what we wait for
  void on_drained() override {
    sent_ = true;
    if (stream_->read_ended()) return finish();
    loop_.arm(deadline_, kWaitMs);
  }

  void finish() {
    deadline_.cancel();
    stream_->set_owner(nullptr);
    loop_.release(*this);
  }

  Loop& loop_;
  std::unique_ptr<Stream> stream_;
  Deadline deadline_{[](void* self) { static_cast<Lingering*>(self)->finish(); }, this};
  std::size_t discarded_ = 0;
  bool sent_ = false;  // everything, the FIN included
};

}  // namespace

void linger_close(std::unique_ptr<Stream> stream, Loop& loop) {
  if (stream->failed()) return;
  auto lingering = std::make_unique<Lingering>(std::move(stream), loop);
  Lingering& started = *lingering;
  loop.adopt(std::move(lingering));
  started.start();
}

}  // namespace postern::net

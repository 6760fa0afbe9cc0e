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
  Lingering(std::unique_ptr<Stream> stream, Loop& loop, std::function<void()> done)
      : loop_(loop), stream_(std::move(stream)), done_(std::move(done)) {
    stream_->set_owner(this);
  }
  ~Lingering() override {
    if (stream_->queued() > 0) stream_->reset();  // what the peer has is not all: a FIN would say it is
  }

  void start() {
    queued_ = stream_->queued();
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

  // A client that takes nothing for so long has given up; one that reads slowly has not.
  static void on_deadline(void* raw) {
    auto* self = static_cast<Lingering*>(raw);
    bool got_on = self->stream_->queued() < std::exchange(self->queued_, self->stream_->queued());
    if (self->sent_ || !got_on) return self->finish();
    self->loop_.arm(self->deadline_, kSendMs);
  }

  void finish() {
    deadline_.cancel();
    stream_->set_owner(nullptr);
    auto done = std::move(done_);
    loop_.release(*this);
    done();
  }

  Loop& loop_;
  std::unique_ptr<Stream> stream_;
  std::function<void()> done_;
  Deadline deadline_{&Lingering::on_deadline, this};
  std::size_t queued_ = 0;  // when deadline_ was armed
  std::size_t discarded_ = 0;
  bool sent_ = false;  // everything, the FIN included
};

}  // namespace

void linger_close(std::unique_ptr<Stream> stream, Loop& loop, std::function<void()> done) {
  if (stream->failed()) return done();
  auto lingering = std::make_unique<Lingering>(std::move(stream), loop, std::move(done));
  Lingering& started = *lingering;
  loop.adopt(std::move(lingering));
  started.start();
}

}  // namespace postern::net

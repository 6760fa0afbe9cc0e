// One direction's body on its way through the body hooks of a chain: streaming, buffered once for all that asked, replaced,
// suspended. Knows nothing of sockets; the exchange pushes bytes in and gets them delivered.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/chain.h"

namespace postern::server {

class BodyPipe {
 public:
  // What the pipe asks of its exchange.
  class Host {
   public:
    virtual bool applies(const Link& link) = 0;  // `when`
    // Calls the body hook; CONTINUE, SUSPEND, RESPOND, ABORT or ERROR (on_error already applied).
    virtual postern_verdict call_body_hook(BodyPipe& pipe, const Link& link, std::string_view bytes,
                                           std::uint32_t flags) = 0;
    virtual void deliver(BodyPipe& pipe, std::string_view bytes, bool end) = 0;
    // A verdict that ends the exchange's normal course. The pipe is closed.
    virtual void on_pipe_verdict(BodyPipe& pipe, const Link& link, postern_verdict verdict) = 0;
    // A BUFFER limit was exceeded with REJECT, or the worker's memory for buffers is used up. The pipe is closed.
    virtual void on_pipe_overflow(BodyPipe& pipe, const Link& link, bool out_of_memory) = 0;
    // Accounts bytes that the pipe keeps (negative: lets go of). False: the worker's total is used up and `link` may not
    // buffer more; never without a link, whose bytes are here already and bounded by the client's or upstream's pause.
    virtual bool account(const Link* link, std::int64_t bytes) = 0;

   protected:
    ~Host() = default;
  };

  BodyPipe(Host& host, std::uint32_t message) noexcept : host_(&host), message_(message) {}
  BodyPipe(const BodyPipe&) = delete;
  BodyPipe& operator=(const BodyPipe&) = delete;
  ~BodyPipe() { close(); }

  // The links of the body hook in call order. Forgets what was before. Instances that detached from this message
  // before it was opened stay detached.
  void open(std::span<const Link> links);
  bool holds_head();  // a BUFFER link is attached: the head must wait for the first delivery
  bool modifies();    // an attached link may change the bytes
  bool suspended() const noexcept { return suspended_; }
  bool closed() const noexcept { return closed_; }

  void push(std::string_view bytes, bool end);
  void resume(postern_verdict verdict);  // of the suspended hook
  void close() noexcept;                 // drops everything; later pushes are ignored

  // For the body table. replace: inside the body hook, or while it is suspended. detach: inside any hook.
  bool replace(std::string_view bytes);
  void detach(const Instance& instance);
  // Before the pipe is opened: `instance` sees this body as STREAM, whatever it declared.
  void stream(const Instance& instance);

 private:
  enum class Step { next, stop };
  bool attached(std::size_t i);
  bool buffers(std::size_t i) const;
  void run(std::size_t from, std::string_view bytes, bool end);
  Step pass(std::size_t i, std::string_view& bytes, bool& end);
  Step skip(std::size_t i, std::string_view& bytes);
  Step collect(std::size_t i, std::string_view& bytes, bool end);
  Step overflow(std::size_t i, std::string_view& bytes, bool end);
  Step call(std::size_t i, std::string_view& bytes, std::uint32_t flags, bool end);
  bool keep(const Link& link, std::string_view bytes);
  void hold(std::string bytes) noexcept;  // for the suspended hook
  void account_held() noexcept;
  void release_buffer() noexcept;

  Host* host_;
  std::uint32_t message_;
  std::span<const Link> links_;
  // What few bodies need; made when one does.
  struct Rare {
    std::vector<const Instance*> detached;
    std::vector<const Instance*> streaming;
    std::string replacement;  // what the running hook replaced the bytes by
    std::string current;      // the replacement that the next hook reads
  };
  Rare& rare() {
    if (rare_ == nullptr) rare_ = std::make_unique<Rare>();
    return *rare_;
  }
  std::unique_ptr<Rare> rare_;
  std::string buffer_;         // what a BUFFER link collects; the whole body once it has ended
  std::string held_;           // bytes of the suspended hook, then what was pushed meanwhile
  std::size_t held_size_ = 0;  // of the suspended hook's part of held_
  std::int64_t held_accounted_ = 0;
  std::size_t gathering_ = 0;  // index of the BUFFER link that fills buffer_
  std::size_t at_ = 0;         // index of the running or suspended link
  bool held_end_ = false;      // the suspended hook's bytes were the last
  bool pending_end_ = false;   // the end was pushed while suspended
  bool whole_ = false;         // buffer_ holds the whole body and has passed its first BUFFER link
  bool may_replace_ = false;   // inside a hook that declared `modifies`
  bool replaced_ = false;
  bool suspended_ = false;
  bool closed_ = true;
};

}  // namespace postern::server

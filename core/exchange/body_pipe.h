// One direction's body on its way through the body hooks of a chain: streaming, buffered once for all that asked, replaced,
// suspended. Knows nothing of sockets; its Host pushes bytes in and gets them delivered.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plan/chain.h"

namespace postern::proxy {

// What an exchange fails with when on_pipe_overflow() tells of memory.
Error body_buffers_used_up(const Link& link);

class BodyPipe {
 public:
  // The part of the exchange that moves this body.
  class Host {
   public:
    virtual bool asks(const Link& link) = 0;  // `when` holds, and it did not make this body
    // Calls the body hook; CONTINUE, SUSPEND, RESPOND, ABORT or ERROR (on_error already applied).
    virtual postern_verdict call_body_hook(const Link& link, std::string_view bytes, std::uint32_t flags) = 0;
    virtual void deliver(std::string_view bytes, bool end) = 0;
    // A verdict that ends the exchange's normal course. The pipe is closed.
    virtual void on_pipe_verdict(const Link& link, postern_verdict verdict) = 0;
    // A BUFFER limit was exceeded with REJECT, or the worker's memory for buffers is used up. The pipe is closed.
    virtual void on_pipe_overflow(const Link& link, bool out_of_memory) = 0;
    // Accounts bytes that the pipe keeps (negative: lets go of). False: the worker's total is used up and `link` may not
    // buffer more; never without a link, whose bytes are here already and bounded by the client's or upstream's pause.
    virtual bool account(const Link* link, std::int64_t bytes) = 0;

   protected:
    ~Host() = default;
  };

  BodyPipe(Host& host, std::uint8_t message) noexcept : host_(&host), message_(message) {}
  BodyPipe(const BodyPipe&) = delete;
  BodyPipe& operator=(const BodyPipe&) = delete;
  ~BodyPipe() { close(); }

  // The links of the body hook in call order. Forgets what was before. Instances that detached from this message
  // before it was opened stay detached.
  void open(std::span<const Link> links) {
    close();
    links_ = links;
    closed_ = false;
    ++body_;
    if (!links.empty()) start();
  }
  bool holds_head();  // a BUFFER link is attached: the head must wait for the first delivery
  bool modifies();    // an attached link may change the bytes
  bool suspended() const noexcept { return suspended_; }
  bool closed() const noexcept { return closed_; }

  void push(std::string_view bytes, bool end) {
    if (closed_) return;
    if (!links_.empty()) return pass_on(bytes, end);
    if (!bytes.empty() || end) host_->deliver(bytes, end);
  }
  void resume(postern_verdict verdict);  // of the suspended hook
  void close() noexcept {                // drops everything; later pushes are ignored
    if (!closed_) drop();
  }

  // For the body table. replace: inside the body hook, or while it is suspended. detach: inside any hook.
  bool replace(std::string_view bytes);
  void detach(const Instance& instance);
  // Before the pipe is opened: `instance` sees this body as STREAM, whatever it declared.
  void stream(const Instance& instance);

 private:
  enum class Step {
    next,  // to the link behind
    wait,  // for more bytes, or for the suspended hook
    over   // the pipe has been closed, and may have been opened for another body since
  };
  bool attached(std::size_t i);
  bool buffers(std::size_t i) const;
  void start();
  void pass_on(std::string_view bytes, bool end);
  Step run(std::size_t from, std::string_view bytes, bool end);
  Step pass(std::size_t i, std::string_view& bytes, bool& end);
  Step skip(std::size_t i, std::string_view& bytes);
  Step collect(std::size_t i, std::string_view& bytes, bool end);
  Step overflow(std::size_t i, std::string_view& bytes, bool end);
  Step call(std::size_t i, std::string_view& bytes, std::uint32_t flags, bool end);
  bool keep(const Link& link, std::string_view bytes);
  void hold(std::string bytes) noexcept;  // for the suspended hook
  void account_held() noexcept;
  void release_buffer() noexcept;
  void drop() noexcept;
  void set_work_aside();
  void forget_work_aside() noexcept;

  Host* host_;
  std::span<const Link> links_;
  // What bodies need that links see: most pass none. Made when one does.
  struct Work {
    std::string buffer;         // what a BUFFER link collects; the whole body once it has ended
    std::string held;           // bytes of the suspended hook, then what was pushed meanwhile
    std::size_t held_size = 0;  // of the suspended hook's part of held
    std::int64_t held_accounted = 0;
    std::size_t gathering = 0;  // index of the BUFFER link that fills buffer
    std::size_t at = 0;         // index of the running or suspended link
    std::vector<const Instance*> detached;
    std::vector<const Instance*> streaming;
    std::string replacement;   // what the running hook replaced the bytes by
    std::string current;       // the replacement that the next hook reads
    bool held_end = false;     // the suspended hook's bytes were the last
    bool pending_end = false;  // the end was pushed while suspended
    bool whole = false;        // buffer holds the whole body and has passed its first BUFFER link
    bool may_replace = false;  // inside a hook that declared `modifies`
    bool replaced = false;
    std::uint32_t hooks = 0;      // that are on the stack and may read what lies here
    std::unique_ptr<Work> aside;  // of a body before this one, until its hooks have returned
  };
  Work& work() {
    if (work_ == nullptr) work_ = std::make_unique<Work>();
    return *work_;
  }
  std::unique_ptr<Work> work_;  // there while links_ has one
  std::uint32_t body_ = 0;      // how many have been opened: tells a hook's body from the one that came in its place
  bool suspended_ = false;
  bool closed_ = true;
  const std::uint8_t message_;  // POSTERN_REQUEST or POSTERN_RESPONSE
};

}  // namespace postern::proxy

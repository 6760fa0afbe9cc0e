// One direction's body on its way through the body hooks of a chain: streaming, buffered once for all that asked, replaced,
// suspended. Knows nothing of sockets; the exchange pushes bytes in and gets them delivered.
#pragma once

#include <cstdint>
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
    // A verdict that ends the exchange's normal course, or an overflow. The pipe is closed.
    virtual void on_pipe_verdict(BodyPipe& pipe, postern_verdict verdict) = 0;
    virtual void on_pipe_overflow(BodyPipe& pipe, const Link& link) = 0;
    // Accounts buffered bytes (negative when freed). False: the worker's total is used up.
    virtual bool account(std::int64_t bytes) = 0;

   protected:
    ~Host() = default;
  };

  BodyPipe(Host& host, std::uint32_t message) noexcept : host_(&host), message_(message) {}
  BodyPipe(const BodyPipe&) = delete;
  BodyPipe& operator=(const BodyPipe&) = delete;
  ~BodyPipe() { close(); }

  void open(std::span<const Link> links);  // the links of the body hook, in call order; forgets what was before
  bool holds_head() const noexcept;        // a BUFFER link is still attached: the head must wait
  bool modifies() const noexcept;          // an attached link may change the bytes
  bool suspended() const noexcept { return suspended_; }
  bool idle() const noexcept { return links_.empty(); }  // bytes pass straight through

  void push(std::string_view bytes, bool end);
  void resume(postern_verdict verdict);    // of the suspended hook
  void close() noexcept;                   // drops everything; later pushes are ignored

  // For the body table, inside a body hook (replace) or any hook (detach).
  bool replace(std::string_view bytes);
  void detach(const Instance& instance) noexcept;

  std::uint32_t message() const noexcept { return message_; }

 private:
  enum class Step { next, wait, closed };
  bool attached(std::size_t i) const noexcept { return !detached_[i]; }
  void run(std::size_t from, std::string_view bytes, bool end);
  Step pass(std::size_t i, std::string_view& bytes, bool& end);
  Step collect(std::size_t i, std::string_view& bytes, bool& end);
  Step overflow(std::size_t i, std::string_view& bytes, bool& end);
  Step call(std::size_t i, std::string_view& bytes, std::uint32_t flags, bool end);
  bool keep(std::string& to, std::string_view bytes);
  void release(std::string& text) noexcept;

  Host* host_;
  std::uint32_t message_;
  std::span<const Link> links_;
  std::vector<bool> detached_;
  std::string buffer_;       // what a BUFFER link collects
  std::string replacement_;  // what the running hook replaced the bytes by
  std::string spare_;        // holds the previous replacement while the next hook reads it
  std::string held_;         // bytes of the suspended hook, or pushed while suspended
  std::size_t held_from_ = 0;  // in held_: where bytes pushed after the suspended hook's begin
  std::size_t at_ = 0;         // index of the running or suspended link
  bool held_end_ = false;      // the suspended hook's bytes were the last
  bool pending_end_ = false;   // the end was pushed while suspended
  bool in_hook_ = false;
  bool may_replace_ = false;
  bool replaced_ = false;
  bool suspended_ = false;
  bool closed_ = true;
};

}  // namespace postern::server

// FakeExchange: one request told as a story. It walks the hooks of all configured instances in order: request side,
// then the upstream's reply, then the response side backwards, then on_complete.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "postern/testing/instance.h"
#include "postern/testing/services.h"

namespace postern::testing {

class FakeExchange {
 public:
  using Chunks = std::vector<std::string>;
  FakeExchange(const FakeExchange&) = delete;
  FakeExchange& operator=(const FakeExchange&) = delete;

  // ---- The story: send, reply, finish; or all of it at once ----
  // Runs the request hooks, until the upstream has the request, a local response has been made, or a hook suspends.
  FakeExchange& send();
  // The upstream answers. Runs on_upstream_result and the response hooks.
  FakeExchange& reply(std::uint32_t status, FakeHeaders headers = {}, Chunks body = {});
  // The upstream fails: POSTERN_OUTCOME_*. Without a retry the client gets 502, 503 or 504.
  FakeExchange& fail_upstream(std::uint32_t outcome, bool never_sent = false);
  // The response goes out; on_complete runs. An exchange that is still suspended ends all the same.
  FakeExchange& finish(std::uint32_t end = POSTERN_END_OK);
  // send, reply 200 if the upstream was asked, finish if nothing is suspended.
  FakeExchange& run();
  // The client closes the connection now.
  FakeExchange& abort() { return finish(POSTERN_END_CLIENT_GONE); }

  // ---- What can be seen ----
  bool suspended() const { return pause_.number != 0 && !pause_.in_hook; }
  std::string suspended_in() const { return suspended() ? pause_.who->name() + " " + pause_.hook : std::string(); }
  bool at_upstream() const { return stage_ == Stage::await_response; }
  bool responded() const { return stage_ == Stage::sent || (ended() && status_ != 0); }
  bool ended() const { return stage_ == Stage::ended; }
  bool aborted() const { return end_ == POSTERN_END_ABORTED; }
  std::uint32_t status() const { return status_; }
  std::uint32_t origin() const { return origin_; }
  bool local() const { return origin_ == POSTERN_ORIGIN_LOCAL || origin_ == POSTERN_ORIGIN_CACHE; }
  const std::string& error_code() const { return error_code_; }  // of respond_error or the gateway's own error
  std::uint32_t attempts() const { return attempts_; }
  // The client's request as the plugins left it; the upstream's is a copy that on_upstream_request may change.
  const FakeHeaders& request_headers() const { return headers_[POSTERN_REQUEST]; }
  const FakeHeaders& upstream_headers() const { return upstream_.headers; }
  std::string upstream_method() const { return upstream_.method; }
  std::string upstream_path() const { return upstream_.path; }
  std::string upstream_query() const { return upstream_.query; }
  std::string upstream_body() const { return join(bodies_[POSTERN_REQUEST]); }
  const std::string& upstream_name() const { return upstream_name_; }
  const std::string& chosen_endpoint() const { return chosen_endpoint_; }
  const FakeHeaders& response_headers() const { return headers_[POSTERN_RESPONSE]; }
  std::string response_body() const { return join(bodies_[POSTERN_RESPONSE]); }
  const FakeHeaders& request_trailers() const { return headers_[POSTERN_REQUEST_TRAILERS]; }
  const FakeHeaders& response_trailers() const { return headers_[POSTERN_RESPONSE_TRAILERS]; }
  // The text of a variable; empty when it is unset.
  std::string variable(std::string_view name) const;

  // ---- What can be prepared before send ----
  FakeExchange& set_variable(std::string_view name,
                             std::string_view text);  // as if an earlier plugin or the router had
  FakeExchange& set_variable(std::string_view name, std::int64_t number);
  FakeExchange& body(Chunks chunks) {
    bodies_[POSTERN_REQUEST] = std::move(chunks);
    return *this;
  }
  FakeExchange& trailers(FakeHeaders request, FakeHeaders response) {
    headers_[POSTERN_REQUEST_TRAILERS] = std::move(request);
    headers_[POSTERN_RESPONSE_TRAILERS] = std::move(response);
    return *this;
  }
  FakeExchange& scheme(std::string text) {
    request_.scheme = std::move(text);
    return *this;
  }
  // The client goes away at the n-th suspension (0: the first).
  FakeExchange& abort_at_suspension(std::size_t n) {
    abort_at_ = n;
    return *this;
  }
  std::size_t suspensions() const { return suspensions_; }
  std::uint64_t handle() const { return handle_; }

 private:
  friend class FakeGateway;
  friend struct Tables;

  enum class Stage {
    begin,
    early,
    request,
    request_body,
    select,
    upstream_request,
    await_response,
    retry_wait,
    response,
    response_body,
    sent,
    ended
  };
  struct Head {
    std::string method, target, path, query, authority, scheme = "http", protocol = "HTTP/1.1";
    FakeHeaders headers;  // of upstream_ only; the client's are in headers_
  };
  struct Pause {
    std::uint64_t number = 0;
    FakeInstance* who = nullptr;
    std::string hook;
    bool in_hook = false, resumed = false;
    postern_verdict verdict = POSTERN_CONTINUE;
    std::uint64_t since_ms = 0;
    std::uint32_t wait_ms = 0;  // meant, beyond the deadline
  };
  struct Variable {
    std::uint32_t type;
    std::int64_t integer;
    double number;
    std::string text;
  };
  struct Part {
    std::string bytes;
    std::uint32_t flags;
  };

  FakeExchange(FakeGateway& gateway, std::uint64_t handle, std::string method, std::string_view target,
               FakeHeaders headers);
  static std::string join(const Chunks& chunks) {
    std::string all;
    for (const std::string& chunk : chunks) all += chunk;
    return all;
  }

  // The course (course.h).
  void advance();
  bool step();  // false: it waits
  bool step_hooks(std::uint64_t hook, Stage next);
  bool step_body(std::uint32_t message, Stage next);
  bool begin_body_of(FakeInstance& instance, std::uint32_t message);
  bool sees_body(const FakeInstance& instance, std::uint32_t message) const;
  bool streams(const FakeInstance& instance, std::uint32_t message) const;
  bool request_bodiless() const { return given_by_ == nullptr && join(bodies_[POSTERN_REQUEST]).empty(); }
  bool response_bodiless() const {
    return status_ != 0 && (join(bodies_[POSTERN_RESPONSE]).empty() || request_.method == "HEAD");
  }
  bool handle(FakeInstance& instance, postern_verdict verdict);  // false: suspended
  postern_verdict call(FakeInstance& instance, std::uint64_t hook, std::string_view bytes = {},
                       std::uint32_t flags = 0);
  postern_verdict call_function(FakeInstance& instance, std::uint64_t hook, std::string_view bytes,
                                std::uint32_t flags);
  void go(Stage stage);
  void local_error(std::uint32_t status, std::string_view code, std::string_view message);
  void to_response();
  void upstream_result(std::uint32_t outcome, std::uint32_t status, bool never_sent);
  void resume(postern_verdict verdict);
  void check_deadline();
  std::vector<FakeInstance*> order() const;
  void* slot(const FakeInstance& instance);
  bool request_is_upstreams() const { return stage_ >= Stage::upstream_request && stage_ <= Stage::retry_wait; }
  Head& head() { return request_is_upstreams() ? upstream_ : request_; }
  FakeHeaders& headers(std::uint32_t message) {
    return message == POSTERN_REQUEST && request_is_upstreams() ? upstream_.headers : headers_[message & 3];
  }
  bool variable_value(std::uint32_t id, postern_value& value);

  FakeGateway& gateway_;
  std::uint64_t handle_;
  Stage stage_ = Stage::begin;
  std::size_t at_ = 0;  // index in order() of the current stage
  bool advancing_ = false;
  std::size_t reached_ = 0;  // instances whose request hooks had their turn
  Head request_, upstream_;
  FakeHeaders headers_[4];
  Chunks bodies_[2];
  bool body_begun_ = false, body_passes_ = false;
  std::deque<Part> parts_;
  Chunks parts_out_;
  std::string running_bytes_;
  std::string replacement_;
  bool replaced_ = false;
  std::vector<std::pair<const FakeInstance*, std::uint32_t>> detached_, streaming_;
  const FakeInstance* given_by_ = nullptr;  // who gave the request its body
  std::uint32_t status_ = 0, origin_ = POSTERN_ORIGIN_NONE, end_ = POSTERN_END_OK, attempts_ = 0;
  std::string error_code_, upstream_name_ = "upstream", chosen_endpoint_;
  bool may_retry_ = false, retry_asked_ = false;
  std::uint64_t retry_at_ms_ = 0;
  std::uint32_t retry_delay_ms_ = 0;
  FakeInstance* running_ = nullptr;
  std::uint64_t running_hook_ = 0;
  Pause pause_;
  std::uint64_t pause_due_ms() const;
  std::uint64_t pauses_ = 0;
  std::size_t suspensions_ = 0;
  std::size_t abort_at_ = ~std::size_t{0};
  std::map<std::uint32_t, Variable> variables_;
  std::map<const FakeInstance*, std::unique_ptr<std::max_align_t[]>> slots_;
  std::vector<std::unique_ptr<std::max_align_t[]>> arena_;
  std::uint64_t arena_used_ = 0;
  std::vector<std::pair<void (*)(void*), void*>> end_callbacks_;
  std::deque<std::string> texts_;  // what views point to until the exchange ends
  std::uint64_t started_ms_ = 0;
};

}  // namespace postern::testing

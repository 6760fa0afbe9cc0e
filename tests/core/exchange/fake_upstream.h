// Connections in the pool of an endpoint that no socket is behind: what is sent on them is written down, and the test answers.
#pragma once

#include <deque>
#include <string>
#include <utility>

#include "core/exchange/setting.h"
#include "upstream/upstream_connection.h"
#include "upstream/upstream_pool.h"
#include "upstream/upstream_set.h"

namespace postern::proxy {

class FakeConnection final : public UpstreamConnection, public UpstreamStream {
 public:
  FakeConnection() : UpstreamConnection(/*room=*/1, /*connect_ns=*/7) {}

  std::string head;  // what has come: "GET /" and the fields, a line for each
  std::string body;  // with "." for its end
  bool full = false, paused = false, given_back = false, discarded = false;
  UpstreamUser* user = nullptr;  // null: not lent

  // --- The test as the upstream ---
  void answer(http::ResponseHead& response, bool ends = true) { user->on_response_head(response, ends); }
  void lose(std::uint32_t outcome = POSTERN_OUTCOME_RESET) {
    lent_ = 0;
    std::exchange(user, nullptr)
        ->on_lost({.outcome = outcome, .error = Error::upstream(ErrorCode::proxy_error, "it is gone")});
  }
  void has_served() { ++requests_; }  // the next request finds it reused

  // UpstreamConnection
  UpstreamStream& lend(UpstreamUser& to) override {
    user = &to;
    ++lent_;
    room_ = 0;
    return *this;
  }
  void set_idle(std::uint64_t) override {}
  void close() override {}
  // UpstreamStream
  void send_head(const http::RequestHead& request, AnswerTimes) override {
    ++requests_;
    head.append(request.method).append(" ").append(request.target) += "\n";
    for (const auto& field : request.headers.fields()) head.append(field.name).append(": ").append(field.value) += "\n";
  }
  void send_body(std::string_view bytes) override { body += bytes; }
  void send_end(const http::HeaderList*) override { body += "."; }
  void pause_response() override { paused = true; }
  void resume_response() override { paused = false; }
  bool congested() const noexcept override { return full; }
  void give_back() override {
    given_back = true;
    free();
  }
  void discard() override {
    discarded = true;
    free();
  }

 private:
  void free() {
    user = nullptr;
    lent_ = 0;
  }
};

// Puts connections into the pools of the setting's upstream. Outlives whoever uses them.
struct FakeUpstream {
  explicit FakeUpstream(Setting& in) : setting(in) {}

  FakeConnection& connection(std::size_t endpoint = 0) {  // the last one that is put there is taken first
    FakeConnection& made = connections.emplace_back();
    setting.plan().upstreams().find("u")->endpoints()[endpoint]->pool.on_room(made);
    return made;
  }

  Setting& setting;
  std::deque<FakeConnection> connections;
};

}  // namespace postern::proxy

// "call": what a plugin's request looks like on the wire, what comes back, and the ways it can fail.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/plugin/worker_fixture.h"

using namespace postern::plugin;

namespace {

// Accepts connections one after another; answers each request's head (bodies are part of what it has read) with the next
// of its replies, or says nothing when a reply is empty. Closes the connection after a reply that ends with "!".
class ScriptedUpstream {
 public:
  explicit ScriptedUpstream(std::vector<std::string> replies) : replies_(std::move(replies)) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(listener_, 8) != 0) std::abort();
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { serve(); });
  }
  ~ScriptedUpstream() {
    {
      std::lock_guard lock(mutex_);
      over_ = true;
      shutdown(listener_, SHUT_RDWR);
      if (open_ >= 0) shutdown(open_, SHUT_RDWR);
    }
    thread_.join();
    close(listener_);
  }
  std::string config() const {
    return "version: 1\nlisteners: [{name: public, address: 127.0.0.1:0}]\nupstreams: {api: {targets: [127.0.0.1:" +
           std::to_string(port_) + "]}}\nroutes: [{id: a, match: {path: /}, upstream: api}]\n";
  }
  std::uint16_t port() const { return port_; }
  std::string seen() {
    std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void serve() {
    for (;;) {
      int s = accept(listener_, nullptr, nullptr);
      if (s < 0) return;
      {
        std::lock_guard lock(mutex_);
        open_ = s;
        if (over_) shutdown(s, SHUT_RDWR);
      }
      talk(s);
      std::lock_guard lock(mutex_);
      open_ = -1;
      close(s);
    }
  }
  void talk(int s) {
    char buffer[65536];
    for (;;) {
      auto n = recv(s, buffer, sizeof buffer, 0);
      if (n <= 0) return;
      std::string reply;
      {
        std::lock_guard lock(mutex_);
        seen_.append(buffer, static_cast<std::size_t>(n));
        if (next_ < replies_.size()) reply = replies_[next_++];
      }
      bool last = !reply.empty() && reply.back() == '!';
      if (last) reply.pop_back();
      if (!reply.empty()) send(s, reply.data(), reply.size(), MSG_NOSIGNAL);
      if (last) return;
    }
  }

  std::vector<std::string> replies_;
  std::size_t next_ = 0;
  int listener_ = -1;
  int open_ = -1;
  bool over_ = false;
  std::uint16_t port_ = 0;
  std::mutex mutex_;
  std::string seen_;
  std::thread thread_;
};

struct Answer {
  postern_status result = 99;
  std::uint32_t status = 0;
  std::string headers, body;
  std::promise<void> done;
  bool inside_start = true;
};

void on_answer(void* user, const postern_call_response* r) {
  auto& a = *static_cast<Answer*>(user);
  a.result = r->result;
  a.status = r->status;
  for (std::uint64_t i = 0; i < r->header_count; ++i)
    a.headers += std::string(view(r->headers_view[i].name)) + "=" + std::string(view(r->headers_view[i].value)) + ";";
  a.body = view(r->body_view);
  CHECK_FALSE(a.inside_start);
  a.done.set_value();
}

struct CallFixture : WorkerFixture {
  postern_call_request request{};
  CallFixture() {
    request.struct_size = sizeof request;
    request.upstream = text("api");
    request.method = text("GET");
    request.target = text("/status?x=1");
  }
  postern_call start(Answer& answer) {
    postern_call call = 0;
    on_worker([&] {
      call = call_table().start(&instance, &request, on_answer, &answer);
      answer.inside_start = false;
    });
    return call;
  }
  std::unique_ptr<Answer> ask() {
    auto answer = std::make_unique<Answer>();
    REQUIRE(start(*answer) != 0);
    answer->done.get_future().wait();
    return answer;
  }
  bool starts() {
    postern_call call = 0;
    on_worker([&] {
      call = call_table().start(&instance, &request, on_answer, nullptr);
      if (call != 0) call_table().cancel(call);
    });
    return call != 0;
  }
};

const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello";

}  // namespace

TEST_CASE_FIXTURE(CallFixture, "a call sends one valid request and brings the answer, over a pooled connection") {
  ScriptedUpstream upstream({kOk, kOk});
  adopt(upstream.config());
  auto first = ask();
  CHECK(first->result == POSTERN_OK);
  CHECK(first->status == 200);
  CHECK(first->headers.find("X-A=b;") != std::string::npos);
  CHECK(first->body == "hello");
  std::string host = "Host: 127.0.0.1:" + std::to_string(upstream.port()) + "\r\n";
  CHECK(upstream.seen() == "GET /status?x=1 HTTP/1.1\r\n" + host + "\r\n");

  postern_header headers[] = {{text("X-Token"), text("t")}, {text("host"), text("API.example.com")}};
  request.method = text("POST");
  request.headers = headers;
  request.header_count = 2;
  request.body = text("12345");
  CHECK(ask()->result == POSTERN_OK);
  std::string seen = upstream.seen();
  CHECK(seen.find("X-Token: t\r\n") != std::string::npos);
  CHECK(seen.find("Content-Length: 5\r\n") != std::string::npos);
  CHECK(seen.ends_with("\r\n\r\n12345"));
  CHECK(seen.find("host: API.example.com\r\n") != std::string::npos);
  on_worker([] {});
  CHECK_FALSE(instance.pins.any());
}

TEST_CASE_FIXTURE(CallFixture, "requests that could be read as something else never start") {
  ScriptedUpstream upstream({});
  CHECK_FALSE(starts());  // no plan yet
  adopt(upstream.config());
  CHECK(starts());
  CHECK(call_table().start(&instance, &request, on_answer, nullptr) == 0);  // no worker
  auto with = [&](postern_str postern_call_request::*field, postern_str value) {
    auto before = request.*field;
    request.*field = value;
    bool started = starts();
    request.*field = before;
    return started;
  };
  CHECK_FALSE(with(&postern_call_request::upstream, text("other")));
  for (auto method : {"", "GET /", "G\r\n", "CONNECT"}) CHECK_FALSE(with(&postern_call_request::method, text(method)));
  for (auto target : {"", "x", "http://a/", "/a b", "/a\r\nX: y", "/#f"})
    CHECK_FALSE(with(&postern_call_request::target, text(target)));
  CHECK_FALSE(with(&postern_call_request::target, kBadString));
  CHECK_FALSE(with(&postern_call_request::body, kBadString));
  for (auto [name, value] : std::vector<std::pair<const char*, const char*>>{{"Content-Length", "5"},
                                                                             {"transfer-encoding", "chunked"},
                                                                             {"Connection", "close"},
                                                                             {"TE", "trailers"},
                                                                             {"Upgrade", "h2c"},
                                                                             {"Expect", "100-continue"},
                                                                             {"Host", "a b"},
                                                                             {"a b", "c"},
                                                                             {"", "c"},
                                                                             {"a", "b\r\nc: d"}}) {
    CAPTURE(name);
    postern_header header{text(name), text(value)};
    request.headers = &header;
    request.header_count = 1;
    CHECK_FALSE(starts());
  }
  request.headers = nullptr;
  CHECK_FALSE(starts());
  CHECK_FALSE(instance.pins.any());
  CHECK(upstream.seen() == "");
}

TEST_CASE_FIXTURE(CallFixture, "an answer that is too long, broken, late or never comes") {
  SUBCASE("longer than allowed") {
    ScriptedUpstream upstream({kOk});
    adopt(upstream.config());
    request.max_response_body = 4;
    auto answer = ask();
    CHECK(answer->result == POSTERN_E_LIMIT);
    CHECK(answer->status == 0);
    CHECK(answer->body == "");
  }
  SUBCASE("not HTTP") {
    ScriptedUpstream upstream({"SSH-2.0-x\r\n\r\n"});
    adopt(upstream.config());
    CHECK(ask()->result == POSTERN_E_PROTOCOL);
  }
  SUBCASE("broken off") {
    ScriptedUpstream upstream({"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello!"});
    adopt(upstream.config());
    CHECK(ask()->result == POSTERN_E_PROTOCOL);
  }
  SUBCASE("never") {
    ScriptedUpstream upstream({""});
    adopt(upstream.config());
    request.timeout_ms = 30;
    CHECK(ask()->result == POSTERN_E_TIMEOUT);
  }
  SUBCASE("nobody listens") {
    std::string config;
    {
      ScriptedUpstream gone({});
      config = gone.config();
    }
    adopt(config);
    CHECK(ask()->result == POSTERN_E_CONNECT);
  }
  on_worker([] {});
  CHECK_FALSE(instance.pins.any());
}

TEST_CASE_FIXTURE(CallFixture, "a call without a response body, and one to an endpoint that was taken out") {
  ScriptedUpstream upstream({"HTTP/1.1 204 No Content\r\n\r\n"});
  adopt(upstream.config());
  auto answer = ask();
  CHECK(answer->result == POSTERN_OK);
  CHECK(answer->status == 204);
  std::string address = "127.0.0.1:" + std::to_string(upstream.port());
  on_worker([&] {
    CHECK(upstream_table().set_available(text("other"), text(address), 0) == POSTERN_E_NOT_FOUND);
    CHECK(upstream_table().set_available(text("api"), text("127.0.0.1:1"), 0) == POSTERN_E_NOT_FOUND);
    CHECK(upstream_table().set_available(text("api"), text(address), 0) == POSTERN_OK);
  });
  CHECK(ask()->result == POSTERN_E_CONNECT);
  CHECK(upstream_table().set_available(text("api"), text(address), 1) == POSTERN_OK);  // from another thread
  on_worker([] {});
  Answer waiting;
  CHECK(start(waiting) != 0);
  on_worker([&] { release_worker_handles(&instance, 3); });  // ends it now
  waiting.done.get_future().wait();
  CHECK(waiting.result == POSTERN_E_FAILED);
  Answer late;
  CHECK(start(late) == 0);
}

TEST_CASE_FIXTURE(CallFixture, "calls and endpoints are those of the instance's generation, adopted or not") {
  ScriptedUpstream upstream({kOk});
  prepare(upstream.config());
  std::string address = "127.0.0.1:" + std::to_string(upstream.port());
  on_worker([&] {
    CHECK(worker.plan() == nullptr);
    CHECK(upstream_table().set_available(text("api"), text(address), 0) == POSTERN_OK);
  });
  CHECK(ask()->result == POSTERN_E_CONNECT);
  on_worker([&] { CHECK(upstream_table().set_available(text("api"), text(address), 1) == POSTERN_OK); });
  CHECK(ask()->result == POSTERN_OK);
}

TEST_CASE_FIXTURE(CallFixture, "a cancelled call is never heard of again") {
  ScriptedUpstream upstream({kOk});
  adopt(upstream.config());
  Answer answer;
  auto call = start(answer);
  on_worker([&] {
    auto cancelled = call_table().cancel(call);
    CHECK((cancelled == POSTERN_OK || answer.result == POSTERN_OK));  // the answer may have been faster
    CHECK(call_table().cancel(call) == POSTERN_E_GONE);
  });
  CHECK_FALSE(instance.pins.any());
}

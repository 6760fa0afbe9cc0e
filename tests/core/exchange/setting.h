// What an exchange and its parts stand in, without sockets, threads or waiting: a worker whose time the test turns, plugins that are
// functions, and a client that writes down what it gets.
#pragma once

#include <postern/abi.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "config/config.h"
#include "exchange/client_facts.h"
#include "exchange/exchange_context.h"
#include "exchange/plugin_frame.h"
#include "exchange/response_sink.h"
#include "exchange/worker_context.h"
#include "exchange/worker_plan.h"
#include "plan/plan.h"
#include "upstream/attempt_roles.h"

namespace postern::proxy {

// A plugin whose hooks are those functions that a test has set.
struct FakePlugin {
  std::function<postern_verdict()> request_early, request, upstream_select, upstream_request, response;
  std::function<postern_verdict(std::string_view bytes, std::uint32_t flags)> request_body, response_body;
  std::function<void(const postern_upstream_result&)> upstream_result;
  std::function<void(const postern_completion&)> complete;
  postern_body_policy request_policy{}, response_policy{};
  bool gateway_wide = false, fail_open = false, shadow = false;
  std::uint32_t timeout_ms = 5'000;
  std::string when;
  void* slot = nullptr;  // of the hook that ran last

  std::uint64_t hooks() const;
  static const postern_plugin& table();
};

inline postern_body_policy body_policy(std::uint32_t policy, std::uint64_t limit = 1'000'000,
                                       std::uint32_t on_overflow = POSTERN_OVERFLOW_REJECT) {
  postern_body_policy made{};
  made.policy = policy;
  made.limit = limit;
  made.on_overflow = on_overflow;
  made.modifies = 1;
  return made;
}

namespace detail {

template <auto Function>
postern_verdict head_hook(void* data, void* slot, postern_exchange) {
  auto& plugin = *static_cast<FakePlugin*>(data);
  plugin.slot = slot;
  return (plugin.*Function)();
}

template <auto Function>
postern_verdict body_hook(void* data, void* slot, postern_exchange, postern_str bytes, std::uint32_t flags) {
  auto& plugin = *static_cast<FakePlugin*>(data);
  plugin.slot = slot;
  return (plugin.*Function)({bytes.ptr, bytes.len}, flags);
}

}  // namespace detail

inline const postern_plugin& FakePlugin::table() {
  static const postern_plugin made = [] {
    postern_plugin p{};
    p.struct_size = sizeof p;
    p.slot_size = 16;
    p.on_request_early = detail::head_hook<&FakePlugin::request_early>;
    p.on_request = detail::head_hook<&FakePlugin::request>;
    p.on_request_body = detail::body_hook<&FakePlugin::request_body>;
    p.on_upstream_select = detail::head_hook<&FakePlugin::upstream_select>;
    p.on_upstream_request = detail::head_hook<&FakePlugin::upstream_request>;
    p.on_upstream_result = [](void* data, void*, postern_exchange, const postern_upstream_result* result) {
      static_cast<FakePlugin*>(data)->upstream_result(*result);
    };
    p.on_response = detail::head_hook<&FakePlugin::response>;
    p.on_response_body = detail::body_hook<&FakePlugin::response_body>;
    p.on_complete = [](void* data, void*, postern_exchange, const postern_completion* completion) {
      static_cast<FakePlugin*>(data)->complete(*completion);
    };
    return p;
  }();
  return made;
}

inline std::uint64_t FakePlugin::hooks() const {
  auto bit = [](const auto& function, Hook hook) -> std::uint64_t {
    return function ? 1ull << static_cast<unsigned>(hook) : 0;
  };
  return bit(request_early, Hook::request_early) | bit(request, Hook::request) | bit(request_body, Hook::request_body) |
         bit(upstream_select, Hook::upstream_select) | bit(upstream_request, Hook::upstream_request) |
         bit(upstream_result, Hook::upstream_result) | bit(response, Hook::response) |
         bit(response_body, Hook::response_body) | bit(complete, Hook::complete);
}

// Runs `code` as a callback of the instance.
template <class Code>
void call_back(const Instance& instance, Code code) {
  const PluginCode callback{instance.plugin_name, instance.plugin_version, instance.name, "timer", &instance};
  PluginFrame frame(callback);
  code();
}

// A client that takes everything and writes it down.
struct FakeClient final : ResponseSink, ClientFacts {
  std::optional<std::uint16_t> status;
  http::BodyFraming framing;
  std::string headers;  // "Name: value\n"
  std::string body;
  std::string trailers;
  bool ended = false, closes = false, full = false;
  std::vector<bool> flow;  // what let_body_flow was told
  std::optional<std::uint32_t> end;
  bool must_close = false;

  const ClientFacts& client() const noexcept override { return *this; }
  void let_body_flow(http::StreamId, bool flows) override { flow.push_back(flows); }
  void write_informational(http::StreamId, const http::ResponseHead& head) override {
    headers += "(" + std::to_string(head.status) + ")\n";
  }
  void write_head(http::StreamId, const http::ResponseHead& head, bool close) override {
    status = head.status;
    framing = head.body;
    closes = close;
    headers += text_of(&head.headers);
  }
  void write_body(http::StreamId, std::string_view bytes) override { body += bytes; }
  void write_end(http::StreamId, const http::HeaderList* list) override {
    ended = true;
    trailers = text_of(list);
  }
  bool congested(http::StreamId) const noexcept override { return full; }
  bool unsent(http::StreamId) const noexcept override { return full; }
  bool closing_after(const http::RequestHead&) const noexcept override { return false; }
  void on_exchange_done(Exchange&, std::uint32_t how, bool close) override {
    end = how;
    must_close = close;
  }

  std::uint64_t handle() const noexcept override { return 1; }
  const std::string& peer_host() const noexcept override { return host_; }
  std::uint16_t peer_port() const noexcept override { return 4711; }
  std::string_view listener_name() const noexcept override { return "public"; }
  const net::TlsInfo* tls() const noexcept override { return nullptr; }
  std::string proxy_header(net::ProxyVersion) const override { return {}; }
  bool draining() const noexcept override { return false; }
  std::int64_t drain_ms() const noexcept override { return 0; }

 private:
  static std::string text_of(const http::HeaderList* list) {
    std::string text;
    if (list == nullptr) return text;
    for (const auto& field : list->fields()) text.append(field.name).append(": ").append(field.value) += "\n";
    return text;
  }
  std::string host_ = "192.0.2.7";
};

// What an upstream would get, and what it is told about its response.
struct FakeAttempt final : RequestBodySink, ResponseBodySource {
  std::string body;
  bool ended = false, full = false;
  std::string heard;  // "pause " and "resume "

  void send_body(std::string_view bytes) override { body += bytes; }
  void send_end(const http::HeaderList*) override { ended = true; }
  bool congested() const noexcept override { return full; }
  void pause_response() override { heard += "pause "; }
  void resume_response() override { heard += "resume "; }
};

// Every variable is true.
struct FakeVariables final : VariableReader {
  mutable int reads = 0;
  std::string text;  // what each of them is; empty: true
  Value variable(VariableId) const override {
    ++reads;
    return text.empty() ? Value::of(true) : Value::of(std::string_view(text));
  }
};

// Plugins first, then plan() or context().
struct Setting {
  FakeClock clock;
  SharedState shared;
  WorkerContext worker{0, shared, clock};
  std::deque<FakePlugin> plugins;  // in the order of the chain, gateway-wide ones first
  FakeClient client;
  FakeVariables variables;
  std::string limits = "{}", route = "{}", upstream = "{targets: [127.0.0.1:9]}";  // YAML; `route` is merged

  FakePlugin& plugin() { return plugins.emplace_back(); }

  WorkerPlan& plan() {
    if (plan_ == nullptr) plan_ = &worker.prepare(build());
    return *plan_;
  }
  const RoutePlan& the_route() { return plan().plan().routes.front(); }

  // Of a request "GET /" for that route; `framing` tells of its body.
  ExchangeContext& context(std::string_view method = "GET", http::BodyFraming framing = {}) {
    if (context_ != nullptr) return *context_;
    context_.reset(new ExchangeContext{.client = &client,
                                       .stream = 1,
                                       .worker = worker,
                                       .plan = plan(),
                                       .variables = variables,
                                       .arena = Arena(worker.blocks())});
    context_->request = new_request(context_->arena, method, framing);
    context_->request_ended = http::is_empty(framing);
    context_->route = &the_route();
    return *context_;
  }
  static http::RequestHead* new_request(Arena& arena, std::string_view method, http::BodyFraming framing) {
    auto* head = new (arena.allocate(sizeof(http::RequestHead))) http::RequestHead(arena);
    head->method = method;
    head->target = head->path = "/";
    head->authority = "example.com";
    head->headers.add_view("Host", head->authority);
    head->body = framing;
    return head;
  }
  http::ResponseHead& response(std::uint16_t status, http::BodyFraming framing) {
    Arena& arena = context().arena;
    auto* head = new (arena.allocate(sizeof(http::ResponseHead))) http::ResponseHead(arena);
    head->status = status;
    head->body = framing;
    return *head;
  }

  // Deadlines up to then fire.
  void pass_ms(std::uint64_t ms) {
    clock.advance_ms(ms);
    passed_ms_ += ms + 2 * DeadlineWheel::kTickMs;
    worker.loop().deadlines().advance(worker.loop().now_ms() + passed_ms_);
  }

 private:
  std::shared_ptr<const Plan> build() {
    config::Problems problems;
    std::string yaml = "version: 1\nlisteners: [{name: public, address: 127.0.0.1:0}]\nlimits: " + limits +
                       "\nupstreams: {u: " + upstream + "}\nroutes: [{id: r, match: {path: \"/*\"}, upstream: u" +
                       route_keys() + "}]\n";
    auto config = std::make_shared<const config::Config>(config::load_text(yaml, "test.yaml", problems));
    std::vector<std::unique_ptr<Instance>> instances;
    std::vector<const Instance*> gateway, of_route;
    for (FakePlugin& plugin : plugins) {
      instances.push_back(make_instance(plugin, instances.size()));
      (plugin.gateway_wide ? gateway : of_route).push_back(instances.back().get());
    }
    auto plan = Plan::build(config, 1, std::move(instances), gateway, {of_route}, problems);
    if (!problems.empty()) throw std::runtime_error(problems.front().text);
    return plan;
  }
  std::string route_keys() const { return route == "{}" ? "" : ", " + route; }
  static std::unique_ptr<Instance> make_instance(FakePlugin& plugin, std::size_t number) {
    auto instance = std::make_unique<Instance>();
    instance->plugin = &FakePlugin::table();
    instance->data = &plugin;
    instance->name = instance->plugin_name = "p" + std::to_string(number + 1);
    instance->hooks = plugin.hooks();
    instance->fail_open = plugin.fail_open;
    instance->shadow = plugin.shadow;
    instance->timeout_ms = plugin.timeout_ms;
    instance->request_body = plugin.request_policy;
    instance->response_body = plugin.response_policy;
    instance->number = static_cast<std::uint32_t>(number);
    if (!plugin.when.empty())
      instance->when = std::make_unique<const Condition>(std::move(*Condition::compile(plugin.when)));
    return instance;
  }

  WorkerPlan* plan_ = nullptr;
  std::unique_ptr<ExchangeContext> context_;
  std::uint64_t passed_ms_ = 0;
};

}  // namespace postern::proxy

// The course of a FakeExchange: from hook to hook, with the rules of the gateway for verdicts, bodies and suspension.
#pragma once

#include "postern/testing/gateway.h"

namespace postern::testing {

inline FakeExchange::FakeExchange(FakeGateway& gateway, std::uint64_t handle, std::string method,
                                  std::string_view target, FakeHeaders headers)
    : gateway_(gateway), handle_(handle), started_ms_(gateway.now_ms()) {
  const std::size_t mark = target.find('?');
  request_.method = std::move(method);
  request_.target = target;
  request_.path = target.substr(0, mark);
  if (mark != std::string_view::npos) request_.query = target.substr(mark + 1);
  request_.authority = headers.get("host").value_or("example.test");
  if (!headers.contains("host")) headers.add("host", request_.authority);
  headers_[POSTERN_REQUEST] = std::move(headers);
}

inline std::vector<FakeInstance*> FakeExchange::order() const { return gateway_.chain_; }

inline void* FakeExchange::slot(const FakeInstance& instance) {
  const std::uint64_t size = instance.table_->slot_size;
  if (size == 0) return nullptr;
  auto& slot = slots_[&instance];
  if (!slot) {
    slot = std::make_unique<std::max_align_t[]>(size / sizeof(std::max_align_t) + 1);
    std::memset(slot.get(), 0, size);  // max_align_t has padding, which initialisation leaves as it is
  }
  return slot.get();
}

// ---- The story ----

inline FakeExchange& FakeExchange::send() {
  if (stage_ == Stage::begin) go(Stage::early);
  advance();
  return *this;
}

inline FakeExchange& FakeExchange::reply(std::uint32_t status, FakeHeaders headers, Chunks body) {
  if (stage_ != Stage::await_response) return *this;
  status_ = status;
  origin_ = POSTERN_ORIGIN_UPSTREAM;
  headers_[POSTERN_RESPONSE] = std::move(headers);
  bodies_[POSTERN_RESPONSE] = std::move(body);
  upstream_result(POSTERN_OUTCOME_RESPONSE, status, false);
  if (stage_ == Stage::await_response) to_response();
  advance();
  return *this;
}

inline FakeExchange& FakeExchange::fail_upstream(std::uint32_t outcome, bool never_sent) {
  if (stage_ != Stage::await_response) return *this;
  upstream_result(outcome, 0, never_sent || outcome == POSTERN_OUTCOME_CONNECT_FAILED);
  if (stage_ == Stage::await_response) {
    if (outcome == POSTERN_OUTCOME_TIMEOUT) {
      local_error(504, "TIMEOUT", "the upstream did not answer in time");
    } else if (outcome == POSTERN_OUTCOME_OVERLOADED || outcome == POSTERN_OUTCOME_NO_ENDPOINT) {
      local_error(503, "SERVICE_UNAVAILABLE", "no upstream endpoint is available");
    } else {
      local_error(502, "PROXY_ERROR", "the upstream did not answer");
    }
    to_response();
  }
  advance();
  return *this;
}

inline FakeExchange& FakeExchange::run() {
  send();
  if (at_upstream()) reply(200);
  if (stage_ == Stage::sent) finish();
  return *this;
}

inline FakeExchange& FakeExchange::finish(std::uint32_t end) {
  if (ended()) return *this;
  if (end_ == POSTERN_END_OK) end_ = end;
  pause_ = {};
  const std::uint32_t status = stage_ == Stage::sent ? status_ : 0;
  stage_ = Stage::ended;
  status_ = status;
  for (auto [done, user] : std::exchange(end_callbacks_, {})) done(user);

  postern_completion completion = {};
  completion.struct_size = sizeof completion;
  completion.end = end_;
  completion.status = status;
  completion.origin = origin_;
  completion.request_body_bytes = join(bodies_[POSTERN_REQUEST]).size();
  completion.response_body_bytes = status == 0 ? 0 : join(bodies_[POSTERN_RESPONSE]).size();
  completion.duration_ns = (gateway_.now_ms() - started_ms_) * 1'000'000;
  completion.attempts = attempts_;
  completion.error_code_view = to_str(error_code_);
  for (FakeInstance* instance : order()) {
    if (instance->table_->on_complete == nullptr || (instance->hooks_ & POSTERN_HOOK_COMPLETE) == 0) continue;
    running_ = instance;
    running_hook_ = POSTERN_HOOK_COMPLETE;
    instance->table_->on_complete(instance->data_, slot(*instance), handle_, &completion);
    running_ = nullptr;
  }
  slots_.clear();
  arena_.clear();
  return *this;
}

// ---- From hook to hook ----

inline void FakeExchange::go(Stage stage) {
  stage_ = stage;
  at_ = 0;
  body_begun_ = false;
}

inline void FakeExchange::advance() {
  if (advancing_) return;
  advancing_ = true;
  while (!ended() && !suspended() && step()) {
  }
  advancing_ = false;
  if (suspended() && suspensions_ - 1 == abort_at_) abort();
}

inline bool FakeExchange::step() {
  switch (stage_) {
    case Stage::early:
      return step_hooks(POSTERN_HOOK_REQUEST_EARLY, Stage::request);
    case Stage::request:
      return step_hooks(POSTERN_HOOK_REQUEST, Stage::request_body);
    case Stage::request_body:
      return step_body(POSTERN_REQUEST, Stage::select);
    case Stage::select:
      if (at_ == 0) ++attempts_;
      return step_hooks(POSTERN_HOOK_UPSTREAM_SELECT, Stage::upstream_request);
    case Stage::upstream_request:
      if (at_ == 0) {
        upstream_ = request_;
        upstream_.headers = headers_[POSTERN_REQUEST];
      }
      return step_hooks(POSTERN_HOOK_UPSTREAM_REQUEST, Stage::await_response);
    case Stage::retry_wait:
      if (gateway_.now_ms() < retry_at_ms_) return false;
      go(Stage::select);
      return true;
    case Stage::response:
      return step_hooks(POSTERN_HOOK_RESPONSE, Stage::response_body);
    case Stage::response_body:
      return step_body(POSTERN_RESPONSE, Stage::sent);
    default:
      return false;
  }
}

// One instance of a head stage. The response side walks backwards over the instances that were reached.
inline bool FakeExchange::step_hooks(std::uint64_t hook, Stage next) {
  const std::vector<FakeInstance*> chain = order();
  const bool backwards = hook == POSTERN_HOOK_RESPONSE;
  const std::size_t count = backwards ? std::min(reached_, chain.size()) : chain.size();
  if (at_ >= count) {
    go(next);
    return true;
  }
  FakeInstance& instance = *chain[backwards ? count - 1 - at_ : at_];
  if (stage_ == Stage::request || stage_ == Stage::early) reached_ = std::max(reached_, at_ + 1);
  ++at_;
  return handle(instance, call(instance, hook));
}

inline bool FakeExchange::step_body(std::uint32_t message, Stage next) {
  const std::vector<FakeInstance*> chain = order();
  const bool backwards = message == POSTERN_RESPONSE;
  const std::size_t count = backwards ? std::min(reached_, chain.size()) : chain.size();
  if (at_ >= count) {
    go(next);
    return true;
  }
  FakeInstance& instance = *chain[backwards ? count - 1 - at_ : at_];
  const std::uint64_t hook = message == POSTERN_REQUEST ? POSTERN_HOOK_REQUEST_BODY : POSTERN_HOOK_RESPONSE_BODY;
  const bool gone = !sees_body(instance, message);
  if (!body_begun_) {
    if (gone || !begin_body_of(instance, message)) {
      if (stage_ != Stage::request_body && stage_ != Stage::response_body)
        return true;  // refused: the stage has changed
      ++at_;
      return true;
    }
  }
  if (parts_.empty() || gone) {
    if (!body_passes_) {
      for (const Part& part : parts_) parts_out_.push_back(part.bytes);
      bodies_[message] = std::exchange(parts_out_, {});
    }
    parts_.clear();
    body_begun_ = false;
    ++at_;
    return true;
  }
  const Part part = std::move(parts_.front());
  parts_.pop_front();
  running_bytes_ = part.bytes;
  replaced_ = false;
  const postern_verdict verdict = call(instance, hook, running_bytes_, part.flags);
  parts_out_.push_back(replaced_ ? replacement_ : part.bytes);
  return handle(instance, verdict);
}

// It has not detached, and a body that was given is for those behind the giver.
inline bool FakeExchange::sees_body(const FakeInstance& instance, std::uint32_t message) const {
  const std::pair<const FakeInstance*, std::uint32_t> one(&instance, message);
  if (std::find(detached_.begin(), detached_.end(), one) != detached_.end()) return false;
  if (message == POSTERN_RESPONSE || given_by_ == nullptr) return true;
  const std::vector<FakeInstance*> chain = order();
  const auto giver = std::find(chain.begin(), chain.end(), given_by_);
  return std::find(giver, chain.end(), &instance) > giver;
}

inline bool FakeExchange::streams(const FakeInstance& instance, std::uint32_t message) const {
  const std::pair<const FakeInstance*, std::uint32_t> one(&instance, message);
  return instance.policies_[message].policy == POSTERN_BODY_STREAM ||
         std::find(streaming_.begin(), streaming_.end(), one) != streaming_.end();
}

// Cuts the body into what this instance's hook is to see. False: the instance does not look at it.
inline bool FakeExchange::begin_body_of(FakeInstance& instance, std::uint32_t message) {
  const postern_body_policy& policy = instance.policies_[message];
  const std::uint64_t hook = message == POSTERN_REQUEST ? POSTERN_HOOK_REQUEST_BODY : POSTERN_HOOK_RESPONSE_BODY;
  const bool defined = message == POSTERN_REQUEST ? instance.table_->on_request_body != nullptr
                                                  : instance.table_->on_response_body != nullptr;
  if (policy.policy == POSTERN_BODY_NONE || !defined || (instance.hooks_ & hook) == 0) return false;
  body_begun_ = true;
  body_passes_ = false;
  parts_.clear();
  parts_out_.clear();
  const Chunks& chunks = bodies_[message];
  if (streams(instance, message)) {
    for (const std::string& chunk : chunks) parts_.push_back({chunk, 0});
    if (parts_.empty()) parts_.push_back({});
    parts_.back().flags = POSTERN_BODY_END;
    return true;
  }
  const std::string whole = join(chunks);
  if (whole.size() <= policy.limit) {
    parts_.push_back({whole, POSTERN_BODY_END | POSTERN_BODY_WHOLE});
    return true;
  }
  if (policy.on_overflow == POSTERN_OVERFLOW_REJECT) {
    if (message == POSTERN_REQUEST) {
      local_error(413, "PAYLOAD_TOO_LARGE", "the request body is too large");
    } else {
      local_error(502, "PROXY_ERROR", "the upstream's response is too large");
    }
    body_begun_ = false;
    if (message == POSTERN_REQUEST)
      to_response();
    else
      go(Stage::sent);
    return false;
  }
  body_passes_ = true;
  const bool peek = policy.on_overflow == POSTERN_OVERFLOW_PEEK;
  parts_.push_back({peek ? whole.substr(0, policy.limit) : std::string(), POSTERN_BODY_OVERFLOWED});
  return true;
}

inline postern_verdict FakeExchange::call(FakeInstance& instance, std::uint64_t hook, std::string_view bytes,
                                          std::uint32_t flags) {
  if ((instance.hooks_ & hook) == 0) return POSTERN_CONTINUE;
  running_ = &instance;
  running_hook_ = hook;
  const postern_verdict verdict = call_function(instance, hook, bytes, flags);
  running_ = nullptr;
  return verdict;
}

inline postern_verdict FakeExchange::call_function(FakeInstance& instance, std::uint64_t hook, std::string_view bytes,
                                                   std::uint32_t flags) {
  const postern_plugin& t = *instance.table_;
  void* data = instance.data_;
  const auto head_hook = [&](auto function) -> postern_verdict {
    return function == nullptr ? POSTERN_CONTINUE : function(data, slot(instance), handle_);
  };
  switch (hook) {
    case POSTERN_HOOK_REQUEST_EARLY:
      return head_hook(t.on_request_early);
    case POSTERN_HOOK_REQUEST:
      return head_hook(t.on_request);
    case POSTERN_HOOK_UPSTREAM_SELECT:
      return head_hook(t.on_upstream_select);
    case POSTERN_HOOK_UPSTREAM_REQUEST:
      return head_hook(t.on_upstream_request);
    case POSTERN_HOOK_RESPONSE:
      return head_hook(t.on_response);
    case POSTERN_HOOK_REQUEST_BODY:
      return t.on_request_body(data, slot(instance), handle_, to_str(bytes), flags);
    case POSTERN_HOOK_RESPONSE_BODY:
      return t.on_response_body(data, slot(instance), handle_, to_str(bytes), flags);
    default:
      return POSTERN_CONTINUE;
  }
}

// Carries out a verdict. False: the exchange is suspended now.
inline bool FakeExchange::handle(FakeInstance& instance, postern_verdict verdict) {
  const bool response_side = stage_ == Stage::response || stage_ == Stage::response_body;
  if (verdict == POSTERN_SUSPEND && pause_.number != 0) {
    pause_.in_hook = false;
    if (!pause_.resumed) {
      ++suspensions_;
      return false;
    }
    verdict = pause_.verdict;
  } else if (verdict == POSTERN_SUSPEND) {
    verdict = POSTERN_ERROR;  // there is no ticket that could resume it
  }
  pause_ = {};
  if (verdict == POSTERN_CONTINUE) return true;
  if (verdict == POSTERN_ABORT) {
    end_ = POSTERN_END_ABORTED;
    finish(POSTERN_END_ABORTED);
    return false;
  }
  if (verdict == POSTERN_RESPOND && origin_ != POSTERN_ORIGIN_NONE) {
    if (!response_side) to_response();
    return true;
  }
  if (instance.fail_open_) return true;
  local_error(500, "INTERNAL_ERROR", "the request could not be handled");
  if (!response_side) to_response();
  return true;
}

inline void FakeExchange::local_error(std::uint32_t status, std::string_view code, std::string_view message) {
  status_ = status;
  origin_ = POSTERN_ORIGIN_LOCAL;
  error_code_ = code;
  headers_[POSTERN_RESPONSE] = FakeHeaders{{"content-type", "application/json"}};
  std::string body = "{\"error\":{\"code\":\"" + error_code_ + "\",\"message\":\"";
  for (char c : message) {
    if (c == '"' || c == '\\') body += '\\';
    body += c;
  }
  body += "\"";
  const std::string request_id = variable("request_id");
  if (!request_id.empty()) body += ",\"request_id\":\"" + request_id + "\"";
  bodies_[POSTERN_RESPONSE] = {body + "}}"};
}

inline void FakeExchange::to_response() { go(Stage::response); }

inline void FakeExchange::upstream_result(std::uint32_t outcome, std::uint32_t status, bool never_sent) {
  postern_upstream_result result = {};
  result.struct_size = sizeof result;
  result.outcome = outcome;
  result.status = status;
  result.attempt = attempts_;
  result.upstream_view = to_str(upstream_name_);
  result.endpoint_view = to_str(chosen_endpoint_);
  result.duration_ns = (gateway_.now_ms() - started_ms_) * 1'000'000;
  result.retryable = attempts_ < 5 ? 1 : 0;
  result.never_sent = never_sent ? 1 : 0;
  retry_asked_ = false;
  may_retry_ = result.retryable != 0;
  for (FakeInstance* instance : order()) {
    if (instance->table_->on_upstream_result == nullptr || (instance->hooks_ & POSTERN_HOOK_UPSTREAM_RESULT) == 0)
      continue;
    running_ = instance;
    running_hook_ = POSTERN_HOOK_UPSTREAM_RESULT;
    instance->table_->on_upstream_result(instance->data_, slot(*instance), handle_, &result);
    running_ = nullptr;
  }
  may_retry_ = false;
  if (!retry_asked_) return;
  status_ = 0;
  origin_ = POSTERN_ORIGIN_NONE;
  headers_[POSTERN_RESPONSE] = {};
  bodies_[POSTERN_RESPONSE] = {};
  chosen_endpoint_.clear();
  retry_at_ms_ = gateway_.now_ms() + retry_delay_ms_;
  go(Stage::retry_wait);
}

// Of a suspended hook, outside of any hook.
inline void FakeExchange::resume(postern_verdict verdict) {
  FakeInstance& who = *pause_.who;
  pause_ = {};
  if (verdict == POSTERN_SUSPEND) verdict = POSTERN_ERROR;
  handle(who, verdict);
  advance();
}

inline std::uint64_t FakeExchange::pause_due_ms() const {
  return pause_.since_ms + FakeGateway::kHookDeadlineMs + pause_.wait_ms;
}

inline void FakeExchange::check_deadline() {
  if (stage_ == Stage::retry_wait) return advance();
  if (!suspended() || gateway_.now_ms() < pause_due_ms()) return;
  const bool response_side = stage_ == Stage::response || stage_ == Stage::response_body;
  gateway_.log_.push_back(
      {POSTERN_LOG_ERROR, "a hook was not resumed in time", {{"plugin", pause_.who->name()}, {"hook", pause_.hook}}});
  pause_ = {};
  local_error(504, "TIMEOUT", "the request could not be handled in time");
  if (!response_side) to_response();
  advance();
}

inline std::string FakeExchange::variable(std::string_view name) const {
  postern_value value = {};
  auto& self = const_cast<FakeExchange&>(*this);
  return self.variable_value(gateway_.variable_id(name), value) ? to_text(value) : std::string();
}

inline FakeExchange& FakeExchange::set_variable(std::string_view name, std::string_view text) {
  variables_[gateway_.variable_id(name)] = {POSTERN_VALUE_STRING, 0, 0, std::string(text)};
  return *this;
}

inline FakeExchange& FakeExchange::set_variable(std::string_view name, std::int64_t number) {
  variables_[gateway_.variable_id(name)] = {POSTERN_VALUE_INT, number, 0, {}};
  return *this;
}

// What a plugin set or the test prepared, else what the fake knows of the built-in names.
inline bool FakeExchange::variable_value(std::uint32_t id, postern_value& value) {
  if (id == 0 || id > gateway_.variable_names_.size()) return false;
  if (const auto found = variables_.find(id); found != variables_.end()) {
    const Variable& v = found->second;
    value = {v.type, 0, v.integer, v.number, to_str(v.text)};
    return v.type != POSTERN_VALUE_NONE;
  }
  const std::string_view name = gateway_.variable_names_[id - 1];
  const auto text = [&](std::string content) {
    texts_.push_back(std::move(content));
    value = {POSTERN_VALUE_STRING, 0, 0, 0, to_str(texts_.back())};
    return true;
  };
  const auto header = [&](std::uint32_t message, std::string_view prefix) {
    const auto found = headers(message).get(name.substr(prefix.size()));
    return found && text(*found);
  };
  if (name == "request.method") return text(head().method);
  if (name == "request.path") return text(head().path);
  if (name == "request.query") return text(head().query);
  if (name == "request.host") return text(head().authority);
  if (name == "request.scheme") return text(head().scheme);
  if (name == "request.protocol") return text(head().protocol);
  if (name == "request.target") return text(head().target);
  if (name.starts_with("request.header.")) return header(POSTERN_REQUEST, "request.header.");
  if (name.starts_with("response.header.")) return header(POSTERN_RESPONSE, "response.header.");
  if (name == "response.status" && status_ != 0) {
    value = {POSTERN_VALUE_INT, 0, status_, 0, {}};
    return true;
  }
  if (name == "client.ip") return text("127.0.0.1");
  if (name == "route.id") return text("test");
  if (name == "upstream.name") return text(upstream_name_);
  if (name == "latency") return text(std::to_string(gateway_.now_ms() - started_ms_) + ".0ms");
  return false;
}

// ---- The gateway ----

inline FakeGateway& FakeGateway::load(postern_query_fn query) {
  use(query(&host_));
  return *this;
}

inline FakeGateway& FakeGateway::load(const std::string& file) {
  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) throw std::runtime_error(dlerror());
  libraries_.push_back(library);
  const auto query = reinterpret_cast<postern_query_fn>(dlsym(library, POSTERN_QUERY_SYMBOL));
  if (query == nullptr) throw std::runtime_error(file + ": no " POSTERN_QUERY_SYMBOL);
  return load(query);
}

inline void FakeGateway::use(const postern_plugin* table) {
  if (table == nullptr) throw std::runtime_error("the plugin cannot work with this gateway");
  table_ = table;
  const std::string_view schema = to_view(table->schema);
  schema_ = schema.empty() ? Config() : Config::json(schema);
  if (std::find(loaded_.begin(), loaded_.end(), table) != loaded_.end()) return;
  loaded_.push_back(table);
  if (table->on_load != nullptr && table->on_load(table->context) < 0) throw std::runtime_error("on_load failed");
}

inline FakeInstance& FakeGateway::configure(Config config, std::string name) {
  if (table_ == nullptr) {
    if (&postern_plugin_query == nullptr) throw std::logic_error("no plugin is linked in; use load()");
    load(&postern_plugin_query);
  }
  instances_.push_back(std::make_unique<FakeInstance>());
  FakeInstance& instance = *instances_.back();
  instance.table_ = table_;
  instance.name_ = name.empty() ? std::string(to_view(table_->name)) : std::move(name);
  instance.config_ = config.kind() == POSTERN_NODE_NULL ? Config::map() : std::move(config);  // "- name" alone, in YAML
  instance.config_.complete(schema_);
  instance.config_.number_positions("");
  instance.configuring_ = true;
  postern_status status = POSTERN_OK;
  if (table_->on_configure != nullptr) {
    status = table_->on_configure(table_->context, instance.raw(), instance.config_.raw(), &instance.data_);
  }
  instance.configuring_ = false;
  if (status >= 0 && table_->on_request_body != nullptr)
    check_body_hook(instance, POSTERN_HOOK_REQUEST_BODY, POSTERN_REQUEST, "on_request_body");
  if (status >= 0 && table_->on_response_body != nullptr)
    check_body_hook(instance, POSTERN_HOOK_RESPONSE_BODY, POSTERN_RESPONSE, "on_response_body");
  if (status < 0 || !instance.problems_.empty()) return instance;
  instance.pending_ = status == POSTERN_PENDING;
  run();
  if (!instance.pending_ && instance.problems_.empty()) start_worker(instance);
  return instance;
}

inline void FakeGateway::check_body_hook(FakeInstance& instance, std::uint64_t hook, std::uint32_t message,
                                         const char* name) {
  if ((instance.hooks_ & hook) == 0 || instance.policies_said_[message]) return;
  instance.problems_.push_back(
      {"", "plugin \"" + instance.name_ + "\" has " + name +
               " but says neither which bodies it wants to see nor that this configuration needs none"});
}

inline void FakeGateway::start_worker(FakeInstance& instance) {
  if (instance.ok_ || !instance.problems_.empty()) return;
  instance.ok_ = true;
  chain_.push_back(&instance);
  if (instance.table_->on_worker_start == nullptr) return;
  const postern_status status = instance.table_->on_worker_start(instance.data_, 0);
  instance.pending_ = status == POSTERN_PENDING;
  if (status < 0) {
    instance.ok_ = false;
    chain_.pop_back();
    instance.problems_.push_back({"", "on_worker_start failed"});
  }
}

inline FakeExchange& FakeGateway::request(std::string method, std::string_view target, FakeHeaders headers,
                                          std::string body) {
  exchanges_.push_back(std::unique_ptr<FakeExchange>(
      new FakeExchange(*this, next_handle(), std::move(method), target, std::move(headers))));
  if (!body.empty()) exchanges_.back()->body({std::move(body)});
  return *exchanges_.back();
}

inline FakeConnection& FakeGateway::connect(FakeConnection connection) {
  connections_.push_back(std::move(connection));
  FakeConnection& made = connections_.back();
  for (FakeInstance* instance : chain_) {
    if (instance->table_->on_connection == nullptr || made.verdict != POSTERN_CONTINUE) continue;
    const postern_verdict verdict = instance->table_->on_connection(instance->data_, connections_.size());
    if (made.verdict == POSTERN_CONTINUE || verdict != POSTERN_SUSPEND) made.verdict = verdict;
  }
  return made;
}

inline FakeExchange* FakeGateway::find(std::uint64_t handle) {
  for (const auto& exchange : exchanges_) {
    if (exchange->handle_ == handle)
      return exchange->stage_ == FakeExchange::Stage::ended && exchange->running_ == nullptr ? nullptr : exchange.get();
  }
  return nullptr;
}

inline std::uint64_t FakeGateway::open_dict(std::string_view name) {
  for (std::size_t i = 0; i < dicts_.size(); ++i) {
    if (dicts_[i].name == name) return i + 1;
  }
  dicts_.push_back({std::string(name), {}});
  return dicts_.size();
}

inline std::uint32_t FakeGateway::variable_id(std::string_view name) {
  const auto allowed = [](char c) { return is_lower(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; };
  if (name.empty() || name.size() > 128 || !std::all_of(name.begin(), name.end(), allowed)) return 0;
  const std::lock_guard lock(mutex_);
  const auto found = std::find(variable_names_.begin(), variable_names_.end(), name);
  if (found != variable_names_.end()) return static_cast<std::uint32_t>(found - variable_names_.begin() + 1);
  variable_names_.emplace_back(name);
  return static_cast<std::uint32_t>(variable_names_.size());
}

// ---- Time ----

inline std::uint64_t FakeGateway::next_due() const {
  std::uint64_t next = ~0ull;
  for (const auto& [handle, timer] : timers_) next = std::min(next, timer.due_ms);
  for (const auto& [handle, call] : open_calls_) next = std::min(next, call.due_ms);
  for (const auto& x : exchanges_) {
    if (x->suspended()) next = std::min(next, x->pause_due_ms());
    if (x->stage_ == FakeExchange::Stage::retry_wait) next = std::min(next, x->retry_at_ms_);
  }
  return next;
}

inline void FakeGateway::advance(std::uint64_t ms) {
  const std::uint64_t until = now_ms_ + ms;
  run_due();
  while (next_due() <= until) {
    now_ms_ = std::max(now_ms_, next_due());
    run_due();
  }
  now_ms_ = until;
}

inline bool FakeGateway::advance_to_next() {
  run_due();
  const std::uint64_t next = next_due();
  if (next == ~0ull) return false;
  advance(next > now_ms_ ? next - now_ms_ : 0);
  return true;
}

inline void FakeGateway::run_due() {
  while (run_queues()) {
  }
  for (std::size_t i = 0; i < exchanges_.size(); ++i) exchanges_[i]->check_deadline();
  std::vector<std::uint64_t> due;
  for (const auto& [handle, timer] : timers_) {
    if (timer.due_ms <= now_ms_) due.push_back(handle);
  }
  std::stable_sort(due.begin(), due.end(), [&](auto a, auto b) { return timers_[a].due_ms < timers_[b].due_ms; });
  for (std::uint64_t handle : due) {
    const auto found = timers_.find(handle);
    if (found == timers_.end()) continue;  // an earlier one cancelled it
    const TimerEntry timer = found->second;
    if (timer.repeat_ms == 0) {
      timers_.erase(found);
    } else {
      found->second.due_ms = now_ms_ + timer.repeat_ms;
    }
    timer.fire(timer.user);
  }
  due.clear();
  for (const auto& [handle, call] : open_calls_) {
    if (call.due_ms <= now_ms_) due.push_back(handle);
  }
  for (std::uint64_t handle : due) finish_call(handle);
  while (run_queues()) {
  }
}

inline postern_status FakeGateway::run_job(const JobEntry& job) {
  failed_ = false;
  std::thread(job.work, job.user).join();
  return failed_ ? POSTERN_E_FAILED : POSTERN_OK;
}

// Posted functions, jobs of the pool and resumes that came from other threads. False when there was nothing.
inline bool FakeGateway::run_queues() {
  std::deque<std::pair<void (*)(void*), void*>> posted;
  std::deque<std::pair<postern_ticket, postern_verdict>> resumes;
  {
    const std::lock_guard lock(mutex_);
    posted.swap(posted_);
    resumes.swap(resumes_);
  }
  for (auto [run, user] : posted) run(user);
  for (auto [ticket, verdict] : resumes) {
    for (int times = torture_resumes_ ? 2 : 1; times > 0; --times) {
      FakeExchange* x = find(ticket.exchange);
      if (x != nullptr && x->suspended() && x->pause_.number == ticket.pause) x->resume(verdict);
    }
  }
  const std::map<std::uint64_t, JobEntry> jobs = jobs_;
  for (const auto& [handle, job] : jobs) {
    if (jobs_.count(handle) == 0) continue;
    const postern_status status = run_job(job);
    jobs_.erase(handle);
    if (job.done != nullptr) job.done(job.user, status);
  }
  return !posted.empty() || !resumes.empty() || !jobs.empty();
}

// ---- Calls ----

inline std::vector<FakeCall> FakeGateway::pending_calls() const {
  std::vector<FakeCall> calls;
  for (const auto& [handle, entry] : open_calls_) {
    if (!entry.answered) calls.push_back(entry.call);
  }
  return calls;
}

inline bool FakeGateway::answer(const CallReply& reply) {
  for (auto& [handle, entry] : open_calls_) {
    if (entry.answered) continue;
    entry.answered = true;
    entry.reply = reply;
    entry.due_ms = now_ms_ + reply.delay_ms;
    run();
    return true;
  }
  return false;
}

inline void FakeGateway::finish_call(std::uint64_t handle) {
  const auto found = open_calls_.find(handle);
  if (found == open_calls_.end()) return;
  const CallEntry entry = std::move(found->second);
  open_calls_.erase(found);
  std::vector<postern_header> headers;
  for (std::size_t i = 0; i < entry.reply.headers.size(); ++i) {
    headers.push_back({to_str(entry.reply.headers.at(i).first), to_str(entry.reply.headers.at(i).second)});
  }
  postern_call_response response = {};
  response.struct_size = sizeof response;
  response.result = entry.answered ? entry.reply.result : POSTERN_E_TIMEOUT;
  if (response.result == POSTERN_OK) {
    response.status = entry.reply.status;
    response.headers_view = headers.data();
    response.header_count = headers.size();
    response.body_view = to_str(entry.reply.body);
  }
  entry.done(entry.user, &response);
}

inline bool FakeGateway::logged(std::string_view part) const {
  for (const LogLine& line : log_) {
    if (line.message.find(part) != std::string::npos) return true;
    for (const auto& [key, value] : line.fields) {
      if (value.find(part) != std::string::npos) return true;
    }
  }
  return false;
}

// ---- The end ----

inline std::vector<std::string> FakeGateway::close() {
  if (closed_) return leaks_;
  closed_ = true;
  for (const auto& x : exchanges_) {
    if (x->suspended()) leaks_.push_back("an exchange is still suspended in " + x->suspended_in());
    x->finish(POSTERN_END_SHUTDOWN);
  }
  for (const auto& instance : instances_) {
    if (instance->ok_ && instance->table_->on_worker_stop != nullptr)
      instance->pending_ = instance->table_->on_worker_stop(instance->data_, 0) == POSTERN_PENDING;
  }
  while (run_queues()) {
  }
  for (const auto& instance : instances_) {
    if (instance->ok_ && instance->pending_) leaks_.push_back(instance->name() + " has not said that it has stopped");
  }
  for (const auto& instance : instances_) {
    if (instance->data_ != nullptr && instance->table_->on_destroy != nullptr)
      instance->table_->on_destroy(instance->data_);
  }
  for (const auto& [handle, timer] : timers_)
    leaks_.push_back("a timer of " + timer.instance->name() + " was not cancelled");
  for (const auto& [handle, call] : open_calls_)
    leaks_.push_back("a call to " + call.call.upstream + " was not cancelled");
  if (!jobs_.empty()) leaks_.push_back("a job of the thread pool was not cancelled");
  if (acquired_services_ != 0) leaks_.push_back("an acquired service was not released");
  for (const postern_plugin* table : loaded_) {
    if (table->on_unload != nullptr) table->on_unload(table->context);
  }
  return leaks_;
}

inline FakeGateway::~FakeGateway() {
  const bool told = closed_;  // whoever called close() has seen the list
  close();
  for (void* library : libraries_) dlclose(library);
  current_ = nullptr;
  if (told || leaks_.empty() || std::uncaught_exceptions() > 0) return;
  for (const std::string& leak : leaks_) std::fprintf(stderr, "FakeGateway: %s\n", leak.c_str());
  std::abort();
}

}  // namespace postern::testing

// The host tables of a FakeGateway, in the order of abi.h.
#pragma once

#include "postern/testing/gateway.h"

namespace postern::testing {

struct Tables {
  static FakeGateway& gateway() { return FakeGateway::current(); }
  static const Config* node(postern_node n) { return Config::from(n); }

  // ---- config ----
  static std::uint32_t kind(postern_node n) { return n == nullptr ? POSTERN_NODE_NULL : node(n)->kind(); }
  static std::uint64_t size(postern_node n) { return n == nullptr ? 0 : node(n)->size(); }
  static postern_node get(postern_node map, postern_str key) {
    const Config* found = map == nullptr ? nullptr : node(map)->find(to_view(key));
    return found == nullptr ? nullptr : found->raw();
  }
  static postern_node at(postern_node list, std::uint64_t index) {
    return list == nullptr || index >= node(list)->size() ? nullptr : node(list)->at(index).raw();
  }
  static postern_str key_at(postern_node map, std::uint64_t index) {
    if (map == nullptr || !node(map)->is_map() || index >= node(map)->size()) return {};
    return to_str(node(map)->key_at(index));
  }
  static postern_str as_string(postern_node n) { return n == nullptr ? postern_str{} : to_str(node(n)->as_string()); }
  static std::int64_t as_int(postern_node n) { return n == nullptr ? 0 : node(n)->as_int(); }
  static double as_double(postern_node n) { return n == nullptr ? 0 : node(n)->as_double(); }
  static std::int32_t as_bool(postern_node n) { return n != nullptr && node(n)->as_bool() ? 1 : 0; }
  static postern_str position(postern_node n) { return n == nullptr ? postern_str{} : to_str(node(n)->position()); }
  static constexpr postern_config_table kConfigTable = {
      sizeof(postern_config_table), 1, kind, size, get, at, key_at, as_string, as_int, as_double, as_bool, position};

  // ---- instance ----
  static FakeInstance& instance_of(postern_instance i) { return FakeInstance::from(i); }
  static postern_str instance_name(postern_instance i) { return to_str(instance_of(i).name_); }
  static postern_str instance_scope(postern_instance i) { return to_str(instance_of(i).scope_); }
  static void config_error(postern_instance i, postern_node n, postern_str text) {
    instance_of(i).problems_.push_back(
        {n == nullptr ? std::string() : node(n)->position(), std::string(to_view(text))});
  }
  static void declare_at(postern_instance i, postern_node n) { instance_of(i).declared_at_ = n; }
  // What may be declared only while the instance is configured.
  static void declare(postern_instance i, std::vector<FakeInstance::Declared> FakeInstance::*list,
                      FakeInstance::Declared said) {
    if (instance_of(i).configuring_) (instance_of(i).*list).push_back(std::move(said));
  }
  static void declare_provides(postern_instance i, postern_str name, std::uint64_t hook) {
    declare(i, &FakeInstance::provides_, {std::string(to_view(name)), {}, hook});
  }
  static void declare_consumes(postern_instance i, postern_str name, std::uint64_t hook, postern_str reason) {
    declare(i, &FakeInstance::consumes_, {std::string(to_view(name)), std::string(to_view(reason)), hook});
  }
  static void declare_reads(postern_instance i, postern_str name, std::uint64_t hook) {
    declare(i, &FakeInstance::reads_, {std::string(to_view(name)), {}, hook});
  }
  static void declare_before(postern_instance i, postern_str name, postern_str reason) {
    declare(i, &FakeInstance::before_, {std::string(to_view(name)), std::string(to_view(reason))});
  }
  static void declare_after(postern_instance i, postern_str name, postern_str reason) {
    declare(i, &FakeInstance::after_, {std::string(to_view(name)), std::string(to_view(reason))});
  }
  static void declare_offers(postern_instance i, postern_str name, std::uint32_t version) {
    declare(i, &FakeInstance::offers_, {std::string(to_view(name)), {}, 0, version});
  }
  static void declare_needs(postern_instance i, postern_str name, std::uint32_t version, postern_str reason) {
    declare(i, &FakeInstance::needs_, {std::string(to_view(name)), std::string(to_view(reason)), 0, version});
  }
  static void declare_refuses(postern_instance i, std::uint32_t what, postern_str) {
    if (instance_of(i).configuring_) instance_of(i).refuses_ |= what;
  }
  static postern_status declare_body(postern_instance i, std::uint32_t message, const postern_body_policy* policy) {
    constexpr std::uint64_t kMax = 1ull << 30;
    if (!instance_of(i).configuring_) return POSTERN_E_STATE;
    if (message > POSTERN_RESPONSE || policy->struct_size < sizeof(*policy) || policy->policy > POSTERN_BODY_BUFFER ||
        policy->on_overflow > POSTERN_OVERFLOW_PEEK || policy->modifies > 1)
      return POSTERN_E_INVALID;
    instance_of(i).policies_said_[message] = true;
    if (policy->policy == POSTERN_BODY_BUFFER && (policy->limit == 0 || policy->limit > kMax)) {
      config_error(
          i, instance_of(i).declared_at_,
          to_str("a body is buffered up to 1 byte at least and 1 GiB at most, not " + std::to_string(policy->limit)));
      return POSTERN_E_INVALID;
    }
    instance_of(i).policies_[message] = *policy;
    return POSTERN_OK;
  }
  static void declare_trail(postern_instance, std::uint32_t) {}
  static std::int32_t is_shadow(postern_instance) { return 0; }
  static void disable_hooks(postern_instance i, std::uint64_t hooks) {
    if (instance_of(i).configuring_) instance_of(i).hooks_ &= ~hooks;
  }
  static void ready(postern_instance i, std::uint32_t, postern_status status, postern_str error_text) {
    const std::lock_guard lock(gateway().mutex_);
    FakeInstance& instance = instance_of(i);
    if (!instance.pending_ && !instance.configuring_) return;
    instance.pending_ = false;
    if (status < 0) {
      instance.problems_.push_back({"", std::string(to_view(error_text))});
      std::erase(gateway().chain_, &instance);
      instance.ok_ = false;
    } else if (!instance.ok_ && !instance.configuring_) {
      gateway().posted_.emplace_back([](void* user) { gateway().start_worker(*static_cast<FakeInstance*>(user)); },
                                     &instance);
    }
  }
  static constexpr postern_instance_table kInstanceTable = {sizeof(postern_instance_table),
                                                            1,
                                                            instance_name,
                                                            instance_scope,
                                                            config_error,
                                                            declare_provides,
                                                            declare_consumes,
                                                            declare_reads,
                                                            declare_before,
                                                            declare_after,
                                                            declare_offers,
                                                            declare_needs,
                                                            declare_refuses,
                                                            declare_body,
                                                            disable_hooks,
                                                            ready,
                                                            declare_trail,
                                                            is_shadow,

                                                            declare_at};

  // ---- exchange ----
  static FakeExchange* exchange_of(postern_exchange x) { return gateway().find(x); }
  static postern_status request_get(postern_exchange x, std::uint32_t field, postern_str* value) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    const std::string* text = field_of(e->head(), field);
    if (text == nullptr) return POSTERN_E_INVALID;
    *value = to_str(*text);
    return POSTERN_OK;
  }
  static postern_status request_set(postern_exchange x, std::uint32_t field, postern_str value) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    if (field == POSTERN_FIELD_TARGET || field == POSTERN_FIELD_SCHEME || field == POSTERN_FIELD_PROTOCOL)
      return POSTERN_E_STATE;
    std::string* text = field_of(e->head(), field);
    if (text == nullptr) return POSTERN_E_INVALID;
    *text = to_view(value);
    return POSTERN_OK;
  }
  static std::string* field_of(FakeExchange::Head& head, std::uint32_t field) {
    switch (field) {
      case POSTERN_FIELD_METHOD:
        return &head.method;
      case POSTERN_FIELD_TARGET:
        return &head.target;
      case POSTERN_FIELD_PATH:
        return &head.path;
      case POSTERN_FIELD_QUERY:
        return &head.query;
      case POSTERN_FIELD_AUTHORITY:
        return &head.authority;
      case POSTERN_FIELD_SCHEME:
        return &head.scheme;
      case POSTERN_FIELD_PROTOCOL:
        return &head.protocol;
      default:
        return nullptr;
    }
  }
  static postern_status header_get(postern_exchange x, std::uint32_t message, postern_str name, postern_str* value) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    const FakeHeaders::Entry* entry = e->headers(message).find(to_view(name));
    if (entry == nullptr) return POSTERN_E_NOT_FOUND;
    *value = to_str(entry->second);
    return POSTERN_OK;
  }
  static std::uint64_t header_count(postern_exchange x, std::uint32_t message) {
    FakeExchange* e = exchange_of(x);
    return e == nullptr ? 0 : e->headers(message).size();
  }
  static std::uint64_t header_list(postern_exchange x, std::uint32_t message, std::uint64_t first,
                                   std::uint64_t capacity, postern_header* headers) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return 0;
    std::uint64_t count = 0;
    for (; count < capacity && first + count < e->headers(message).size(); ++count) {
      const auto& [name, value] = e->headers(message).at(first + count);
      headers[count] = {to_str(name), to_str(value)};
    }
    return count;
  }
  static postern_status header_set(postern_exchange x, std::uint32_t message, postern_str name, postern_str value) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    postern_status status = FakeHeaders::check(to_view(name), to_view(value));
    if (message == POSTERN_REQUEST && same_ignoring_case(to_view(name), "te") &&
        same_ignoring_case(to_view(value), "trailers"))
      status = POSTERN_OK;  // the one thing that a request may say of the upstream's connection
    if (status == POSTERN_OK) e->headers(message).set(to_view(name), to_view(value));
    if (status == POSTERN_E_INVALID) header_remove(x, message, name);
    return status;
  }
  static postern_status header_add(postern_exchange x, std::uint32_t message, postern_str name, postern_str value) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    const postern_status status = FakeHeaders::check(to_view(name), to_view(value));
    if (status == POSTERN_OK) e->headers(message).add(to_view(name), to_view(value));
    return status;
  }
  static postern_status header_remove(postern_exchange x, std::uint32_t message, postern_str name) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    const postern_status status = FakeHeaders::check(to_view(name), "");
    if (status != POSTERN_OK) return status;
    return e->headers(message).remove(to_view(name)) ? POSTERN_OK : POSTERN_E_NOT_FOUND;
  }
  static postern_status status_get(postern_exchange x, std::uint32_t* status) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    if (e->status_ == 0) return POSTERN_E_STATE;
    *status = e->status_;
    return POSTERN_OK;
  }
  static postern_status status_set(postern_exchange x, std::uint32_t status) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    if (status < 200 || status > 599) return POSTERN_E_INVALID;
    if (e->status_ == 0) return POSTERN_E_STATE;
    e->status_ = status;
    return POSTERN_OK;
  }
  static bool response_is_out(const FakeExchange& e) { return e.stage_ >= FakeExchange::Stage::sent; }
  static postern_status respond(postern_exchange x, std::uint32_t status, postern_str type, postern_str body) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    if (response_is_out(*e)) return POSTERN_E_STATE;
    if (status < 200 || status > 599) return POSTERN_E_INVALID;
    e->status_ = status;
    e->origin_ = POSTERN_ORIGIN_LOCAL;
    e->headers_[POSTERN_RESPONSE] = {};
    if (type.len > 0) e->headers_[POSTERN_RESPONSE].add("content-type", to_view(type));
    e->bodies_[POSTERN_RESPONSE] = {std::string(to_view(body))};
    return POSTERN_OK;
  }
  static postern_status respond_error(postern_exchange x, std::uint32_t status, postern_str code, postern_str message,
                                      std::uint32_t retry_after_s) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    if (response_is_out(*e)) return POSTERN_E_STATE;
    if (status < 200 || status > 599) return POSTERN_E_INVALID;
    e->local_error(status, to_view(code), to_view(message));
    if (retry_after_s != 0) e->headers_[POSTERN_RESPONSE].add("retry-after", std::to_string(retry_after_s));
    return POSTERN_OK;
  }
  static postern_status set_origin(postern_exchange x, std::uint32_t origin) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    if (origin != POSTERN_ORIGIN_LOCAL && origin != POSTERN_ORIGIN_CACHE) return POSTERN_E_INVALID;
    if (!e->local()) return POSTERN_E_STATE;
    e->origin_ = origin;
    return POSTERN_OK;
  }
  static std::uint32_t variable_id(postern_str name) { return gateway().variable_id(to_view(name)); }
  static postern_status variable_get(postern_exchange x, std::uint32_t id, postern_value* value) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    return e->variable_value(id, *value) ? POSTERN_OK : POSTERN_E_NOT_FOUND;
  }
  static postern_status variable_list(postern_exchange x, const std::uint32_t* ids, std::uint64_t count,
                                      postern_value* values) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    for (std::uint64_t i = 0; i < count; ++i)
      if (!e->variable_value(ids[i], values[i])) values[i] = {};
    return POSTERN_OK;
  }
  static postern_status variable_set(postern_exchange x, std::uint32_t id, const postern_value* value) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    if (id == 0 || id > gateway().variable_names_.size()) return POSTERN_E_INVALID;
    const std::string_view name = gateway().variable_names_[id - 1];
    for (std::string_view family : {"request.", "response.", "client.", "route.", "upstream.", "path.", "tunnel."}) {
      if (name.starts_with(family)) return POSTERN_E_STATE;
    }
    e->variables_[id] = {value->type, value->integer, value->number, std::string(to_view(value->string))};
    return POSTERN_OK;
  }
  static std::string_view name_of(std::uint64_t hook) {
    static constexpr std::string_view kNames[] = {
        "on_connection",       "on_request_early",   "on_request",  "on_request_body",  "on_upstream_select",
        "on_upstream_request", "on_upstream_result", "on_response", "on_response_body", "on_complete"};
    std::size_t bit = 0;
    while (hook > 1) hook >>= 1, ++bit;
    return kNames[bit];
  }
  static postern_status pause(postern_exchange x, postern_ticket* ticket) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    constexpr std::uint64_t kNever = POSTERN_HOOK_UPSTREAM_RESULT | POSTERN_HOOK_COMPLETE;
    if (e->running_ == nullptr || (e->running_hook_ & kNever) != 0) return POSTERN_E_STATE;
    e->pause_ = {++e->pauses_,     e->running_,      std::string(name_of(e->running_hook_)), true, false,
                 POSTERN_CONTINUE, gateway().now_ms_};
    *ticket = {x, e->pauses_};
    return POSTERN_OK;
  }
  static postern_status pause_for(postern_ticket ticket, std::uint32_t wait_ms) {
    FakeExchange* e = exchange_of(ticket.exchange);
    if (e == nullptr || ticket.pause == 0 || e->pause_.number != ticket.pause) return POSTERN_E_GONE;
    if (wait_ms > POSTERN_LONGEST_WAIT_MS - e->pause_.wait_ms) return POSTERN_E_LIMIT;
    e->pause_.wait_ms += wait_ms;
    return POSTERN_OK;
  }
  static postern_status resume(postern_ticket ticket, postern_verdict verdict) {
    FakeGateway& g = gateway();
    const std::lock_guard lock(g.mutex_);
    if (!g.on_worker()) {
      g.resumes_.emplace_back(ticket, verdict);
      return POSTERN_OK;
    }
    FakeExchange* e = exchange_of(ticket.exchange);
    if (e == nullptr || ticket.pause == 0 || e->pause_.number != ticket.pause || e->pause_.resumed)
      return POSTERN_E_GONE;
    if (e->pause_.in_hook) {
      e->pause_.resumed = true;
      e->pause_.verdict = verdict;
    } else if (g.torture_resumes_) {
      g.resumes_.emplace_back(ticket, verdict);
    } else {
      e->resume(verdict);
    }
    return POSTERN_OK;
  }
  static postern_status info(postern_exchange x, postern_exchange_info* info) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    postern_exchange_info full = {};
    full.struct_size = info->struct_size;
    full.generation = 1;
    full.started_unix_ms = FakeGateway::kUnixStartMs + e->started_ms_;
    full.elapsed_ns = (gateway().now_ms_ - e->started_ms_) * 1'000'000;
    full.request_body_bytes = FakeExchange::join(e->bodies_[POSTERN_REQUEST]).size();
    full.attempts = e->attempts_;
    full.origin = e->origin_;
    full.request_bodiless = e->request_bodiless() ? 1u : 0u;
    full.response_bodiless = e->response_bodiless() ? 1u : 0u;
    std::memcpy(info, &full, std::min<std::size_t>(sizeof full, info->struct_size));
    return POSTERN_OK;
  }
  static postern_exchange next(postern_exchange after) {
    postern_exchange first = 0;
    for (const auto& e : gateway().exchanges_) {
      bool open = e->stage_ != FakeExchange::Stage::begin && !e->ended();
      if (open && e->handle_ > after && (first == 0 || e->handle_ < first)) first = e->handle_;
    }
    return first;
  }
  static void* allocate(postern_exchange x, std::uint64_t size) {
    constexpr std::uint64_t kMax = 1 << 20;
    FakeExchange* e = exchange_of(x);
    if (e == nullptr || size > kMax - e->arena_used_) return nullptr;
    e->arena_used_ += size;
    e->arena_.push_back(std::make_unique<std::max_align_t[]>(size / sizeof(std::max_align_t) + 1));
    return std::memset(e->arena_.back().get(), 0, size);  // padding too
  }
  static postern_status retry(postern_exchange x, std::uint32_t delay_ms) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    if (!e->may_retry_) return POSTERN_E_STATE;
    e->retry_asked_ = true;
    e->retry_delay_ms_ = delay_ms;
    return POSTERN_OK;
  }
  static postern_status on_end(postern_exchange x, postern_instance, void (*done)(void*), void* user) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    if (e->end_callbacks_.size() >= 64) return POSTERN_E_LIMIT;
    e->end_callbacks_.emplace_back(done, user);
    return POSTERN_OK;
  }
  static std::uint64_t trail(postern_exchange, std::uint64_t, std::uint64_t, std::uint32_t, postern_step*) { return 0; }
  static constexpr postern_exchange_table kExchangeTable = {sizeof(postern_exchange_table),
                                                            1,
                                                            request_get,
                                                            request_set,
                                                            header_get,
                                                            header_count,
                                                            header_list,
                                                            header_set,
                                                            header_add,
                                                            header_remove,
                                                            status_get,
                                                            status_set,
                                                            respond,
                                                            respond_error,
                                                            set_origin,
                                                            variable_id,
                                                            variable_get,
                                                            variable_set,
                                                            pause,
                                                            resume,
                                                            info,
                                                            allocate,
                                                            retry,
                                                            on_end,
                                                            next,
                                                            variable_list,
                                                            trail,

                                                            pause_for};

  // ---- body ----
  // Whose hook runs, or has suspended: until it is resumed, functions do what they would do inside it.
  static const FakeInstance* inside(const FakeExchange& e) {
    return e.running_ == nullptr && e.suspended() ? e.pause_.who : e.running_;
  }
  static postern_status replace(postern_exchange x, std::uint32_t message, postern_str bytes) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    const std::uint64_t hook = message == POSTERN_REQUEST ? POSTERN_HOOK_REQUEST_BODY : POSTERN_HOOK_RESPONSE_BODY;
    const FakeInstance* who = inside(*e);
    if (who == nullptr || e->running_hook_ != hook || e->body_passes_) return POSTERN_E_STATE;
    if (who->policies_[message].modifies == 0) return POSTERN_E_STATE;
    if (e->suspended()) {  // what the hook was given has been taken over already
      e->parts_out_.back() = to_view(bytes);
      return POSTERN_OK;
    }
    e->replacement_ = to_view(bytes);
    e->replaced_ = true;
    return POSTERN_OK;
  }
  static postern_status detach(postern_exchange x, std::uint32_t message) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    const FakeInstance* who = inside(*e);
    if (who == nullptr || message > POSTERN_RESPONSE) return POSTERN_E_STATE;
    e->detached_.emplace_back(who, message);
    return POSTERN_OK;
  }
  static bool body_begun(const FakeExchange& e, std::uint32_t message) {
    return e.stage_ > (message == POSTERN_REQUEST ? FakeExchange::Stage::request : FakeExchange::Stage::response);
  }
  static postern_status give(postern_exchange x, std::uint32_t message, postern_str bytes) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    if (message != POSTERN_REQUEST) return POSTERN_E_INVALID;
    const FakeInstance* who = inside(*e);
    if (who == nullptr || body_begun(*e, message) || !e->request_bodiless()) return POSTERN_E_STATE;
    e->given_by_ = who;
    e->bodies_[POSTERN_REQUEST] = {std::string(to_view(bytes))};
    return POSTERN_OK;
  }
  static postern_status stream(postern_exchange x, std::uint32_t message) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    if (message > POSTERN_RESPONSE) return POSTERN_E_INVALID;
    const FakeInstance* who = inside(*e);
    if (who == nullptr || body_begun(*e, message) || who->policies_[message].policy == POSTERN_BODY_NONE)
      return POSTERN_E_STATE;
    e->streaming_.emplace_back(who, message);
    return POSTERN_OK;
  }
  static constexpr postern_body_table kBodyTable = {sizeof(postern_body_table), 1, replace, detach, give, stream};

  // ---- log, metrics ----
  static std::int32_t log_enabled(postern_instance, std::uint32_t level) {
    return level >= gateway().log_level_ ? 1 : 0;
  }
  static void log_write(postern_instance, std::uint32_t level, postern_str message, const postern_log_field* fields,
                        std::uint64_t count) {
    LogLine line = {level, std::string(to_view(message)), {}};
    for (std::uint64_t i = 0; i < count; ++i)
      line.fields.emplace_back(to_view(fields[i].key), to_text(fields[i].value));
    const std::lock_guard lock(gateway().mutex_);
    gateway().log_.push_back(std::move(line));
  }
  static constexpr postern_log_table kLogTable = {sizeof(postern_log_table), 1, log_enabled, log_write};

  static std::uint64_t family(postern_instance, const postern_metric* metric) {
    const std::lock_guard lock(gateway().mutex_);
    return gateway().metrics_.family(*metric);
  }
  static postern_series series(std::uint64_t family, const postern_str* values, std::uint64_t count) {
    const std::lock_guard lock(gateway().mutex_);
    return gateway().metrics_.series(family, values, count);
  }
  static void metric_add(postern_series series, double amount) {
    const std::lock_guard lock(gateway().mutex_);
    gateway().metrics_.add(series, amount);
  }
  static void metric_set(postern_series series, double value) {
    const std::lock_guard lock(gateway().mutex_);
    gateway().metrics_.set(series, value);
  }
  static void metric_observe(postern_series series, double value) {
    const std::lock_guard lock(gateway().mutex_);
    gateway().metrics_.observe(series, value);
  }
  static postern_status series_remove(postern_instance, postern_series series) {
    const std::lock_guard lock(gateway().mutex_);
    return gateway().metrics_.remove(series) ? POSTERN_OK : POSTERN_E_NOT_FOUND;
  }
  static postern_status collector(postern_instance i, void (*collect)(void*), void* user) {
    if (!instance_of(i).configuring_) return POSTERN_E_STATE;
    instance_of(i).collectors_.emplace_back(collect, user);
    return POSTERN_OK;
  }
  static void expose(void (*write)(void*, postern_str), void* user) {
    gateway().collect();
    const std::lock_guard lock(gateway().mutex_);
    const std::string text = gateway().metrics_.text();
    write(user, to_str(text));
  }
  static constexpr postern_metrics_table kMetricsTable = {sizeof(postern_metrics_table),
                                                          1,
                                                          family,
                                                          series,
                                                          metric_add,
                                                          metric_set,
                                                          metric_observe,
                                                          expose,
                                                          series_remove,
                                                          collector};

  // ---- timer ----
  static postern_timer timer_start(postern_instance i, std::uint64_t delay_ms, std::uint64_t repeat_ms,
                                   void (*fire)(void*), void* user) {
    FakeGateway& g = gateway();
    if (!g.on_worker()) return 0;
    const std::uint64_t handle = g.next_handle();
    g.timers_[handle] = {&instance_of(i), g.now_ms_ + delay_ms, repeat_ms, fire, user};
    return handle;
  }
  static postern_status timer_cancel(postern_timer timer) {
    return gateway().timers_.erase(timer) > 0 ? POSTERN_OK : POSTERN_E_GONE;
  }
  static std::uint64_t now_ms() { return gateway().now_ms_; }
  static std::uint64_t unix_ms() { return gateway().unix_ms(); }
  static std::uint64_t clock_ns() { return now_ms() * 1'000'000; }
  static std::uint64_t unix_ns() { return unix_ms() * 1'000'000; }
  static constexpr postern_timer_table kTimerTable = {
      sizeof(postern_timer_table), 1, timer_start, timer_cancel, now_ms, unix_ms, clock_ns, unix_ns};

  // ---- dict ----
  static FakeDict* dict_of(postern_dict d) {
    return d == 0 || d > gateway().dicts_.size() ? nullptr : &gateway().dicts_[d - 1].dict;
  }
  static postern_dict dict_open(postern_instance, postern_str name, std::uint64_t) {
    const std::lock_guard lock(gateway().mutex_);
    return gateway().open_dict(to_view(name));
  }
  static postern_status dict_get(postern_dict d, postern_str key, char* buffer, std::uint64_t* size) {
    const std::lock_guard lock(gateway().mutex_);
    FakeDict* dict = dict_of(d);
    if (dict == nullptr) return POSTERN_E_GONE;
    const FakeDict::Entry* entry = dict->find(to_view(key), gateway().now_ms_);
    if (entry == nullptr) return POSTERN_E_NOT_FOUND;
    if (*size > 0) entry->value.copy(buffer, *size);
    *size = entry->value.size();
    return POSTERN_OK;
  }
  static postern_status dict_set(postern_dict d, postern_str key, postern_str value, std::uint64_t ttl_ms) {
    const std::lock_guard lock(gateway().mutex_);
    FakeDict* dict = dict_of(d);
    if (dict == nullptr) return POSTERN_E_GONE;
    if (key.len > 1024 || value.len > (1 << 20)) return POSTERN_E_INVALID;
    dict->set(to_view(key), to_view(value), ttl_ms, gateway().now_ms_);
    return POSTERN_OK;
  }
  static postern_status dict_add(postern_dict d, postern_str key, postern_str value, std::uint64_t ttl_ms) {
    const std::lock_guard lock(gateway().mutex_);
    FakeDict* dict = dict_of(d);
    if (dict == nullptr) return POSTERN_E_GONE;
    if (dict->find(to_view(key), gateway().now_ms_) != nullptr) return POSTERN_E_EXISTS;
    return dict_set(d, key, value, ttl_ms);
  }
  static postern_status dict_remove(postern_dict d, postern_str key) {
    const std::lock_guard lock(gateway().mutex_);
    FakeDict* dict = dict_of(d);
    if (dict == nullptr) return POSTERN_E_GONE;
    return dict->remove(to_view(key), gateway().now_ms_) ? POSTERN_OK : POSTERN_E_NOT_FOUND;
  }
  static postern_status dict_increment(postern_dict d, postern_str key, std::int64_t amount, std::uint64_t ttl_ms,
                                       std::int64_t* result) {
    const std::lock_guard lock(gateway().mutex_);
    FakeDict* dict = dict_of(d);
    if (dict == nullptr) return POSTERN_E_GONE;
    return dict->increment(to_view(key), amount, ttl_ms, gateway().now_ms_, result);
  }
  static postern_status dict_compare_and_set(postern_dict d, postern_str key, postern_str expected, postern_str value,
                                             std::uint64_t ttl_ms) {
    const std::lock_guard lock(gateway().mutex_);
    FakeDict* dict = dict_of(d);
    if (dict == nullptr) return POSTERN_E_GONE;
    const FakeDict::Entry* entry = dict->find(to_view(key), gateway().now_ms_);
    if (entry == nullptr || entry->value != to_view(expected)) return POSTERN_E_CONFLICT;
    return dict_set(d, key, value, ttl_ms);
  }
  static postern_status dict_limit(postern_dict d, postern_str key, const postern_limit* limit,
                                   postern_limit_result* result) {
    const std::lock_guard lock(gateway().mutex_);
    FakeDict* dict = dict_of(d);
    if (dict == nullptr) return POSTERN_E_GONE;
    const bool bucket = limit->algorithm == POSTERN_LIMIT_TOKEN_BUCKET;
    if (limit->limit == 0 || limit->window_ms == 0 || (bucket && limit->burst == 0)) return POSTERN_E_INVALID;
    dict->limit(to_view(key), *limit, gateway().now_ms_, result);
    return POSTERN_OK;
  }
  static constexpr postern_dict_table kDictTable = {
      sizeof(postern_dict_table), 1,         dict_open, dict_get, dict_set, dict_add, dict_remove, dict_increment,
      dict_compare_and_set,       dict_limit};

  // ---- call ----
  static postern_call call_start(postern_instance i, const postern_call_request* request,
                                 void (*done)(void*, const postern_call_response*), void* user) {
    FakeGateway& g = gateway();
    constexpr std::uint32_t kDefaultTimeoutMs = 30'000;
    const std::string upstream(to_view(request->upstream));
    const bool known =
        std::find(g.unknown_upstreams_.begin(), g.unknown_upstreams_.end(), upstream) == g.unknown_upstreams_.end();
    if (!g.on_worker() || upstream.empty() || request->method.len == 0 || request->target.len == 0 || !known) return 0;
    FakeCall call = {g.next_handle(),
                     upstream,
                     std::string(to_view(request->method)),
                     std::string(to_view(request->target)),
                     std::string(to_view(request->body)),
                     {},
                     request->timeout_ms ? request->timeout_ms : kDefaultTimeoutMs};
    for (std::uint64_t n = 0; n < request->header_count; ++n) {
      call.headers.add(to_view(request->headers[n].name), to_view(request->headers[n].value));
    }
    g.calls_.push_back(call);
    FakeGateway::CallEntry entry = {&instance_of(i), call, done, user, false, {}, g.now_ms_ + call.timeout_ms};
    if (g.call_handler_) {
      entry.answered = true;
      entry.reply = g.call_handler_(call);
      entry.due_ms = g.now_ms_ + entry.reply.delay_ms;
    }
    g.open_calls_.emplace(call.handle, std::move(entry));
    return call.handle;
  }
  static postern_status call_cancel(postern_call call) {
    return gateway().open_calls_.erase(call) > 0 ? POSTERN_OK : POSTERN_E_GONE;
  }
  static constexpr postern_call_table kCallTable = {sizeof(postern_call_table), 1, call_start, call_cancel};

  // ---- upstream ----
  static std::uint64_t endpoint_count(postern_exchange x) {
    return exchange_of(x) == nullptr ? 0 : gateway().endpoints_.size();
  }
  static postern_status endpoint_at(postern_exchange x, std::uint64_t index, postern_endpoint* endpoint) {
    if (exchange_of(x) == nullptr) return POSTERN_E_GONE;
    if (index >= gateway().endpoints_.size()) return POSTERN_E_NOT_FOUND;
    const FakeEndpoint& e = gateway().endpoints_[index];
    *endpoint = {sizeof(postern_endpoint), static_cast<std::uint32_t>(index),
                 to_str(e.address),        e.weight,
                 e.available ? 1u : 0u,    0};
    return POSTERN_OK;
  }
  static postern_status choose(postern_exchange x, std::uint64_t index) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    if (e->running_hook_ != POSTERN_HOOK_UPSTREAM_SELECT) return POSTERN_E_STATE;
    if (index >= gateway().endpoints_.size()) return POSTERN_E_NOT_FOUND;
    e->chosen_endpoint_ = gateway().endpoints_[index].address;
    return POSTERN_OK;
  }
  static postern_status choose_upstream(postern_exchange x, postern_str upstream) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    if (e->stage_ > FakeExchange::Stage::select) return POSTERN_E_STATE;
    e->upstream_name_ = to_view(upstream);
    return POSTERN_OK;
  }
  static postern_status set_available(postern_str, postern_str address, std::int32_t available) {
    const std::lock_guard lock(gateway().mutex_);
    for (FakeEndpoint& endpoint : gateway().endpoints_) {
      if (endpoint.address != to_view(address)) continue;
      endpoint.available = available != 0;
      return POSTERN_OK;
    }
    return POSTERN_E_NOT_FOUND;
  }
  static constexpr postern_upstream_table kUpstreamTable = {
      sizeof(postern_upstream_table), 1, endpoint_count, endpoint_at, choose, choose_upstream, set_available};

  // ---- services ----
  static postern_status publish(postern_instance i, postern_str name, const void* table) {
    if (!instance_of(i).offers(to_view(name))) return POSTERN_E_STATE;
    const bool fresh =
        gateway().services_.emplace(std::string(to_view(name)), std::pair(&instance_of(i), table)).second;
    return fresh ? POSTERN_OK : POSTERN_E_EXISTS;
  }
  static const void* acquire(postern_instance, postern_str name, std::uint32_t min_version) {
    const auto found = gateway().services_.find(std::string(to_view(name)));
    if (found == gateway().services_.end()) return nullptr;
    std::uint32_t head[2];
    std::memcpy(head, found->second.second, sizeof head);
    if (head[1] < min_version) return nullptr;
    ++gateway().acquired_services_;
    return found->second.second;
  }
  static void release(postern_instance, const void*) { --gateway().acquired_services_; }
  static constexpr postern_services_table kServicesTable = {sizeof(postern_services_table), 1, publish, acquire,
                                                            release};

  // ---- work ----
  static postern_task submit(postern_instance, std::uint32_t lane, void (*work)(void*),
                             void (*done)(void*, postern_status), void* user) {
    if (!gateway().on_worker() || lane > gateway().lanes_.size()) return 0;
    const std::uint64_t handle = gateway().next_handle();
    gateway().jobs_[handle] = {work, done, user};
    return handle;
  }
  static postern_status job_cancel(postern_task task) {
    return gateway().jobs_.erase(task) > 0 ? POSTERN_OK : POSTERN_E_GONE;
  }
  static std::uint32_t lane(postern_instance, postern_str name, std::uint32_t width, std::uint32_t bound) {
    const std::lock_guard lock(gateway().mutex_);
    std::vector<std::string>& lanes = gateway().lanes_;
    const bool valid = name.len >= 1 && name.len <= 64 && width >= 1 && width <= 16 && bound >= 1 && bound <= 100'000;
    auto found = std::find(lanes.begin(), lanes.end(), to_view(name));
    if (!valid || (found == lanes.end() && lanes.size() == 64)) return 0;
    if (found == lanes.end()) found = lanes.insert(found, std::string(to_view(name)));
    return static_cast<std::uint32_t>(found - lanes.begin()) + 1;
  }
  static constexpr postern_work_table kWorkTable = {sizeof(postern_work_table), 1, submit, job_cancel, lane};

  // ---- loop ----
  static void* uv_loop() { return nullptr; }
  static std::int32_t worker() { return gateway().on_worker() ? 0 : -1; }
  static std::uint32_t worker_count() { return 1; }
  static postern_status post(postern_instance, std::uint32_t worker_index, void (*run)(void*), void* user) {
    const std::lock_guard lock(gateway().mutex_);
    if (worker_index != 0 || gateway().closed_) return POSTERN_E_GONE;
    gateway().posted_.emplace_back(run, user);
    return POSTERN_OK;
  }
  static postern_status run(postern_instance, void (*code)(void*), void* user) {
    code(user);
    return POSTERN_OK;
  }
  static void fail(postern_str) { gateway().failed_ = true; }
  static constexpr postern_loop_table kLoopTable = {
      sizeof(postern_loop_table), 1, uv_loop, worker, worker_count, post, run, fail};

  // ---- template ----
  static FakeTemplate& template_of(postern_template t) {
    return *reinterpret_cast<FakeTemplate*>(const_cast<postern_template_s*>(t));
  }
  static postern_template compile(postern_instance i, postern_str text, std::uint64_t, postern_str* error) {
    FakeInstance& owner = instance_of(i);
    auto made = std::make_unique<FakeTemplate>();
    if (!made->parse(to_view(text), owner.template_error_)) {
      *error = to_str(owner.template_error_);
      return nullptr;
    }
    owner.templates_.push_back(std::move(made));
    return reinterpret_cast<postern_template>(owner.templates_.back().get());
  }
  static postern_status expand(postern_exchange x, postern_template t, postern_str* text) {
    FakeExchange* e = exchange_of(x);
    if (e == nullptr) return POSTERN_E_GONE;
    std::string expanded;
    for (const FakeTemplate::Piece& piece : template_of(t).pieces) {
      expanded += piece.variable ? e->variable(piece.text) : piece.text;
    }
    e->texts_.push_back(std::move(expanded));
    *text = to_str(e->texts_.back());
    return POSTERN_OK;
  }
  static std::uint64_t template_variables(postern_template t) { return template_of(t).variables.size(); }
  static postern_str template_variable(postern_template t, std::uint64_t index) {
    return index < template_of(t).variables.size() ? to_str(template_of(t).variables[index]) : postern_str{};
  }
  static constexpr postern_template_table kTemplatesTable = {
      sizeof(postern_template_table), 1, compile, expand, template_variables, template_variable};

  // ---- expression ----
  // The language is the gateway's: a test says with FakeGateway::expression_holds what a text comes to.
  static postern_expression expression_compile(postern_instance i, postern_str text, std::uint64_t, postern_str*) {
    auto& kept = instance_of(i).expressions_;
    kept.push_back(std::make_unique<std::string>(to_view(text)));
    return reinterpret_cast<postern_expression>(kept.back().get());
  }
  static std::int32_t expression_holds(postern_exchange x, postern_expression e) {
    if (exchange_of(x) == nullptr) return POSTERN_E_GONE;
    const auto& known = gateway().expressions_;
    const auto found = known.find(*reinterpret_cast<const std::string*>(e));
    return found == known.end() ? POSTERN_E_FAILED : found->second ? 1 : 0;
  }
  static constexpr postern_expression_table kExpressionTable = {sizeof(postern_expression_table), 1, expression_compile,
                                                                expression_holds};

  // ---- control ----
  static std::uint64_t generation(postern_instance) { return 1; }
  static postern_status reload() {
    const std::lock_guard lock(gateway().mutex_);
    ++gateway().reloads_;
    return POSTERN_OK;
  }
  static std::uint64_t route_count(postern_instance) { return 1; }
  static postern_status route_at(postern_instance, std::uint64_t index, postern_route_info* info_view) {
    if (index > 0) return POSTERN_E_NOT_FOUND;
    *info_view = {sizeof(postern_route_info), 0, to_str("test"), to_str("/*"), to_str("upstream")};
    return POSTERN_OK;
  }
  static constexpr postern_control_table kControlTable = {
      sizeof(postern_control_table), 1, generation, reload, route_count, route_at};

  // ---- connection ----
  static FakeConnection* connection_of(postern_connection c) {
    return c == 0 || c > gateway().connections_.size() ? nullptr : &gateway().connections_[c - 1];
  }
  static postern_status connection_info(postern_connection c, postern_connection_info* info_view) {
    const FakeConnection* connection = connection_of(c);
    if (connection == nullptr) return POSTERN_E_GONE;
    postern_connection_info full = {};
    full.struct_size = sizeof full;
    full.peer_address_view = to_str(connection->peer_address);
    full.peer_port = connection->peer_port;
    full.tls = connection->tls ? 1u : 0u;
    full.listener_view = to_str(connection->listener);
    full.server_name_view = to_str(connection->server_name);
    full.alpn_view = to_str(connection->alpn);
    full.tls_version_view = to_str(connection->tls_version);
    full.client_verified = connection->client_verified ? 1u : 0u;
    full.client_subject_view = to_str(connection->client_subject);
    full.client_issuer_view = to_str(connection->client_issuer);
    full.client_names_view = to_str(connection->client_names);
    full.client_fingerprint_view = to_str(connection->client_fingerprint);
    full.opened_unix_ms = gateway().unix_ms();
    full.protocol_view = to_str("HTTP/1.1");
    full.client_certificate_view = to_str(connection->client_certificate);
    full.local_address_view = to_str(connection->local_address);
    full.local_port = connection->local_port;
    *info_view = full;
    return POSTERN_OK;
  }
  static postern_connection connection_next(postern_connection after) {
    return after < gateway().connections_.size() ? after + 1 : 0;
  }
  static postern_status connection_pause(postern_connection c, postern_ticket* ticket) {
    FakeConnection* connection = connection_of(c);
    if (connection == nullptr) return POSTERN_E_GONE;
    connection->verdict = POSTERN_SUSPEND;
    *ticket = {c, 1};
    return POSTERN_OK;
  }
  static postern_status connection_resume(postern_ticket ticket, postern_verdict verdict) {
    FakeConnection* connection = connection_of(ticket.exchange);
    if (connection == nullptr || connection->verdict != POSTERN_SUSPEND) return POSTERN_E_GONE;
    connection->verdict = verdict;
    return POSTERN_OK;
  }
  static constexpr postern_connection_table kConnectionTable = {
      sizeof(postern_connection_table), 1, connection_info, connection_pause, connection_resume, connection_next};

  // ---- host ----
  static const void* get_interface(const postern_host*, postern_str name, std::uint32_t min_version) {
    const std::string_view wanted = to_view(name);
    const auto& hidden = gateway().hidden_;
    if (min_version > 1 || std::find(hidden.begin(), hidden.end(), wanted) != hidden.end()) return nullptr;
    static const std::map<std::string_view, const void*> kTables = {{"config", &kConfigTable},
                                                                    {"instance", &kInstanceTable},
                                                                    {"exchange", &kExchangeTable},
                                                                    {"body", &kBodyTable},
                                                                    {"log", &kLogTable},
                                                                    {"metrics", &kMetricsTable},
                                                                    {"timer", &kTimerTable},
                                                                    {"dict", &kDictTable},
                                                                    {"call", &kCallTable},
                                                                    {"upstream", &kUpstreamTable},
                                                                    {"services", &kServicesTable},
                                                                    {"work", &kWorkTable},
                                                                    {"loop", &kLoopTable},
                                                                    {"template", &kTemplatesTable},
                                                                    {"control", &kControlTable},
                                                                    {"connection", &kConnectionTable},
                                                                    {"expression", &kExpressionTable}};
    const auto found = kTables.find(wanted);
    return found == kTables.end() ? nullptr : found->second;
  }
};

inline FakeGateway::FakeGateway() {
  if (current_ != nullptr) throw std::logic_error("there can be only one FakeGateway at a time");
  current_ = this;
  host_ = {sizeof(postern_host), 1, POSTERN_ABI_MAJOR, POSTERN_ABI_MINOR, to_str("test"), Tables::get_interface};
}

}  // namespace postern::testing

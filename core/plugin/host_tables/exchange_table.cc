// "exchange": the request, the response, variables, and the course of the exchange. On the path of every request: a lookup
// in the worker's table, no locks.
#include <postern/text/ascii.h>

#include "http/headers.h"
#include "http/known_fields.h"
#include "plan/builtin_variables.h"
#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/lookup.h"

namespace postern::plugin {
namespace {

using proxy::Exchange;
using proxy::Value;
using proxy::WorkerContext;

constexpr std::uint64_t kMaxName = 1024;
constexpr std::uint64_t kMaxField = 64 * 1024;  // header values, paths, queries
constexpr std::uint64_t kMaxVariable = 1024 * 1024;
constexpr std::uint64_t kMaxBody = 1ull << 30;
constexpr std::uint64_t kMaxCode = 64;

postern_status always(Exchange&) { return POSTERN_OK; }

// ---- Request head ----------------------------------------------------------------------------------------------------

postern_status request_get(postern_exchange handle, std::uint32_t field, postern_str* value) {
  if (value == nullptr || field > POSTERN_FIELD_PROTOCOL) return POSTERN_E_INVALID;
  return with_exchange(handle, [&](Exchange& x) {
    if (x.headers(POSTERN_REQUEST) == nullptr) return POSTERN_E_NOT_FOUND;
    *value = str(x.field(field));
    return POSTERN_OK;
  });
}

postern_status request_set(postern_exchange handle, std::uint32_t field, postern_str value) {
  if (field > POSTERN_FIELD_PROTOCOL || !usable(value, kMaxField)) return POSTERN_E_INVALID;
  bool read_only = field == POSTERN_FIELD_TARGET || field == POSTERN_FIELD_SCHEME || field == POSTERN_FIELD_PROTOCOL;
  return change_exchange(
      handle, [&](Exchange&) { return read_only ? POSTERN_E_STATE : POSTERN_OK; },
      [&](Exchange& x) { return x.set_field(field, view(value)); });
}

// ---- Headers ---------------------------------------------------------------------------------------------------------

postern_status header_get(postern_exchange handle, std::uint32_t message, postern_str name, postern_str* value) {
  if (value == nullptr || message > POSTERN_RESPONSE_TRAILERS || !usable(name, kMaxName)) return POSTERN_E_INVALID;
  return with_exchange(handle, [&](Exchange& x) {
    const http::HeaderList* list = x.headers(message);
    const http::Field* found = list == nullptr ? nullptr : list->find(view(name));
    if (found == nullptr) return POSTERN_E_NOT_FOUND;
    *value = str(found->value);
    return POSTERN_OK;
  });
}

std::uint64_t header_count(postern_exchange handle, std::uint32_t message) {
  std::uint64_t count = 0;
  with_exchange(handle, [&](Exchange& x) {
    const http::HeaderList* list = x.headers(message);
    count = list == nullptr ? 0 : list->size();
    return POSTERN_OK;
  });
  return count;
}

std::uint64_t header_list(postern_exchange handle, std::uint32_t message, std::uint64_t first, std::uint64_t capacity,
                          postern_header* headers) {
  if (headers == nullptr) return 0;
  std::uint64_t count = 0;
  with_exchange(handle, [&](Exchange& x) {
    const http::HeaderList* list = x.headers(message);
    if (list == nullptr || first >= list->size()) return POSTERN_OK;
    for (const auto& field : list->fields().subspan(first, std::min(capacity, list->size() - first)))
      headers[count++] = {str(field.name), str(field.value)};
    return POSTERN_OK;
  });
  return count;
}

// Framing and hop-by-hop fields are the gateway's. Host is the request's authority under another name.
bool belongs_to_gateway(http::KnownField known) noexcept {
  return known != http::KnownField::other && known != http::KnownField::host;
}

// What a change is about, once it has been checked.
struct Target {
  http::HeaderList* list = nullptr;
  bool host = false;  // a request's
};

inline postern_status check_name(Exchange& x, std::uint32_t message, postern_str name, Target& target) {
  if (message > POSTERN_RESPONSE_TRAILERS || !usable(name, kMaxName) || !http::is_token(view(name)))
    return POSTERN_E_INVALID;
  http::KnownField known = http::known_field(view(name));
  if (belongs_to_gateway(known) || !x.headers_mutable(message)) return POSTERN_E_STATE;
  bool of_request = message == POSTERN_REQUEST || message == POSTERN_REQUEST_TRAILERS;
  target = {x.headers(message), of_request && known == http::KnownField::host};
  return target.list != nullptr ? POSTERN_OK : POSTERN_E_STATE;
}

inline postern_status check_field(Exchange& x, std::uint32_t message, postern_str name, postern_str value,
                                  Target& target) {
  if (!usable(value, kMaxField) || !http::is_field_value(view(value))) return POSTERN_E_INVALID;
  return check_name(x, message, name, target);
}

// The one thing that a request may say of the upstream's connection: that trailers are welcome (RFC 9110 section 10.1.4).
bool asks_for_trailers(std::uint32_t message, postern_str name, postern_str value) noexcept {
  return message == POSTERN_REQUEST && name.len == 2 && usable(name, kMaxName) && usable(value, kMaxField) &&
         http::known_field(view(name)) == http::KnownField::te && http::same_name(trim(view(value)), "trailers");
}

postern_status ask_for_trailers(postern_exchange handle) {
  return change_exchange(
      handle,
      [](Exchange& x) {
        bool can = x.headers(POSTERN_REQUEST) != nullptr && x.headers_mutable(POSTERN_REQUEST);
        return can ? POSTERN_OK : POSTERN_E_STATE;
      },
      [](Exchange& x) {
        x.request().te_trailers = true;
        return POSTERN_OK;
      });
}

postern_status replace_field(postern_exchange handle, std::uint32_t message, postern_str name, postern_str value) {
  Target target;
  return change_exchange(
      handle, [&](Exchange& x) { return check_field(x, message, name, value, target); },
      [&](Exchange& x) {
        std::string_view text = trim(view(value));
        if (target.host) return x.set_field(POSTERN_FIELD_AUTHORITY, text);
        target.list->set(view(name), text);
        return POSTERN_OK;
      });
}

postern_status header_add(postern_exchange handle, std::uint32_t message, postern_str name, postern_str value) {
  Target target;
  return change_exchange(
      handle,
      [&](Exchange& x) {
        postern_status status = check_field(x, message, name, value, target);
        return status == POSTERN_OK && target.host ? POSTERN_E_STATE : status;
      },
      [&](Exchange&) {
        target.list->add(view(name), trim(view(value)));
        return POSTERN_OK;
      });
}

postern_status header_remove(postern_exchange handle, std::uint32_t message, postern_str name) {
  Target target;
  const http::Field* first = nullptr;
  return take_from_exchange(
      handle,
      [&](Exchange& x) {
        postern_status status = check_name(x, message, name, target);
        if (status != POSTERN_OK) return status;
        if (target.host) return POSTERN_E_STATE;
        first = target.list->find(view(name));
        return first == nullptr ? POSTERN_E_NOT_FOUND : POSTERN_OK;
      },
      [&](Exchange&) {
        target.list->remove_from(*first);
        return POSTERN_OK;
      });
}

postern_status header_set(postern_exchange handle, std::uint32_t message, postern_str name, postern_str value) {
  if (asks_for_trailers(message, name, value)) return ask_for_trailers(handle);
  postern_status status = replace_field(handle, message, name, value);
  bool would_keep_old = status == POSTERN_E_INVALID || status == POSTERN_E_LIMIT;
  if (would_keep_old) header_remove(handle, message, name);
  return status;
}

// ---- Response --------------------------------------------------------------------------------------------------------

postern_status status_get(postern_exchange handle, std::uint32_t* status) {
  if (status == nullptr) return POSTERN_E_INVALID;
  return with_exchange(handle, [&](Exchange& x) {
    if (x.response() == nullptr) return POSTERN_E_STATE;
    *status = x.response()->status;
    return POSTERN_OK;
  });
}

bool is_final_status(std::uint32_t status) noexcept { return status >= 200 && status <= 599; }

postern_status status_set(postern_exchange handle, std::uint32_t status) {
  if (!is_final_status(status)) return POSTERN_E_INVALID;
  return change_exchange(
      handle, [](Exchange& x) { return x.response() != nullptr && !x.done() ? POSTERN_OK : POSTERN_E_STATE; },
      [&](Exchange& x) { return x.set_status(status); });
}

// What the hook answers. An answer that is none refuses the request all the same: a hook that meant to turn somebody away must not
// let him in over a wrong status or a body that is too long.
template <class Check, class Set>
postern_status answer(postern_exchange handle, std::uint32_t http_status, Check check, Set set) noexcept {
  return with_exchange(handle, [&](Exchange& x) {
    if (!x.may_answer()) return POSTERN_E_STATE;
    postern_status status = check(x);
    if (status == POSTERN_OK) x.note_answer(http_status);
    if (x.acting()->shadow) return status;
    if (status == POSTERN_OK) status = set(x);
    if (status != POSTERN_OK) x.refuse_answer();
    return status;
  });
}

postern_status respond(postern_exchange handle, std::uint32_t status, postern_str content_type, postern_str body) {
  auto check = [&](Exchange& x) {
    if (!is_final_status(status) || !usable(content_type, kMaxField) || !usable(body, kMaxBody))
      return POSTERN_E_INVALID;
    if (!http::is_field_value(view(content_type))) return POSTERN_E_INVALID;
    return x.has_room(body.len) ? POSTERN_OK : POSTERN_E_LIMIT;
  };
  return answer(handle, status, check,
                [&](Exchange& x) { return x.respond(status, trim(view(content_type)), view(body)); });
}

bool is_error_code(std::string_view code) noexcept {
  auto upper_case = [](char c) { return is_upper(c) || is_digit(c) || c == '_'; };
  return !code.empty() && std::all_of(code.begin(), code.end(), upper_case);
}

postern_status respond_error(postern_exchange handle, std::uint32_t status, postern_str code, postern_str message,
                             std::uint32_t retry_after_s) {
  auto check = [&](Exchange& x) {
    if (!is_final_status(status) || !usable(code, kMaxCode) || !usable(message, kMaxField)) return POSTERN_E_INVALID;
    if (!is_error_code(view(code))) return POSTERN_E_INVALID;
    return x.has_room(message.len) ? POSTERN_OK : POSTERN_E_LIMIT;
  };
  return answer(handle, status, check,
                [&](Exchange& x) { return x.respond_error(status, view(code), view(message), retry_after_s); });
}

postern_status set_origin(postern_exchange handle, std::uint32_t origin) {
  if (origin != POSTERN_ORIGIN_LOCAL && origin != POSTERN_ORIGIN_CACHE) return POSTERN_E_INVALID;
  return change_exchange(handle, always, [&](Exchange& x) { return x.set_origin(origin); });
}

// ---- Variables -------------------------------------------------------------------------------------------------------

std::uint32_t variable_id(postern_str name) noexcept {
  return usable(name, kMaxName) ? proxy::variable_id(view(name)) : 0;
}

static_assert(static_cast<std::uint32_t>(Value::Kind::none) == POSTERN_VALUE_NONE &&
              static_cast<std::uint32_t>(Value::Kind::string) == POSTERN_VALUE_STRING &&
              static_cast<std::uint32_t>(Value::Kind::integer) == POSTERN_VALUE_INT &&
              static_cast<std::uint32_t>(Value::Kind::number) == POSTERN_VALUE_DOUBLE &&
              static_cast<std::uint32_t>(Value::Kind::boolean) == POSTERN_VALUE_BOOL);

bool from_abi(const postern_value& in, Value& out) noexcept {
  switch (in.type) {
    case POSTERN_VALUE_NONE:
      out = Value{};
      return true;
    case POSTERN_VALUE_STRING:
      out = Value::of(view(in.string));
      return usable(in.string, kMaxVariable);
    case POSTERN_VALUE_INT:
      out = Value::of(in.integer);
      return true;
    case POSTERN_VALUE_DOUBLE:
      out = Value::of(in.number);
      return true;
    case POSTERN_VALUE_BOOL:
      out = Value::of(in.integer != 0);
      return true;
    default:
      return false;
  }
}

bool is_made_to_order(const proxy::VariableInfo& info) noexcept {
  return info.builtin != nullptr && info.builtin->kind == proxy::BuiltinVariable::Kind::made_to_order;
}

// None when it is unset, and when there is no room for a text that is made to order.
inline void read_variable(const Exchange& x, std::uint32_t id, const proxy::VariableInfo& info, postern_value& out) {
  const bool can = !is_made_to_order(info) || x.has_room(0);
  const Value found = can ? x.variable(id, info) : Value{};
  out = {static_cast<std::uint32_t>(found.kind), 0, found.integer, found.number, str(found.string)};
}

postern_status variable_get(postern_exchange handle, std::uint32_t id, postern_value* value) {
  const proxy::VariableInfo* info = proxy::find_variable(id);
  if (value == nullptr || info == nullptr) return POSTERN_E_INVALID;
  return with_exchange(handle, [&](Exchange& x) {
    read_variable(x, id, *info, *value);
    if (value->type != POSTERN_VALUE_NONE) return POSTERN_OK;
    return is_made_to_order(*info) && !x.has_room(0) ? POSTERN_E_LIMIT : POSTERN_E_NOT_FOUND;
  });
}

postern_status variable_list(postern_exchange handle, const std::uint32_t* ids, std::uint64_t count,
                             postern_value* values) {
  if (count > 0 && (ids == nullptr || values == nullptr)) return POSTERN_E_INVALID;
  return with_exchange(handle, [&](Exchange& x) {
    for (std::uint64_t i = 0; i < count; ++i) {
      const proxy::VariableInfo* info = proxy::find_variable(ids[i]);
      if (info != nullptr)
        read_variable(x, ids[i], *info, values[i]);
      else
        values[i] = {};
    }
    return POSTERN_OK;
  });
}

postern_status variable_set(postern_exchange handle, std::uint32_t id, const postern_value* value) {
  Value wanted;
  const proxy::VariableInfo* info = proxy::find_variable(id);
  if (value == nullptr || info == nullptr || !from_abi(*value, wanted)) return POSTERN_E_INVALID;
  bool read_only = info->builtin != nullptr;
  return change_exchange(
      handle, [&](Exchange&) { return read_only ? POSTERN_E_STATE : POSTERN_OK; },
      [&](Exchange& x) { return x.set_variable(id, wanted); });
}

// ---- Course ----------------------------------------------------------------------------------------------------------

postern_status pause(postern_exchange handle, postern_ticket* ticket) {
  if (ticket == nullptr) return POSTERN_E_INVALID;
  return with_exchange(handle, [&](Exchange& x) { return x.pause(*ticket); });
}

postern_status resume_here(WorkerContext& worker, postern_ticket ticket, postern_verdict verdict) {
  Exchange* x = worker.exchanges().find(ticket.exchange);
  return x == nullptr ? POSTERN_E_GONE : x->resume(ticket.pause, verdict);
}

postern_status pause_for(postern_ticket ticket, std::uint32_t wait_ms) {
  return with_exchange(ticket.exchange, [&](Exchange& x) { return x.wait_longer(ticket.pause, wait_ms); });
}

postern_status resume(postern_ticket ticket, postern_verdict verdict) noexcept {
  if (!may_resume_with(verdict)) return POSTERN_E_INVALID;
  std::int32_t owner = proxy::worker_of_handle(ticket.exchange);
  if (owner < 0) return POSTERN_E_GONE;
  WorkerContext* worker = WorkerContext::at(static_cast<std::uint32_t>(owner));
  if (worker == nullptr) return POSTERN_E_GONE;
  if (worker == WorkerContext::current()) return resume_here(*worker, ticket, verdict);
  bool posted = worker->loop().post([worker, ticket, verdict] { resume_here(*worker, ticket, verdict); });
  return posted ? POSTERN_OK : POSTERN_E_GONE;
}

postern_status info(postern_exchange handle, postern_exchange_info* info) {
  if (info == nullptr || info->struct_size < sizeof(info->struct_size)) return POSTERN_E_INVALID;
  return with_exchange(handle, [&](Exchange& x) {
    x.info(*info);
    return POSTERN_OK;
  });
}

void* allocate(postern_exchange handle, std::uint64_t size) {
  void* memory = nullptr;
  with_exchange(handle, [&](Exchange& x) {
    if (x.acting() != nullptr) memory = x.allocate(size);
    return POSTERN_OK;
  });
  return memory;
}

postern_status retry(postern_exchange handle, std::uint32_t delay_ms) {
  return change_exchange(handle, always, [&](Exchange& x) { return x.retry(delay_ms); });
}

// Keeps its instance until it has run.
class PluginEndCallback final : public proxy::EndCallback {
 public:
  PluginEndCallback(postern_instance instance, void (*done)(void* user), void* user)
      : pin_(instance, HandleKind::end_callback), done_(done), user_(user) {}
  void run() noexcept override {
    run_counted(pin_.instance(), "on_end", 0, [&] { done_(user_); });
  }

 private:
  const Pin pin_;
  void (*done_)(void* user);
  void* user_;
};

postern_status on_end(postern_exchange handle, postern_instance instance, void (*done)(void* user), void* user) {
  if (done == nullptr || instance == nullptr) return POSTERN_E_INVALID;
  if (worker_for(instance) == nullptr) return POSTERN_E_STATE;
  return with_exchange(
      handle, [&](Exchange& x) { return x.on_end(std::make_unique<PluginEndCallback>(instance, done, user)); });
}

// One whose head is not complete yet is nothing that could be spoken of.
postern_exchange next(postern_exchange after) {
  WorkerContext* worker = WorkerContext::current();
  if (worker == nullptr) return 0;
  auto& exchanges = worker->exchanges();
  postern_exchange found = exchanges.next(after);
  while (found != 0 && exchanges.find(found)->receiving()) found = exchanges.next(found);
  return found;
}

std::uint64_t trail(postern_exchange handle, std::uint64_t first, std::uint64_t capacity, std::uint32_t stride,
                    postern_step* steps) {
  if (steps == nullptr || stride < sizeof(std::uint32_t)) return 0;
  std::uint64_t count = 0;
  with_exchange(handle, [&](Exchange& x) {
    for (const postern_step& step : x.steps(first, capacity)) {
      std::memcpy(reinterpret_cast<char*>(steps) + count * stride, &step, std::min<std::size_t>(stride, sizeof step));
      ++count;
    }
    return POSTERN_OK;
  });
  return count;
}

}  // namespace

const postern_exchange_table& exchange_table() {
  static const postern_exchange_table table{sizeof(table), 1,
                                            &request_get,  &request_set,
                                            &header_get,   &header_count,
                                            &header_list,  &header_set,
                                            &header_add,   &header_remove,
                                            &status_get,   &status_set,
                                            &respond,      &respond_error,
                                            &set_origin,   &variable_id,
                                            &variable_get, &variable_set,
                                            &pause,        &resume,
                                            &info,         &allocate,
                                            &retry,        &on_end,
                                            &next,         &variable_list,
                                            &trail,

                                            &pause_for};
  return table;
}

}  // namespace postern::plugin

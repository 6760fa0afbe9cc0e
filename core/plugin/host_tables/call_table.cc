// "call": HTTP requests that plugins make.
#include <vector>

#include "exchange/outbound_call.h"
#include "http/headers.h"
#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/worker_handles.h"

namespace postern::plugin {
namespace {

using proxy::OutboundCall;
using proxy::WorkerContext;

constexpr std::uint64_t kMaxText = 64 * 1024;
constexpr std::uint64_t kMaxBody = 64ull * 1024 * 1024;
constexpr std::uint64_t kMaxHeaders = 100;
constexpr std::uint64_t kMaxResponse = 1ull << 30;

using DoneFn = void (*)(void* user, const postern_call_response* response);

struct PluginCall {
  postern_call handle = 0;
  postern_instance instance = nullptr;
  postern_exchange exchange = 0;  // for which it was started, or 0
  DoneFn done = nullptr;
  void* user = nullptr;
  std::shared_ptr<Pin> pin;
  std::unique_ptr<OutboundCall> call;
};

void report(const PluginCall& call, const OutboundCall::Outcome& outcome) {
  std::vector<postern_header> headers;
  if (outcome.head != nullptr)
    for (const http::Field& field : outcome.head->headers) headers.push_back({str(field.name), str(field.value)});
  postern_call_response response{};
  response.struct_size = sizeof response;
  response.result = outcome.result;
  if (outcome.result == POSTERN_OK) {
    response.status = outcome.head->status;
    response.headers_view = headers.data();
    response.header_count = headers.size();
    response.body_view = str(outcome.body);
  }
  run_callback(call.instance, "call", call.exchange, [&] { call.done(call.user, &response); });
}

// The call's methods may be on the stack.
void delete_later(std::unique_ptr<OutboundCall> call) {
  call->stop();
  WorkerContext::current()->loop().defer_delete(std::move(call));
}

void finish(postern_call handle, const OutboundCall::Outcome& outcome) {
  auto call = held<PluginCall>().take(handle);
  if (call == nullptr) return;
  report(*call, outcome);
  delete_later(std::move(call->call));
}

// False when the struct's arrays cannot be what they say.
bool read(const postern_call_request* request, OutboundCall::Request& out, std::vector<http::Field>& headers) {
  postern_call_request r{};
  if (request == nullptr || request->struct_size < sizeof(request->struct_size)) return false;
  std::memcpy(&r, request, std::min<std::size_t>(request->struct_size, sizeof r));
  bool readable = usable(r.upstream, kMaxText) && usable(r.method, kMaxText) && usable(r.target, kMaxText) &&
                  usable(r.body, kMaxBody) && r.header_count <= kMaxHeaders &&
                  (r.headers != nullptr || r.header_count == 0);
  if (!readable) return false;
  for (std::uint64_t i = 0; i < r.header_count; ++i) {
    if (!usable(r.headers[i].name, kMaxText) || !usable(r.headers[i].value, kMaxText)) return false;
    headers.push_back({view(r.headers[i].name), view(r.headers[i].value)});
  }
  out.upstream = view(r.upstream);
  out.method = view(r.method);
  out.target = view(r.target);
  out.headers = headers;
  out.body = view(r.body);
  if (r.timeout_ms > 0) out.timeout_ms = r.timeout_ms;
  if (r.max_response_body > 0) out.max_response_body = std::min(r.max_response_body, kMaxResponse);
  return true;
}

postern_call start(postern_instance instance, const postern_call_request* request, DoneFn done, void* user) noexcept {
  WorkerContext* worker = worker_for(instance);
  if (worker == nullptr || done == nullptr) return 0;
  proxy::WorkerPlan* plan = worker->plan_of(instance->siblings->generation);
  if (plan == nullptr) return 0;
  OutboundCall::Request wanted;
  std::vector<http::Field> headers;
  if (!read(request, wanted, headers)) return 0;
  auto made = std::make_unique<PluginCall>();
  made->instance = instance;
  made->exchange = current_exchange();
  made->done = done;
  made->user = user;
  made->pin = std::make_shared<Pin>(instance, HandleKind::call);
  PluginCall& call = *made;
  postern_call handle = held<PluginCall>().add(std::move(made));
  if (handle == 0) return 0;
  call.call =
      OutboundCall::start(*worker, *plan, wanted, [handle](const OutboundCall::Outcome& o) { finish(handle, o); });
  if (call.call != nullptr) return handle;
  held<PluginCall>().take(handle);
  return 0;
}

postern_status cancel(postern_call handle) noexcept {
  WorkerContext* worker = WorkerContext::current();
  if (worker == nullptr) return POSTERN_E_STATE;
  auto call = held<PluginCall>().take(handle);
  if (call == nullptr) return why_not_found(worker, handle);
  delete_later(std::move(call->call));
  return POSTERN_OK;
}

}  // namespace

void release_calls(postern_instance instance) {
  for (postern_call handle : held<PluginCall>().of(instance)) finish(handle, {POSTERN_E_FAILED, nullptr, {}});
}

const postern_call_table& call_table() {
  static const postern_call_table table{sizeof(table), 1, &start, &cancel};
  return table;
}

}  // namespace postern::plugin

#include "plugin/fence.h"

#include "base/log.h"
#include "exchange/exchange.h"
#include "exchange/worker_context.h"

namespace postern::plugin {
namespace {

proxy::Exchange* find(proxy::WorkerContext& worker, postern_exchange exchange) noexcept {
  return exchange != 0 ? worker.exchanges().find(exchange) : nullptr;
}

}  // namespace

namespace detail {

bool run_code(proxy::PluginFrame& frame, postern_instance instance, Code code, void* call) noexcept {
  try {
    code(call);
    return !frame.failed();
  } catch (...) {
    logger(instance->log_module)
        .write(LogLevel::error, std::string(frame.code()->what) + ' ' + proxy::text_of_thrown(),
               {{"instance", instance->name}, {"scope", instance->scope}});
    return false;
  }
}

bool run_callback(postern_instance instance, std::string_view what, postern_exchange exchange, Code code,
                  void* call) noexcept {
  proxy::Resumptions::Callback callback(proxy::WorkerContext::current()->resumptions());
  return run_counted(instance, what, exchange, code, call);
}

bool run_counted(postern_instance instance, std::string_view what, postern_exchange exchange, Code code,
                 void* call) noexcept {
  proxy::WorkerContext& worker = *proxy::WorkerContext::current();
  proxy::Exchange* x = find(worker, exchange);
  std::uint64_t ran_ns = 0;
  bool good = false;
  {
    const proxy::PluginCode plugin_code = code_of(instance, what);
    proxy::PluginFrame frame(plugin_code, exchange, &instance->callbacks.on(worker.index()),
                             x != nullptr && x->has_trail() ? &ran_ns : nullptr);
    good = run_code(frame, instance, code, call);
  }
  x = find(worker, exchange);
  if (x == nullptr || instance->serving == nullptr) return good;
  if (ran_ns != 0) x->note_callback(*instance->serving, ran_ns);
  if (!good) x->fail_pauses_of(*instance->serving);
  return good;
}

}  // namespace detail
}  // namespace postern::plugin

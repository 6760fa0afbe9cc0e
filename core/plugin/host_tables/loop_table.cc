// "loop": the worker's event loop, and a way onto it from any thread.
#include "base/log.h"
#include "plugin/control_hooks.h"
#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/lookup.h"

namespace postern::plugin {
namespace {

using proxy::WorkerContext;

constexpr std::uint64_t kMaxFailure = 64 * 1024;

void* uv_loop() noexcept {
  WorkerContext* worker = WorkerContext::current();
  return worker == nullptr ? nullptr : worker->loop().raw();
}

std::int32_t worker() noexcept {
  WorkerContext* worker = WorkerContext::current();
  return worker == nullptr ? -1 : static_cast<std::int32_t>(worker->index());
}

std::uint32_t workers() noexcept { return worker_count(); }

postern_status post(postern_instance instance, std::uint32_t index, void (*run)(void* user), void* user) noexcept {
  if (instance == nullptr || run == nullptr) return POSTERN_E_INVALID;
  WorkerContext* worker = WorkerContext::at(index);
  if (worker == nullptr) return POSTERN_E_GONE;
  auto pin = std::make_shared<Pin>(instance, HandleKind::post);  // before the look, see Presence
  if (!instance->presence.on(index)) return POSTERN_E_GONE;
  bool posted = worker->loop().post([pin, run, user, exchange = current_exchange()] {
    run_callback(pin->instance(), "post", exchange, [&] { run(user); });
  });
  return posted ? POSTERN_OK : POSTERN_E_GONE;
}

postern_status run(postern_instance instance, void (*code)(void* user), void* user) noexcept {
  if (instance == nullptr || code == nullptr) return POSTERN_E_INVALID;
  if (WorkerContext::current() == nullptr) return POSTERN_E_STATE;
  Pin pin(instance, HandleKind::post);
  if (worker_for(instance) == nullptr) return POSTERN_E_GONE;
  bool good = run_callback(instance, "callback", current_exchange(), [&] { code(user); });
  return good ? POSTERN_OK : POSTERN_E_FAILED;
}

void fail(postern_str text) noexcept {
  proxy::PluginFrame* frame = proxy::PluginFrame::top();
  if (frame == nullptr) return;
  frame->fail();
  if (text.len == 0 || !usable(text, kMaxFailure)) return;
  if (frame->code() != nullptr) {
    logger("plugin." + std::string(frame->code()->plugin))
        .write(LogLevel::error, view(text), {{"instance", frame->code()->instance}, {"in", frame->code()->what}});
  } else {
    proxy::log_hook_problem(*frame->instance(), frame->hook(), view(text));
  }
}

}  // namespace

const postern_loop_table& loop_table() {
  static const postern_loop_table table{sizeof(table), 1, &uv_loop, &worker, &workers, &post, &run, &fail};
  return table;
}

}  // namespace postern::plugin

// "loop": the worker's event loop, and a way onto it from any thread.
#include "plugin/control_hooks.h"
#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/lookup.h"

namespace postern::plugin {
namespace {

using proxy::WorkerContext;

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
  bool posted = worker->loop().post([pin, run, user] { call_plugin(pin->instance(), "post", [&] { run(user); }); });
  return posted ? POSTERN_OK : POSTERN_E_GONE;
}

}  // namespace

const postern_loop_table& loop_table() {
  static const postern_loop_table table{sizeof(table), 1, &uv_loop, &worker, &workers, &post};
  return table;
}

}  // namespace postern::plugin

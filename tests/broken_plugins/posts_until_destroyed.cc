// Its thread posts to worker 0 without a pause until on_destroy joins it, and some more while it is being joined.
#include <atomic>
#include <thread>

#include "raw_plugin.h"

namespace {

struct Instance {
  std::atomic<bool> over{false};
  std::atomic<std::uint64_t> ran{0};
  std::thread thread;
};

void post(postern_instance instance, Instance& self) {
  raw::interface<postern_loop_table>("loop")->post(
      instance, 0, [](void* user) { ++static_cast<Instance*>(user)->ran; }, &self);
  std::this_thread::yield();
}

}  // namespace

RAW_NOTE("posts-until-destroyed", 0);
RAW_ENTRY([] {
  auto t = raw::table("posts-until-destroyed");
  t.on_configure = [](void*, postern_instance instance, postern_node, void** data) -> postern_status {
    auto* self = new Instance;
    *data = self;
    self->thread = std::thread([instance, self] {
      while (!self->over) post(instance, *self);
      for (int more = 0; more < 200; ++more) post(instance, *self);
    });
    return POSTERN_OK;
  };
  t.on_destroy = [](void* data) {
    auto* self = static_cast<Instance*>(data);
    self->over = true;
    self->thread.join();
    delete self;
  };
  return t;
});

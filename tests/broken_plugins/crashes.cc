// Its hook dies in the way that the header x-do names: of a bad pointer, of a stack that has run over, by abort(), or on a thread of its own.
#include <cstdlib>
#include <string_view>
#include <thread>

#include "raw_plugin.h"

namespace {

volatile int* const nowhere = reinterpret_cast<int*>(0x1000);  // the first page belongs to nobody

void write_nowhere() { *nowhere = 1; }

volatile bool goes_on = true;

int run_over(volatile char* before) {
  volatile char page[4096];
  page[0] = before != nullptr ? before[0] : 'x';
  return goes_on ? run_over(page) + page[0] : 0;
}

}  // namespace

RAW_NOTE("crashes", POSTERN_HOOK_REQUEST);
RAW_ENTRY([] {
  auto t = raw::table("crashes");
  t.on_request = [](void*, void*, postern_exchange x) -> postern_verdict {
    postern_str what{};
    raw::interface<postern_exchange_table>("exchange")->header_get(x, POSTERN_REQUEST, raw::text("x-do"), &what);
    const std::string_view wanted(what.ptr, what.len);
    if (wanted == "bad pointer") write_nowhere();
    if (wanted == "stack") run_over(nullptr);
    if (wanted == "abort") std::abort();
    if (wanted == "thread") std::thread(write_nowhere).join();
    return POSTERN_CONTINUE;
  };
  return t;
});

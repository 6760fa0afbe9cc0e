#include "control/crash_handler.h"

#include <execinfo.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <string_view>

#include "exchange/plugin_frame.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
namespace postern::control {
void install_crash_handler() {}  // the sanitizer's own says more
}  // namespace postern::control
#else

namespace postern::control {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

void say(std::string_view text) { [[maybe_unused]] auto written = write(STDERR_FILENO, text.data(), text.size()); }

std::string_view name_of_signal(int signal) {
  switch (signal) {
    case SIGSEGV:
      return "SIGSEGV";
    case SIGBUS:
      return "SIGBUS";
    case SIGFPE:
      return "SIGFPE";
    case SIGILL:
      return "SIGILL";
    default:
      return "SIGABRT";
  }
}

void say_plugin(std::string_view name, std::string_view version, std::string_view instance) {
  say(" in plugin ");
  say(name);
  say(" ");
  say(version);
  if (!instance.empty()) say(", instance ");
  say(instance);
  say(", ");
}

void say_whose(const proxy::PluginFrame* frame) {
  if (frame == nullptr) return say(" in the gateway's own code");
  if (const proxy::PluginCode* code = frame->code()) {
    say_plugin(code->plugin, code->version, code->instance);
    return say(code->what);
  }
  say_plugin(frame->instance()->plugin_name, frame->instance()->plugin_version, frame->instance()->name);
  say(proxy::name_of(frame->hook()));
  say(", route ");
  say(frame->route() != nullptr ? std::string_view(frame->route()) : "none");
}

void on_crash(int signal) {
  say("postern: fatal signal ");
  say(name_of_signal(signal));
  say_whose(proxy::PluginFrame::top());
  say("\n");
  std::array<void*, 64> frames;
  backtrace_symbols_fd(frames.data(), backtrace(frames.data(), static_cast<int>(frames.size())), STDERR_FILENO);
  raise(signal);  // SA_RESETHAND: now it does what it does by default
}

}  // namespace

void install_crash_handler() {
  std::array<void*, 1> warm;
  backtrace(warm.data(), 1);  // loads libgcc now: the handler must not
  struct sigaction action {};
  action.sa_handler = on_crash;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  for (int signal : kSignals) sigaction(signal, &action, nullptr);
}

}  // namespace postern::control
#endif

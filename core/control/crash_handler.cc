#include "control/crash_handler.h"

#include <execinfo.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/alternate_stack.h"
#include "exchange/plugin_frame.h"
#include "plugin/loaded_modules.h"

namespace postern::control {
namespace {

constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

using Addresses = std::span<void* const>;

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

const plugin::LoadedModule* module_of(void* address) {
  return plugin::module_at(reinterpret_cast<std::uintptr_t>(address));
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

// No call of the gateway's leads there: a thread that a plugin has made, or a callback of a handle of its own.
void say_whose_code(Addresses trace) {
  for (void* address : trace) {
    const plugin::LoadedModule* module = module_of(address);
    if (module == nullptr) continue;
    say_plugin(module->name, module->version, {});
    return say("which the gateway had not called: on a thread or in a callback of its own");
  }
  say(" in the gateway's own code");
}

void say_whose(const proxy::PluginFrame* frame, Addresses trace) {
  if (frame == nullptr) return say_whose_code(trace);
  if (const proxy::PluginCode* code = frame->code()) {
    say_plugin(code->plugin, code->version, code->instance);
    return say(code->what);
  }
  say_plugin(frame->instance()->plugin_name, frame->instance()->plugin_version, frame->instance()->name);
  say(proxy::name_of(frame->hook()));
  say(", route ");
  say(frame->route() != nullptr ? std::string_view(frame->route()) : "none");
}

// What the paths in the backtrace are: the libraries are loaded from private copies.
void say_modules(Addresses trace) {
  const plugin::LoadedModule* before = nullptr;
  for (void* address : trace) {
    const plugin::LoadedModule* module = module_of(address);
    if (module == nullptr || module == before) continue;
    before = module;
    say(module->path);
    say(" is plugin ");
    say(module->name);
    say(" ");
    say(module->version);
    say(", build ");
    say(module->build);
    say("\n");
  }
}

void on_crash(int signal) {
  std::array<void*, 64> frames;
  const Addresses trace(frames.data(),
                        static_cast<std::size_t>(backtrace(frames.data(), static_cast<int>(frames.size()))));
  say("postern: fatal signal ");
  say(name_of_signal(signal));
  say_whose(proxy::PluginFrame::top(), trace);
  say("\n");
  backtrace_symbols_fd(trace.data(), static_cast<int>(trace.size()), STDERR_FILENO);
  say_modules(trace);
  raise(signal);  // SA_RESETHAND: now it does what it does by default
}

bool has_handler(int signal) {
  struct sigaction known {};
  return sigaction(signal, nullptr, &known) == 0 && known.sa_handler != SIG_DFL;
}

}  // namespace

void install_crash_handler() {
  static const AlternateStack stack;  // of the control thread
  std::array<void*, 1> warm;
  backtrace(warm.data(), 1);  // loads libgcc now: the handler must not
  struct sigaction action {};
  action.sa_handler = on_crash;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER | SA_ONSTACK);
  for (int signal : kSignals)
    if (!has_handler(signal)) sigaction(signal, &action, nullptr);
}

}  // namespace postern::control

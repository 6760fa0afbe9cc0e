#include "exchange/plugin_frame.h"

#include <exception>
#include <string>

#include "base/log.h"

namespace postern::proxy {
namespace {

constexpr std::uint64_t kStandstillMs = 100;

}  // namespace

bool PluginFrame::hook_on_stack() noexcept {
  for (const PluginFrame* frame = top_; frame != nullptr; frame = frame->outer_)
    if (frame->code_ == nullptr) return true;
  return false;
}

void PluginFrame::end_timing() noexcept {
  const std::uint64_t all_ns = system_clock().now_ns() - begun_ns_;
  const std::uint64_t own_ns = all_ns - std::min(inside_ns_, all_ns);
  if (outer_ != nullptr) outer_->inside_ns_ += all_ns;
  if (ran_ns_ != nullptr) *ran_ns_ += own_ns;
  if (!sampled_) return;
  counters_->sampled_calls.add(1);
  counters_->sampled_ns.add(own_ns);
  counters_->longest_ns.raise(own_ns);
}

// Seldom: a tick passed while the plugin's own code ran.
void PluginFrame::note_standstill(std::uint32_t ticks) noexcept {
  if (outer_ != nullptr) outer_->ticks_inside_ += ticks;
  const std::uint64_t ms = sure_ms(ticks - ticks_inside_);
  if (counters_ != nullptr) counters_->longest_ns.raise(ms * 1'000'000);
  if (ms < kStandstillMs || counters_ == nullptr) return;
  logger("worker").write(LogLevel::warn, "a plugin held up its worker",
                         {{"plugin", instance_ != nullptr ? std::string_view(instance_->plugin_name) : code_->plugin},
                          {"instance", instance_ != nullptr ? std::string_view(instance_->name) : code_->instance},
                          {"hook", code_ != nullptr ? code_->what : name_of(hook_)},
                          {"route", route_ != nullptr ? std::string_view(route_) : std::string_view{}},
                          {"at_least_ms", ms}});
}

std::string text_of_thrown() {
  try {
    throw;
  } catch (const std::exception& e) {
    return std::string("threw: ") + e.what();
  } catch (...) {
    return "threw";
  }
}

void log_hook_problem(const Instance& instance, Hook hook, std::string_view problem) {
  logger("plugin." + instance.plugin_name)
      .write(LogLevel::error, problem,
             {{"instance", instance.name}, {"hook", name_of(hook)}, {"scope", instance.scope}});
}

}  // namespace postern::proxy

#include "exchange/trail.h"

#include <algorithm>

namespace postern::proxy {
namespace {

postern_str str(std::string_view text) noexcept { return {text.data(), text.size()}; }

bool is_of(const postern_step& step, const Instance& instance) noexcept {
  return step.hook != POSTERN_STEP_ATTEMPT && step.instance_view.ptr == instance.name.data();
}

}  // namespace

std::size_t Trail::begin(const Link& link, Hook hook, std::uint64_t now_ns) {
  if ((what_ & POSTERN_TRAIL_HOOKS) == 0) return kNoStep;
  const auto number = static_cast<std::uint32_t>(hook);
  if (hook == Hook::request_body || hook == Hook::response_body) {
    auto same = [&](const postern_step& s) { return s.hook == number && is_of(s, *link.instance); };
    auto known = std::find_if(steps_.begin(), steps_.end(), same);
    if (known != steps_.end()) return static_cast<std::size_t>(known - steps_.begin());
  }
  postern_step step{};
  step.hook = number;
  step.begun_ns = now_ns;
  step.instance_view = str(link.instance->name);
  step.plugin_view = str(link.instance->plugin_name);
  return add(step);
}

template <class Is>
std::size_t Trail::last(Is is) const noexcept {
  auto found = std::find_if(steps_.rbegin(), steps_.rend(), is);
  return found != steps_.rend() ? static_cast<std::size_t>(steps_.rend() - found) - 1 : kNoStep;
}

std::size_t Trail::last_of(const Instance& instance) const noexcept {
  return last([&](const postern_step& step) { return is_of(step, instance); });
}

std::size_t Trail::last_of(const Instance& instance, Hook hook) const noexcept {
  return last([&](const postern_step& s) { return is_of(s, instance) && s.hook == static_cast<std::uint32_t>(hook); });
}

void Trail::attempt(const postern_upstream_result& result, std::uint64_t now_ns) {
  if ((what_ & POSTERN_TRAIL_ATTEMPTS) == 0) return;
  postern_step step{};
  step.hook = POSTERN_STEP_ATTEMPT;
  step.verdict = step.wanted = static_cast<std::int32_t>(result.outcome);
  step.status = result.status;
  step.begun_ns = now_ns - std::min(now_ns, result.duration_ns);
  step.ran_ns = result.duration_ns;
  step.instance_view = result.upstream_view;
  step.plugin_view = result.endpoint_view;
  add(step);
}

std::size_t Trail::add(const postern_step& step) {
  if (steps_.size() >= kMaxSteps) return kNoStep;
  steps_.push_back(step);
  return steps_.size() - 1;
}

std::span<const postern_step> Trail::steps(std::uint64_t first, std::uint64_t most) const noexcept {
  if (first >= steps_.size()) return {};
  return std::span(steps_).subspan(first, std::min<std::uint64_t>(most, steps_.size() - first));
}

}  // namespace postern::proxy

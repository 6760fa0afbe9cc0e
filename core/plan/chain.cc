#include "plan/chain.h"

#include <algorithm>

namespace postern::proxy {
namespace {

constexpr std::string_view kHookNames[kHooks] = {
    "on_connection",       "on_request_early",   "on_request",  "on_request_body",  "on_upstream_select",
    "on_upstream_request", "on_upstream_result", "on_response", "on_response_body", "on_complete"};

constexpr std::uint32_t kSlotAlign = 16;

std::uint32_t slot_bytes(const Instance& instance) {
  auto size = static_cast<std::uint32_t>(instance.plugin->slot_size);
  return (size + kSlotAlign - 1) & ~(kSlotAlign - 1);
}

bool runs_backwards(Hook hook) { return hook == Hook::response || hook == Hook::response_body; }

// A body hook without a policy sees nothing, so it has no place in the array.
bool wants(const Instance& instance, Hook hook) {
  if ((instance.hooks & (1ull << static_cast<unsigned>(hook))) == 0) return false;
  if (hook == Hook::request_body) return instance.request_body.policy != POSTERN_BODY_NONE;
  if (hook == Hook::response_body) return instance.response_body.policy != POSTERN_BODY_NONE;
  return true;
}

HeadHook head_hook(const postern_plugin& plugin, Hook hook) {
  switch (hook) {
    case Hook::request_early:
      return plugin.on_request_early;
    case Hook::request:
      return plugin.on_request;
    case Hook::upstream_select:
      return plugin.on_upstream_select;
    case Hook::upstream_request:
      return plugin.on_upstream_request;
    case Hook::response:
      return plugin.on_response;
    default:
      return nullptr;
  }
}

}  // namespace

std::string_view name_of(Hook hook) noexcept { return kHookNames[static_cast<std::size_t>(hook)]; }

Chain::Chain(const std::vector<const Instance*>& instances, std::uint32_t first_number) {
  for (const Instance* instance : instances) {
    auto position = static_cast<std::uint32_t>(links_.size());
    links_.push_back({instance, slots_size_, position, first_number + position, nullptr});
    slots_size_ += slot_bytes(*instance);
    has_conditions_ |= instance->when != nullptr;
    trail_ |= instance->trail;
  }
  for (std::size_t h = 0; h < kHooks; ++h) {
    auto hook = static_cast<Hook>(h);
    for (Link link : links_) {
      link.run = head_hook(*link.instance->plugin, hook);
      if (wants(*link.instance, hook)) by_hook_[h].push_back(link);
    }
    if (runs_backwards(hook)) std::reverse(by_hook_[h].begin(), by_hook_[h].end());
  }
}

}  // namespace postern::proxy

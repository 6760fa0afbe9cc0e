// The chain: plugin instances in the written order, compiled into one array per hook so that absent hooks cost nothing.
#pragma once

#include <postern/abi.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "plan/condition.h"

namespace postern::proxy {

// The hooks that have an array, numbered like the POSTERN_HOOK_* bits.
enum class Hook : std::uint8_t {
  connection,
  request_early,
  request,
  request_body,
  upstream_select,
  upstream_request,
  upstream_result,
  response,
  response_body,
  complete
};
inline constexpr std::size_t kHooks = POSTERN_HOOK_COUNT;
std::string_view name_of(Hook hook) noexcept;  // "on_request"

// A plugin with one configuration, as the request path sees it. Made by the plugin layer, immutable while serving.
struct Instance {
  const postern_plugin* plugin = nullptr;  // the hook table
  void* data = nullptr;                    // what on_configure gave
  std::string name;                        // `_: {name}` or the plugin's
  std::string plugin_name;
  std::string plugin_version;
  std::string scope;        // "gateway", "routes/ID", "services"
  std::uint64_t hooks = 0;  // POSTERN_HOOK_* bits that are present and not disabled
  bool fail_open = false;
  bool shadow = false;                    // runs, but changes nothing
  std::uint32_t timeout_ms = 5'000;       // of suspended hooks
  std::unique_ptr<const Condition> when;  // null: always
  postern_body_policy request_body{};
  postern_body_policy response_body{};
  std::uint32_t trail = 0;   // POSTERN_TRAIL_* that it reads
  std::uint32_t number = 0;  // index in Plan::instances
};

// The hooks of requests and responses that are given the exchange and nothing else.
using HeadHook = postern_verdict (*)(void* data, void* slot, postern_exchange x);

// One instance at its place in one chain.
struct Link {
  const Instance* instance = nullptr;
  std::uint32_t slot = 0;      // offset of its slot in the exchange's slots
  std::uint32_t position = 0;  // 0 for the first instance of the chain
  std::uint32_t number = 0;    // counts all links of a plan: index of its counters
  HeadHook run = nullptr;      // in the array of such a hook: what the instance does there
};

class Chain {
 public:
  Chain() = default;
  // `first_number` numbers the links upwards from there. Slots are laid out in order, each aligned to 16, so a chain that
  // begins with another's instances has the same offsets for them.
  Chain(const std::vector<const Instance*>& instances, std::uint32_t first_number);

  std::span<const Link> links() const noexcept { return links_; }  // written order
  std::span<const Link> of(Hook hook) const noexcept { return by_hook_[static_cast<std::size_t>(hook)]; }  // call order
  std::uint32_t slots_size() const noexcept { return slots_size_; }
  bool has_conditions() const noexcept { return has_conditions_; }
  std::uint32_t trail() const noexcept { return trail_; }  // POSTERN_TRAIL_* that any instance reads

 private:
  std::vector<Link> links_;
  std::array<std::vector<Link>, kHooks> by_hook_;  // response, response_body: reversed
  std::uint32_t slots_size_ = 0;
  bool has_conditions_ = false;
  std::uint32_t trail_ = 0;
};

}  // namespace postern::proxy

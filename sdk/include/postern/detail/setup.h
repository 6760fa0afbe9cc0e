// Setup: what an instance may say of itself while it is configured.
#pragma once

#include <memory>
#include <vector>

#include "postern/detail/exchange.h"
#include "postern/detail/fence.h"
#include "postern/detail/metrics.h"
#include "postern/detail/node.h"

namespace postern {

// How an instance wants to see a body: BodyPolicy::stream() or BodyPolicy::buffer(64 * 1024).
struct BodyPolicy {
  enum class Overflow : std::uint32_t {
    reject = POSTERN_OVERFLOW_REJECT,  // request 413, response 502
    stream = POSTERN_OVERFLOW_STREAM,  // the body passes by; one call without bytes
    peek = POSTERN_OVERFLOW_PEEK,      // one call with the first `limit` bytes
  };
  // Bodies pass by, and the hook is not called.
  static BodyPolicy none() {
    return BodyPolicy{{sizeof(postern_body_policy), POSTERN_BODY_NONE, POSTERN_OVERFLOW_REJECT, 0, 0}, Node()};
  }
  // Each chunk as it passes. `modifies`: the hook may call replace().
  static BodyPolicy stream(bool modifies = false) {
    return BodyPolicy{
        {sizeof(postern_body_policy), POSTERN_BODY_STREAM, POSTERN_OVERFLOW_REJECT, modifies ? 1u : 0u, 0}, Node()};
  }
  // The whole body at once, up to `limit` bytes (1 .. 1 GiB).
  static BodyPolicy buffer(std::uint64_t limit, Overflow on_overflow = Overflow::reject, bool modifies = false) {
    const auto overflow = static_cast<std::uint32_t>(on_overflow);
    return BodyPolicy{{sizeof(postern_body_policy), POSTERN_BODY_BUFFER, overflow, modifies ? 1u : 0u, limit}, Node()};
  }
  // The same with a limit from the configuration: when it cannot be, the operator is told at that key.
  static BodyPolicy buffer(Node limit, Overflow on_overflow = Overflow::reject, bool modifies = false) {
    BodyPolicy policy = buffer(static_cast<std::uint64_t>(limit.integer()), on_overflow, modifies);
    policy.from = limit;
    return policy;
  }
  postern_body_policy raw;
  Node from;  // where its limit stands
};

// Ends a configuration that returned setup.later(), or a start or stop on a worker that answered POSTERN_PENDING: usable on
// any thread; late or repeated calls do nothing.
class Ready {
 public:
  explicit Ready(Instance instance, std::uint32_t worker = POSTERN_EVERY_WORKER)
      : instance_(instance.raw()), worker_(worker) {}
  void done() const { detail::host.instance->ready(instance_, worker_, POSTERN_OK, {}); }
  void failed(std::string_view why) const {
    detail::host.instance->ready(instance_, worker_, POSTERN_E_FAILED, detail::to_str(why));
  }

 private:
  postern_instance instance_;
  std::uint32_t worker_;
};

class Setup {
 public:
  // needed_hooks: hooks that the SDK itself needs and that disable() must leave alone.
  Setup(postern_instance instance, std::uint64_t needed_hooks) : instance_(instance), needed_hooks_(needed_hooks) {}
  Setup(const Setup&) = delete;
  Setup& operator=(const Setup&) = delete;

  Instance instance() const { return Instance(instance_); }
  Log log() const { return Log(instance_); }

  // Reports an error at a place of the configuration; all of them are shown at once. `return setup.error(node, "...")`
  // gives up, calling it and going on collects more. The instance is refused in either case.
  Error error(Node node, std::string_view text) {
    failed_ = true;
    table().config_error(instance_, node.raw(), detail::to_str(text));
    return Error{std::string(text), POSTERN_E_INVALID};
  }
  bool failed() const { return failed_; }

  // Variables. `provides` promises to set one in `hook`, a POSTERN_HOOK_* bit; `consumes` demands that another instance of the
  // chain has set it by then, with the reason that the operator reads when nobody does; `reads` is content with an unset one, as
  // templates and conditions are, but not with a name that nobody knows. FIRST_HOOK: the first that the instance has.
  // A name that ends in ".*" stands for all that begin so. `from`: where the name stands in the configuration, when it does.
  static constexpr std::uint64_t FIRST_HOOK = 0;
  Variable variable(std::string_view name) const { return Variable(name); }
  Variable provides(std::string_view name, std::uint64_t hook = FIRST_HOOK, Node from = Node()) const {
    const At at(instance_, from);
    table().declare_provides(instance_, detail::to_str(name), hook);
    return Variable(name);
  }
  Variable consumes(std::string_view name, std::string_view reason, std::uint64_t hook = FIRST_HOOK,
                    Node from = Node()) const {
    const At at(instance_, from);
    table().declare_consumes(instance_, detail::to_str(name), hook, detail::to_str(reason));
    return Variable(name);
  }
  Variable reads(std::string_view name, std::uint64_t hook = FIRST_HOOK, Node from = Node()) const {
    const At at(instance_, from);
    table().declare_reads(instance_, detail::to_str(name), hook);
    return Variable(name);
  }

  // Services: what this instance will publish(), and what it cannot work without.
  void offers(std::string_view service, std::uint32_t version) const {
    table().declare_offers(instance_, detail::to_str(service), version);
  }
  void needs(std::string_view service, std::uint32_t min_version, std::string_view reason) const {
    table().declare_needs(instance_, detail::to_str(service), min_version, detail::to_str(reason));
  }

  // It refuses requests: POSTERN_REFUSES_*. `how` completes "it": "wants an API key".
  void refuses(std::uint32_t what, std::string_view how) const {
    table().declare_refuses(instance_, what, detail::to_str(how));
  }

  // Order against other plugins, by name, where both are in a chain.
  void before(std::string_view plugin, std::string_view reason) const {
    table().declare_before(instance_, detail::to_str(plugin), detail::to_str(reason));
  }
  void after(std::string_view plugin, std::string_view reason) const {
    table().declare_after(instance_, detail::to_str(plugin), detail::to_str(reason));
  }

  // What a class with a body hook must say, if it does not disable the hook. A policy that cannot be refuses the instance, at the place
  // where its limit stands.
  void request_body(const BodyPolicy& policy) { declare_body(POSTERN_REQUEST, policy); }
  void response_body(const BodyPolicy& policy) { declare_body(POSTERN_RESPONSE, policy); }

  // Runs `collect()` before the metrics are exposed, from the time when the instance is configured until it is destroyed: for gauges
  // whose values are read and not counted. On any thread, one at a time.
  template <class F>
  void on_collect(F collect) {
    if (!POSTERN_OFFERS(metrics, collector)) return;
    struct Collector {
      postern_instance instance;
      F function;
    };
    auto kept = std::make_shared<Collector>(Collector{instance_, std::move(collect)});
    const auto run = [](void* user) {
      auto& collector = *static_cast<Collector*>(user);
      detail::fenced(collector.instance, "a collector", [&] { collector.function(); });
    };
    if (detail::host.metrics->collector(instance_, run, kept.get()) == POSTERN_OK) kept_.push_back(std::move(kept));
  }
  // What must live as long as the instance.
  std::vector<std::shared_ptr<void>> take_kept() { return std::move(kept_); }

  // Keeps a trail of the exchanges that pass this instance, for on_complete: POSTERN_TRAIL_HOOKS, POSTERN_TRAIL_ATTEMPTS. Costs a clock
  // call for each hook of the chain.
  void trail(std::uint32_t what) const {
    if (POSTERN_OFFERS(instance, declare_trail)) table().declare_trail(instance_, what);
  }

  // Hooks (POSTERN_HOOK_*) that this configuration has no use for.
  void disable(std::uint64_t hooks) const { table().disable_hooks(instance_, hooks & ~needed_hooks_); }
  // For a class whose on_request_early and on_request do the same: leaves the first that its place has. In a gateway-wide chain
  // that is the one before routing, so that requests which no route takes are served, too.
  void run_at_first_request_hook() const {
    disable(instance().is_gateway_wide() ? POSTERN_HOOK_REQUEST : POSTERN_HOOK_REQUEST_EARLY);
  }

  // Compiles "${...}" text, expanded in `hook` or later; reports an error at `node` and gives an empty Template when it is
  // malformed.
  Template compile(Node node, std::string_view text, std::uint64_t hook = FIRST_HOOK) {
    postern_str error_view = {};
    if (!POSTERN_OFFERS(templates, compile)) {
      error(node, "this gateway does not offer templates");
      return {};
    }
    const Template compiled(detail::host.templates->compile(instance_, detail::to_str(text), hook, &error_view));
    if (!compiled) error(node, detail::to_view(error_view));
    return compiled;
  }
  Template compile(Node node, std::uint64_t hook = FIRST_HOOK) { return compile(node, node.string(), hook); }

  // The same for a condition in the language of `_: {when}`, judged in `hook` or later.
  Expression compile_expression(Node node, std::uint64_t hook = FIRST_HOOK) {
    postern_str error_view = {};
    if (!POSTERN_OFFERS(expressions, compile)) {
      error(node, "this gateway does not offer expressions");
      return {};
    }
    const Expression compiled(
        detail::host.expressions->compile(instance_, detail::to_str(node.string()), hook, &error_view));
    if (!compiled) error(node, detail::to_view(error_view));
    return compiled;
  }

  // The instance is not ready when configure returns: it will be once done() or failed() is called.
  Ready later() {
    pending_ = true;
    return Ready(Instance(instance_));
  }
  bool pending() const { return pending_; }

 private:
  // While it lives, what is wrong with a declaration is told at this place.
  class At {
   public:
    At(postern_instance instance, Node node) : instance_(instance) { say(node.raw()); }
    At(const At&) = delete;
    At& operator=(const At&) = delete;
    ~At() { say(nullptr); }

   private:
    void say(postern_node node) const {
      if (POSTERN_OFFERS(instance, declare_at)) table().declare_at(instance_, node);
    }
    postern_instance instance_;
  };

  void declare_body(std::uint32_t message, const BodyPolicy& policy) {
    const At at(instance_, policy.from);
    if (table().declare_body(instance_, message, &policy.raw) != POSTERN_OK) failed_ = true;
  }

  static const postern_instance_table& table() { return *detail::host.instance; }
  postern_instance instance_;
  std::uint64_t needed_hooks_;
  bool failed_ = false;
  bool pending_ = false;
  std::vector<std::shared_ptr<void>> kept_;
};

}  // namespace postern

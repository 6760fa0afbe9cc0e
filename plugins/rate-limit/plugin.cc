// rate-limit: limits requests per time window, counted by client address, consumer, header, route or any variable.
#include <postern/plugin.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "config.h"
#include "limit_key.h"
#include "limiter.h"

namespace {

using postern::Verdict;

constexpr std::uint64_t seconds_up(std::uint64_t ms) { return ms / 1000 + (ms % 1000 != 0 ? 1 : 0); }

class RateLimit {
 public:
  // What the response says of the request. `limit` null: nothing.
  struct State {
    const std::string* limit = nullptr;
    std::uint64_t remaining = 0, reset_unix_s = 0;
  };

  static postern::Result<std::unique_ptr<RateLimit>> configure(postern::Setup& setup, postern::Node config) {
    auto self = std::make_unique<RateLimit>();
    self->settings_ = read_settings(setup, config);
    auto dict = postern::Dict::open(setup.instance(), "rate-limit", self->settings_.memory);
    if (!dict) return setup.error(config, "the gateway gave no dict for the counts");
    self->limiter_.emplace(dict, self->settings_.rules);
    for (const Rule& rule : self->settings_.rules) self->limit_texts_.push_back(std::to_string(rule.capacity()));
    self->name_metrics(setup.instance());
    self->is_shadow_ = setup.instance().is_shadow();
    self->client_ = setup.variable("client.ip");
    self->request_id_ = setup.variable("request_id");
    self->route_ = setup.variable("route.id");
    self->remaining_ = setup.provides("ratelimit.remaining");
    setup.refuses(POSTERN_REFUSES_SOME, "refuses requests beyond its limits");
    if (!self->settings_.headers) setup.disable(POSTERN_HOOK_RESPONSE);
    return self;
  }

  Verdict on_request(postern::Exchange& x, State& state) {
    std::array<LimitKey, Settings::kMaxRules> keys;
    std::span used(keys.data(), settings_.rules.size());
    for (std::size_t i = 0; i < used.size(); ++i) build_key(x, settings_.rules[i], used[i]);
    auto outcome = limiter_->take(used);
    if (!outcome) {
      x.log().error("the shared dict failed");
      return Verdict::ERROR;
    }
    count(x, *outcome);
    remember(x, state, *outcome);
    return outcome->allowed ? Verdict::CONTINUE : refuse(x, *outcome);
  }

  Verdict on_response(postern::Exchange& x, State& state) {
    // Where several instances limit one request the tightest is the one worth knowing.
    if (state.limit == nullptr || x.get(remaining_).integer() != static_cast<std::int64_t>(state.remaining))
      return Verdict::CONTINUE;
    auto headers = x.response().headers();
    headers.set("X-RateLimit-Limit", *state.limit).ignore();
    set_number(headers, "X-RateLimit-Remaining", state.remaining);
    set_number(headers, "X-RateLimit-Reset", state.reset_unix_s);
    return Verdict::CONTINUE;
  }

 private:
  // The counters of one route, one for each rule.
  struct Series {
    std::vector<postern::Counter> hits, rejected;
  };

  void name_metrics(postern::Instance instance) {
    hits_ = {
        instance, "ratelimit_hits_total", "Requests that a limit was asked about.", {{"route", "dimension"}, {}, 0}};
    rejected_ = {
        instance, "ratelimit_rejected_total", "Requests that a limit refused.", {{"route", "dimension"}, {}, 0}};
    constexpr std::string_view kRoutes = "routes/";
    const std::string_view scope = instance.scope();
    if (scope.starts_with(kRoutes)) own_series_ = series_of(scope.substr(kRoutes.size()));
  }
  Series series_of(std::string_view route) const {
    Series series;
    for (const Rule& rule : settings_.rules) {
      series.hits.push_back(hits_.with({route, rule.label}));
      series.rejected.push_back(rejected_.with({route, rule.label}));
    }
    return series;
  }
  const Series& series(postern::Exchange& x) {
    if (own_series_) return *own_series_;
    return routes_.of(x, [this](std::string_view route) { return series_of(route); });
  }
  void count(postern::Exchange& x, const Limiter::Outcome& outcome) {
    const Series& counters = series(x);
    for (std::size_t i = 0; i < settings_.rules.size(); ++i) {
      counters.hits[i].add();
      if ((outcome.refused >> i & 1) != 0 && !is_shadow_) counters.rejected[i].add();
    }
  }

  void build_key(postern::Exchange& x, const Rule& rule, LimitKey& key) const {
    key.start(rule.key_prefix);
    for (const Dimension& dimension : rule.by) {
      if (dimension.kind == Dimension::Kind::global) continue;
      if (dimension.kind == Dimension::Kind::ip) {
        add_address(x, key);
      } else if (!add_value(x, dimension, key)) {
        key.add_absent();
        if (settings_.anonymous_by_ip) add_address(x, key);
      }
    }
  }
  void add_address(postern::Exchange& x, LimitKey& key) const {
    key.add_address(x.get(client_).string().value_or(""), settings_.ipv6_prefix);
  }
  // False when the request has no such value, or an empty one.
  static bool add_value(postern::Exchange& x, const Dimension& dimension, LimitKey& key) {
    if (dimension.kind == Dimension::Kind::header)
      return add_text(x.request().headers().get(dimension.header).value_or(""), key);
    auto value = x.get(dimension.variable);
    if (value.is_string()) return add_text(*value.string(), key);
    if (!value) return false;
    const auto& raw = value.raw();
    if (raw.type == POSTERN_VALUE_DOUBLE)
      key.add({reinterpret_cast<const char*>(&raw.number), sizeof raw.number});
    else
      key.add({reinterpret_cast<const char*>(&raw.integer), sizeof raw.integer});
    return true;
  }
  static bool add_text(std::string_view text, LimitKey& key) {
    if (!text.empty()) key.add(text);
    return !text.empty();
  }

  void remember(postern::Exchange& x, State& state, const Limiter::Outcome& outcome) const {
    state.limit = &limit_texts_[outcome.tightest];
    state.remaining = outcome.remaining;
    state.reset_unix_s = seconds_up(postern::unix_ms() + outcome.reset_ms);
    auto mine = static_cast<std::int64_t>(outcome.remaining);
    if (mine < x.get(remaining_).integer().value_or(INT64_MAX)) x.set(remaining_, mine).ignore();
  }

  Verdict refuse(postern::Exchange& x, const Limiter::Outcome& outcome) {
    log_refusal(x, settings_.rules[outcome.tightest].label);
    auto wait_s = std::min<std::uint64_t>(std::max<std::uint64_t>(seconds_up(outcome.retry_after_ms), 1), UINT32_MAX);
    return x.respond_error(429, "RATE_LIMITED", "Too many requests", static_cast<std::uint32_t>(wait_s));
  }

  // One line a second: a flood must not become a flood of lines.
  void log_refusal(postern::Exchange& x, const std::string& dimension) {
    auto now = postern::now_ms();
    auto due = next_line_ms_.load(std::memory_order_relaxed);
    if (now < due || !next_line_ms_.compare_exchange_strong(due, now + 1000, std::memory_order_relaxed)) {
      unlogged_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    x.log().info(is_shadow_ ? "request would be refused" : "request refused",
                 {{"event", "rate_limited"},
                  {"dimension", dimension},
                  {"route", x.get(route_).string().value_or("")},
                  {"request_id", x.get(request_id_).string().value_or("")},
                  {"client_ip", x.get(client_).string().value_or("")},
                  {"others_since", unlogged_.exchange(0, std::memory_order_relaxed)}});
  }

  static void set_number(const postern::Headers& headers, std::string_view name, std::uint64_t number) {
    char digits[20];
    auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    headers.set(name, {digits, static_cast<std::size_t>(end - digits)}).ignore();
  }

  Settings settings_;
  std::vector<std::string> limit_texts_;  // one for each rule: how many it lets in at once
  std::optional<Limiter> limiter_;
  bool is_shadow_ = false;  // nothing is refused: the gateway counts what would have been
  postern::Variable client_, request_id_, route_, remaining_;
  postern::Family<postern::Counter> hits_, rejected_;
  std::optional<Series> own_series_;  // of a route's own instance
  postern::PerRoute<Series> routes_;  // of a gateway-wide one
  std::atomic<std::uint64_t> next_line_ms_{0};
  std::atomic<std::uint64_t> unlogged_{0};
};

}  // namespace

POSTERN_PLUGIN(RateLimit, "rate-limit", "1.0.0", on_request, on_response);

// "metrics": the process's registry.
#include <vector>

#include "base/metrics.h"
#include "plugin/host_tables/collectors.h"
#include "plugin/host_tables/host_tables.h"
#include "plugin/host_tables/lookup.h"

namespace postern::plugin {
namespace {

constexpr std::uint64_t kMaxText = 64 * 1024;
constexpr std::uint64_t kMaxLabels = 16;
constexpr std::uint64_t kMaxBuckets = 64;
constexpr std::uint64_t kMaxSeries = 100'000;

// False when the array cannot be what it says.
bool read_strings(const postern_str* from, std::uint64_t count, std::vector<std::string_view>& to) {
  if (count > kMaxLabels || (from == nullptr && count > 0)) return false;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!usable(from[i], kMaxText)) return false;
    to.push_back(view(from[i]));
  }
  return true;
}

std::uint64_t family(postern_instance, const postern_metric* metric) noexcept {
  postern_metric m{};
  if (metric == nullptr || metric->struct_size < sizeof(metric->struct_size)) return 0;
  std::memcpy(&m, metric, std::min<std::size_t>(metric->struct_size, sizeof m));
  std::vector<std::string_view> labels;
  bool readable =
      usable(m.name, kMaxText) && usable(m.help, kMaxText) && read_strings(m.label_names, m.label_count, labels);
  bool has_buckets = m.bucket_count == 0 || (m.buckets != nullptr && m.bucket_count <= kMaxBuckets);
  if (!readable || !has_buckets || m.type > POSTERN_METRIC_HISTOGRAM) return 0;
  Metrics::Definition d;
  d.type = static_cast<Metrics::Type>(m.type);
  d.name = view(m.name);
  d.help = view(m.help);
  d.labels = labels;
  if (m.bucket_count > 0) d.buckets = {m.buckets, static_cast<std::size_t>(m.bucket_count)};
  d.max_series = static_cast<std::size_t>(std::min(m.max_series, kMaxSeries));
  return metrics().family(d);
}
static_assert(static_cast<unsigned>(Metrics::Type::counter) == POSTERN_METRIC_COUNTER &&
              static_cast<unsigned>(Metrics::Type::gauge) == POSTERN_METRIC_GAUGE &&
              static_cast<unsigned>(Metrics::Type::histogram) == POSTERN_METRIC_HISTOGRAM);

postern_series series(std::uint64_t family, const postern_str* label_values, std::uint64_t label_count) noexcept {
  if (family > UINT32_MAX) return 0;
  std::vector<std::string_view> values;
  if (!read_strings(label_values, label_count, values)) values.clear();
  return metrics().series(static_cast<Metrics::FamilyId>(family), values);
}

void add(postern_series series, double amount) noexcept { metrics().add(series, amount); }
void set(postern_series series, double value) noexcept { metrics().set(series, value); }
void observe(postern_series series, double value) noexcept { metrics().observe(series, value); }

void expose(void (*write)(void* user, postern_str piece), void* user) {
  if (write != nullptr) metrics().expose([&](std::string_view piece) { write(user, str(piece)); });
}

postern_status series_remove(postern_instance, postern_series series) noexcept {
  switch (metrics().remove(series)) {
    case Metrics::Removal::removed:
      return POSTERN_OK;
    case Metrics::Removal::other:
      return POSTERN_E_STATE;
    default:
      return POSTERN_E_NOT_FOUND;
  }
}

postern_status collector(postern_instance instance, void (*collect)(void* user), void* user) noexcept {
  if (instance == nullptr || collect == nullptr) return POSTERN_E_INVALID;
  if (!instance->in_configure) return POSTERN_E_STATE;
  instance->declared.collectors.push_back({collect, user});
  return POSTERN_OK;
}

}  // namespace

void start_collectors(postern_instance instance) {
  for (const auto& [collect, user] : instance->declared.collectors)
    instance->collectors.push_back(metrics().add_collector(
        [instance, collect = collect, user = user] { call_plugin(instance, "collector", [&] { collect(user); }); }));
  instance->declared.collectors.clear();
}

void stop_collectors(postern_instance instance) {
  for (Metrics::CollectorId id : instance->collectors) metrics().remove_collector(id);
  instance->collectors.clear();
}

const postern_metrics_table& metrics_table() {
  static const postern_metrics_table table{sizeof(table), 1,        &family, &series,        &add,
                                           &set,          &observe, &expose, &series_remove, &collector};
  return table;
}

}  // namespace postern::plugin

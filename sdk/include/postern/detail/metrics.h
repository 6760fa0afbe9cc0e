// Counter, Gauge, Histogram: series of the gateway's metrics registry. Name a family and pick its series when the
// instance is configured; adding to a series is lock-free and allowed on any thread.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "postern/detail/value.h"

namespace postern {
namespace detail {

class Series {
 public:
  explicit Series(postern_series series = 0) : series_(series) {}
  explicit operator bool() const { return series_ != 0; }
  // No longer exposed, and its room is free for another: what it counted for has gone. Ask its family for the same labels to have it
  // back. What is added meanwhile is not lost, but not seen either.
  void remove(Instance instance) const {
    if (series_ != 0 && POSTERN_OFFERS(metrics, series_remove)) host.metrics->series_remove(instance.raw(), series_);
  }

 protected:
  postern_series series_;
};

}  // namespace detail

class Counter : public detail::Series {
 public:
  static constexpr std::uint32_t kType = POSTERN_METRIC_COUNTER;
  using Series::Series;
  void add(double amount = 1) const {
    if (series_ != 0) detail::host.metrics->add(series_, amount);
  }
};

class Gauge : public detail::Series {
 public:
  static constexpr std::uint32_t kType = POSTERN_METRIC_GAUGE;
  using Series::Series;
  void add(double amount = 1) const {
    if (series_ != 0) detail::host.metrics->add(series_, amount);
  }
  void set(double value) const {
    if (series_ != 0) detail::host.metrics->set(series_, value);
  }
};

class Histogram : public detail::Series {
 public:
  static constexpr std::uint32_t kType = POSTERN_METRIC_HISTOGRAM;
  using Series::Series;
  void observe(double value) const {
    if (series_ != 0) detail::host.metrics->observe(series_, value);
  }
};

// What a family is: its labels in order, for a histogram its buckets, and how many series it may have (0: 1000).
struct MetricOptions {
  std::vector<std::string_view> labels;
  std::vector<double> buckets;
  std::uint64_t max_series = 0;
};

// All series of one name. Metric is Counter, Gauge or Histogram. An invalid family (the name is taken by another type,
// or the gateway has no metrics) gives series that ignore what they are told.
template <class Metric>
class Family {
 public:
  Family() = default;
  Family(Instance instance, std::string_view name, std::string_view help, const MetricOptions& options = {}) {
    if (!POSTERN_OFFERS(metrics, family)) return;
    std::vector<postern_str> labels;
    for (std::string_view label : options.labels) labels.push_back(detail::to_str(label));
    const postern_metric metric = {sizeof(postern_metric), Metric::kType,          detail::to_str(name),
                                   detail::to_str(help),   labels.data(),          labels.size(),
                                   options.buckets.data(), options.buckets.size(), options.max_series};
    id_ = detail::host.metrics->family(instance.raw(), &metric);
  }
  explicit operator bool() const { return id_ != 0; }

  // One series, by the values of the labels in order. Takes a lock: keep the result.
  Metric with(std::initializer_list<std::string_view> values = {}) const {
    return with(std::span<const std::string_view>(values.begin(), values.size()));
  }
  Metric with(std::span<const std::string_view> values) const {
    std::array<postern_str, kMaxLabels> raw;
    if (id_ == 0 || values.size() > raw.size()) return Metric();
    for (std::size_t i = 0; i < values.size(); ++i) raw[i] = detail::to_str(values[i]);
    return Metric(detail::host.metrics->series(id_, raw.data(), values.size()));
  }

 private:
  static constexpr std::size_t kMaxLabels = 16;
  std::uint64_t id_ = 0;
};

// Every family of the process in the Prometheus text format; empty when the gateway has no metrics.
inline std::string expose_metrics() {
  std::string page;
  if (!POSTERN_OFFERS(metrics, expose)) return page;
  detail::host.metrics->expose(
      [](void* user, postern_str piece) { static_cast<std::string*>(user)->append(detail::to_view(piece)); }, &page);
  return page;
}

}  // namespace postern

// What the fake gateway has beside exchanges: a dict with limits, metrics and log lines that a test can read.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <map>
#include <string>
#include <vector>

#include "postern/testing/headers.h"

namespace postern::testing {

struct LogLine {
  std::uint32_t level = 0;
  std::string message;
  std::vector<std::pair<std::string, std::string>> fields;  // values as text
  std::string field(std::string_view key) const {
    for (const auto& [name, value] : fields) {
      if (name == key) return value;
    }
    return {};
  }
};

inline std::string to_text(const postern_value& value) {
  switch (value.type) {
    case POSTERN_VALUE_STRING:
      return std::string(to_view(value.string));
    case POSTERN_VALUE_INT:
      return std::to_string(value.integer);
    case POSTERN_VALUE_BOOL:
      return value.integer != 0 ? "true" : "false";
    case POSTERN_VALUE_DOUBLE: {
      char digits[32];
      const auto end = std::to_chars(digits, digits + sizeof digits, value.number).ptr;
      return std::string(digits, end);
    }
    default:
      return {};
  }
}

// One shared dictionary; time comes from outside. Nothing is ever evicted for size.
class FakeDict {
 public:
  struct Entry {
    std::string value;
    std::uint64_t expires_ms = 0;  // 0: never
  };

  Entry* find(std::string_view key, std::uint64_t now_ms) {
    const auto found = entries_.find(std::string(key));
    if (found == entries_.end()) return nullptr;
    if (found->second.expires_ms != 0 && found->second.expires_ms <= now_ms) {
      entries_.erase(found);
      return nullptr;
    }
    return &found->second;
  }
  void set(std::string_view key, std::string_view value, std::uint64_t ttl_ms, std::uint64_t now_ms) {
    entries_[std::string(key)] = Entry{std::string(value), ttl_ms == 0 ? 0 : now_ms + ttl_ms};
  }
  bool remove(std::string_view key, std::uint64_t now_ms) {
    return find(key, now_ms) != nullptr && entries_.erase(std::string(key)) > 0;
  }
  postern_status increment(std::string_view key, std::int64_t amount, std::uint64_t ttl_ms, std::uint64_t now_ms,
                           std::int64_t* result) {
    Entry* entry = find(key, now_ms);
    std::int64_t number = 0;
    if (entry != nullptr) {
      const char* end = entry->value.data() + entry->value.size();
      const auto parsed = std::from_chars(entry->value.data(), end, number);
      if (parsed.ec != std::errc() || parsed.ptr != end) return POSTERN_E_TYPE;
    }
    number += amount;
    if (entry != nullptr) {
      entry->value = std::to_string(number);
    } else {
      set(key, std::to_string(number), ttl_ms, now_ms);
    }
    *result = number;
    return POSTERN_OK;
  }

  void limit(std::string_view key, const postern_limit& limit, std::uint64_t now_ms, postern_limit_result* result) {
    State& state = limits_[std::string(key)];
    if (limit.algorithm == POSTERN_LIMIT_TOKEN_BUCKET) {
      token_bucket(state, limit, static_cast<double>(now_ms), result);
    } else {
      sliding_window(state, limit, now_ms, result);
    }
  }

 private:
  struct State {
    double arrival_ms = 0;  // GCRA: when the bucket is full again
    std::uint64_t window = 0;
    double current = 0, previous = 0;
  };
  static void token_bucket(State& state, const postern_limit& limit, double now, postern_limit_result* result) {
    const double interval = static_cast<double>(limit.window_ms) / static_cast<double>(limit.limit);
    const double room = interval * static_cast<double>(limit.burst);
    const double arrival = std::max(state.arrival_ms, now);
    // A cost of 0 asks whether one would be admitted.
    const double next = arrival + interval * static_cast<double>(std::max<std::uint64_t>(limit.cost, 1));
    result->allowed = next - now <= room + 1e-9 ? 1 : 0;
    const bool charged = result->allowed && limit.cost > 0;
    if (charged) state.arrival_ms = next;
    const double used = std::max(0.0, (charged ? next : arrival) - now);
    result->remaining = static_cast<std::uint64_t>(std::max(0.0, std::floor((room - used) / interval + 1e-9)));
    result->retry_after_ms = result->allowed ? 0 : static_cast<std::uint64_t>(std::ceil(next - now - room));
    result->reset_ms = static_cast<std::uint64_t>(std::ceil(used));
  }
  static void sliding_window(State& state, const postern_limit& limit, std::uint64_t now,
                             postern_limit_result* result) {
    const std::uint64_t window = now / limit.window_ms;
    if (window != state.window) {
      state.previous = window == state.window + 1 ? state.current : 0;
      state.current = 0;
      state.window = window;
    }
    const std::uint64_t left = limit.window_ms - now % limit.window_ms;
    const double overlap = static_cast<double>(left) / static_cast<double>(limit.window_ms);
    const double used = state.current + state.previous * overlap;
    const auto room = static_cast<double>(limit.limit) - used;
    result->allowed = static_cast<double>(std::max<std::uint64_t>(limit.cost, 1)) <= room + 1e-9 ? 1 : 0;
    if (result->allowed) state.current += static_cast<double>(limit.cost);
    const double after = result->allowed ? room - static_cast<double>(limit.cost) : room;
    result->remaining = static_cast<std::uint64_t>(std::max(0.0, std::floor(after + 1e-9)));
    result->retry_after_ms = result->allowed ? 0 : left;
    result->reset_ms = left;
  }

  std::map<std::string, Entry, std::less<>> entries_;
  std::map<std::string, State, std::less<>> limits_;
};

class FakeMetrics {
 public:
  std::uint64_t family(const postern_metric& metric) {
    std::vector<std::string> labels;
    for (std::uint64_t i = 0; i < metric.label_count; ++i) labels.emplace_back(to_view(metric.label_names[i]));
    const std::string name(to_view(metric.name));
    for (std::size_t i = 0; i < families_.size(); ++i) {
      if (families_[i].name != name) continue;
      return families_[i].type == metric.type && families_[i].labels == labels ? i + 1 : 0;
    }
    families_.push_back({name, metric.type, std::move(labels), metric.max_series == 0 ? 1000 : metric.max_series});
    return families_.size();
  }
  postern_series series(std::uint64_t family, const postern_str* values, std::uint64_t count) {
    if (family == 0 || family > families_.size()) return 0;
    std::vector<std::string> labels;
    for (std::uint64_t i = 0; i < count; ++i) labels.emplace_back(to_view(values[i]));
    std::uint64_t in_family = 0;
    for (std::size_t i = 0; i < series_.size(); ++i) {
      if (series_[i].family != family) continue;
      if (series_[i].labels == labels) {
        series_[i].removed = false;
        return i + 1;
      }
      ++in_family;
    }
    const std::vector<std::string> other(count, "other");
    if (in_family >= families_[family - 1].max_series && labels != other) {
      const std::vector<postern_str> names(count, to_str("other"));
      return this->series(family, names.data(), count);
    }
    series_.push_back({family, std::move(labels)});
    return series_.size();
  }
  bool remove(postern_series series) {
    return series > 0 && series <= series_.size() && !std::exchange(series_[series - 1].removed, true);
  }
  void add(postern_series series, double amount) { series_.at(series - 1).value += amount; }
  void set(postern_series series, double value) { series_.at(series - 1).value = value; }
  void observe(postern_series series, double value) { series_.at(series - 1).observed.push_back(value); }

  // The value of a series; for a histogram how many values it has seen. 0 when there is no such series.
  double value(std::string_view name, const std::vector<std::string>& labels) const {
    for (const Series& series : series_) {
      const Family& family = families_[series.family - 1];
      if (family.name != name || series.labels != labels || series.removed) continue;
      return family.type == POSTERN_METRIC_HISTOGRAM ? static_cast<double>(series.observed.size()) : series.value;
    }
    return 0;
  }
  // name{label="value"} value, a line each; histograms as NAME_count and NAME_sum.
  std::string text() const {
    std::string text;
    for (const Series& series : series_) {
      if (series.removed) continue;
      const Family& family = families_[series.family - 1];
      if (family.type == POSTERN_METRIC_HISTOGRAM) {
        double sum = 0;
        for (double value : series.observed) sum += value;
        line(text, family, series, "_count", static_cast<double>(series.observed.size()));
        line(text, family, series, "_sum", sum);
      } else {
        line(text, family, series, "", series.value);
      }
    }
    return text;
  }

 private:
  struct Family {
    std::string name;
    std::uint32_t type;
    std::vector<std::string> labels;
    std::uint64_t max_series;
  };
  struct Series {
    std::uint64_t family;
    std::vector<std::string> labels;
    double value = 0;
    std::vector<double> observed = {};
    bool removed = false;
  };
  static void line(std::string& text, const Family& family, const Series& series, std::string_view suffix,
                   double value) {
    text.append(family.name).append(suffix);
    for (std::size_t i = 0; i < series.labels.size(); ++i) {
      text.append(i == 0 ? "{" : ",");
      text.append(i < family.labels.size() ? family.labels[i] : "?")
          .append("=\"")
          .append(series.labels[i])
          .append("\"");
    }
    if (!series.labels.empty()) text += '}';
    postern_value number = {};
    number.type = POSTERN_VALUE_DOUBLE;
    number.number = value;
    text.append(" ").append(to_text(number)).append("\n");
  }
  std::vector<Family> families_;
  std::vector<Series> series_;
};

}  // namespace postern::testing

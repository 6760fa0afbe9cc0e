#include "base/metrics.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <type_traits>
#include <utility>

#include "base/metrics_text.h"
#include "base/thread_local.h"

namespace postern {
namespace {

constexpr std::size_t kDefaultMaxSeries = 1'000;
constexpr std::size_t kHighestMaxSeries = 100'000;
constexpr std::size_t kMaxLabels = 16;
constexpr std::size_t kMaxBuckets = 64;
constexpr std::size_t kMaxLabelValue = 256;
constexpr std::size_t kMaxHelp = 1'024;
constexpr std::string_view kHistogramSuffixes[] = {"_bucket", "_sum", "_count"};

POSTERN_IN_PROGRAM thread_local std::size_t this_shard = 0;

constexpr Metrics::Series make_series(std::size_t cell, Metrics::FamilyId family, Metrics::Type type) noexcept {
  return static_cast<std::uint64_t>(cell) | (static_cast<std::uint64_t>(family) << 32) |
         ((static_cast<std::uint64_t>(type) + 1) << 48);
}
constexpr std::size_t cell_of(Metrics::Series series) noexcept { return static_cast<std::uint32_t>(series); }
constexpr std::size_t family_of(Metrics::Series series) noexcept { return (series >> 32) & 0xffff; }
constexpr bool is_of(Metrics::Series series, Metrics::Type type) noexcept {
  return (series >> 48) == static_cast<std::uint64_t>(type) + 1;
}

bool well_formed_labels(const Metrics::Definition& d) {
  if (d.labels.size() > kMaxLabels) return false;
  for (std::size_t i = 0; i < d.labels.size(); ++i) {
    bool repeated = std::find(d.labels.begin(), d.labels.begin() + static_cast<std::ptrdiff_t>(i), d.labels[i]) !=
                    d.labels.begin() + static_cast<std::ptrdiff_t>(i);
    bool reserved = d.type == Metrics::Type::histogram && d.labels[i] == "le";
    if (repeated || reserved || !metrics_text::is_label_name(d.labels[i])) return false;
  }
  return true;
}

bool well_formed_buckets(const Metrics::Definition& d) {
  if (d.type != Metrics::Type::histogram) return d.buckets.empty();
  if (d.buckets.empty() || d.buckets.size() > kMaxBuckets) return false;
  for (std::size_t i = 0; i < d.buckets.size(); ++i)
    if (!std::isfinite(d.buckets[i]) || (i > 0 && d.buckets[i] <= d.buckets[i - 1])) return false;
  return true;
}

bool well_formed(const Metrics::Definition& d) {
  return metrics_text::is_metric_name(d.name) && well_formed_labels(d) && well_formed_buckets(d) &&
         d.max_series <= kHighestMaxSeries;
}

// A gauge has what threads added (one cell each) and, in the shared cells, what set() made of it.
std::size_t cells_per_series(const Metrics::Definition& d) {
  if (d.type == Metrics::Type::histogram) return d.buckets.size() + 2;  // +Inf and the sum
  return d.type == Metrics::Type::gauge ? 2 : 1;
}

std::size_t max_series_of(const Metrics::Definition& d) { return d.max_series == 0 ? kDefaultMaxSeries : d.max_series; }

std::string_view name_of(Metrics::Type type) noexcept {
  switch (type) {
    case Metrics::Type::counter:
      return "counter";
    case Metrics::Type::gauge:
      return "gauge";
    default:
      return "histogram";
  }
}

void add_shared(std::atomic<double>& cell, double amount) noexcept {
  double seen = cell.load(std::memory_order_relaxed);
  while (!cell.compare_exchange_weak(seen, seen + amount, std::memory_order_relaxed)) {
  }
}

}  // namespace

Metrics& metrics() {
  static Metrics& registry = *new Metrics;  // never destroyed: owners of static storage may still write at exit
  return registry;
}

Metrics::Shard::~Shard() {
  for (auto& chunk : chunks) delete chunk.load(std::memory_order_relaxed);
}

Metrics::~Metrics() {
  for (auto& shard : shards_) delete shard.load(std::memory_order_relaxed);
}

void Metrics::become_worker(std::uint32_t index) noexcept { this_shard = index + 1 < kShards ? index + 1 : 0; }

// ---- Defining ------------------------------------------------------------------------------------------------------

Metrics::FamilyId Metrics::family(const Definition& d) {
  if (!well_formed(d)) return 0;
  std::lock_guard lock(mutex_);
  if (auto known = families_.find(d.name); known != families_.end()) {
    Family& f = *known->second;
    bool agrees = f.type == d.type && std::equal(f.labels.begin(), f.labels.end(), d.labels.begin(), d.labels.end()) &&
                  std::equal(f.buckets.begin(), f.buckets.end(), d.buckets.begin(), d.buckets.end());
    if (!agrees) return 0;
    f.max_series = std::max(f.max_series, max_series_of(d));
    return f.id;
  }
  auto f = std::make_unique<Family>();
  f->id = static_cast<FamilyId>(families_.size() + 1);
  f->type = d.type;
  f->name = d.name;
  f->help = metrics_text::clean(d.help, kMaxHelp);
  f->labels.assign(d.labels.begin(), d.labels.end());
  f->buckets.assign(d.buckets.begin(), d.buckets.end());
  f->max_series = max_series_of(d);
  f->cells_per_series = cells_per_series(d);
  if (f->id >= kMaxFamilies || !reserve_names(*f) || !take_cells(f->cells_per_series, f->other)) return 0;
  family_by_id_[f->id].store(f.get(), std::memory_order_release);
  return families_.emplace(f->name, std::move(f)).first->second->id;
}

// Takes the names of all samples, so that no two families write the same one. False: one is taken.
bool Metrics::reserve_names(const Family& family) {
  std::vector<std::string> names{family.name};
  if (family.type == Type::histogram)
    for (auto suffix : kHistogramSuffixes) names.push_back(family.name + std::string(suffix));
  for (const auto& name : names)
    if (sample_names_.contains(name)) return false;
  sample_names_.insert(names.begin(), names.end());
  return true;
}

bool Metrics::take_cells(std::size_t count, std::uint32_t& first) {
  std::size_t at = cells_.load(std::memory_order_relaxed);
  if (at + count > kMaxChunks * kChunkCells) return false;
  first = static_cast<std::uint32_t>(at);
  cells_.store(at + count, std::memory_order_relaxed);
  return true;
}

Metrics::Series Metrics::series(FamilyId id, std::span<const std::string_view> values) {
  if (id == 0 || id >= kMaxFamilies) return 0;
  std::lock_guard lock(mutex_);
  const Family* known = family_by_id_[id].load(std::memory_order_relaxed);
  if (known == nullptr) return 0;
  Family& f = *families_.find(known->name)->second;
  std::vector<std::string> key;
  for (auto value : values) key.push_back(metrics_text::clean(value, kMaxLabelValue));
  if (key.size() != f.labels.size()) key.assign(f.labels.size(), "other");

  auto found = f.series.find(key);
  std::vector<std::string> other(f.labels.size(), "other");
  bool has_room = f.series.size() - f.removed < f.max_series + f.series.count(other);
  if (found != f.series.end() && (has_room || !found->second.removed)) {
    f.removed -= std::exchange(found->second.removed, false) ? 1 : 0;
    return make_series(found->second.cell, f.id, f.type);
  }
  std::uint32_t cell = f.other;
  bool has_own = found == f.series.end() && key != other && has_room && take_cells(f.cells_per_series, cell);
  f.series.emplace(has_own ? std::move(key) : std::move(other), Family::Member{cell});
  return make_series(cell, f.id, f.type);
}

Metrics::Removal Metrics::remove(Series series) {
  if (family_of(series) == 0 || family_of(series) >= kMaxFamilies) return Removal::unknown;
  std::lock_guard lock(mutex_);
  const Family* known = family_by_id_[family_of(series)].load(std::memory_order_relaxed);
  if (known == nullptr || !is_of(series, known->type)) return Removal::unknown;
  Family& f = *families_.find(known->name)->second;
  if (cell_of(series) == f.other) return Removal::other;
  for (auto& [values, member] : f.series) {
    if (member.cell != cell_of(series) || member.removed) continue;
    member.removed = true;
    ++f.removed;
    return Removal::removed;
  }
  return Removal::unknown;
}

Metrics::Series Metrics::counter(std::string_view name, std::string_view help) {
  return series(counters(name, help, {}), {});
}
Metrics::Series Metrics::gauge(std::string_view name, std::string_view help) {
  return series(gauges(name, help, {}), {});
}

Metrics::FamilyId Metrics::counters(std::string_view name, std::string_view help,
                                    std::initializer_list<std::string_view> labels, std::size_t max_series) {
  return family({Type::counter, name, help, {labels.begin(), labels.size()}, {}, max_series});
}
Metrics::FamilyId Metrics::gauges(std::string_view name, std::string_view help,
                                  std::initializer_list<std::string_view> labels, std::size_t max_series) {
  return family({Type::gauge, name, help, {labels.begin(), labels.size()}, {}, max_series});
}

// ---- Writing -------------------------------------------------------------------------------------------------------

inline Metrics::Cell* Metrics::cell_if_present(std::size_t shard_index, std::size_t cell) const noexcept {
  const Shard* shard = shards_[shard_index].load(std::memory_order_acquire);
  if (shard == nullptr) return nullptr;
  Chunk* chunk = shard->chunks[cell / kChunkCells].load(std::memory_order_acquire);
  return chunk == nullptr ? nullptr : &chunk->cells[cell % kChunkCells];
}

// Null for a cell that was never handed out, and when memory has run out.
Metrics::Cell* Metrics::writable_cell(std::size_t shard_index, std::size_t cell) noexcept {
  if (cell >= cells_.load(std::memory_order_relaxed)) return nullptr;
  Cell* present = cell_if_present(shard_index, cell);
  return present != nullptr ? present : make_cell(shard_index, cell);
}

Metrics::Cell* Metrics::make_cell(std::size_t shard_index, std::size_t cell) noexcept {
  // Published by the first thread that needs it; a worker's own are made by that worker, so this loses no race but the shared ones.
  auto make = [](auto& slot, auto* made) {
    using T = std::remove_pointer_t<decltype(made)>;
    T* present = nullptr;
    if (made == nullptr || slot.compare_exchange_strong(present, made, std::memory_order_acq_rel)) return made;
    delete made;
    return present;
  };
  auto& shard_slot = shards_[shard_index];
  Shard* shard = shard_slot.load(std::memory_order_acquire);
  if (shard == nullptr) shard = make(shard_slot, new (std::nothrow) Shard);
  if (shard == nullptr) return nullptr;
  auto& chunk_slot = shard->chunks[cell / kChunkCells];
  Chunk* chunk = chunk_slot.load(std::memory_order_acquire);
  if (chunk == nullptr) chunk = make(chunk_slot, new (std::nothrow) Chunk);
  return chunk == nullptr ? nullptr : &chunk->cells[cell % kChunkCells];
}

// Most cells are there: what it takes to make one is kept out of the way.
inline void Metrics::add_to_cell(std::size_t cell, double amount) noexcept {
  if (cell >= cells_.load(std::memory_order_relaxed)) return;
  Cell* to = cell_if_present(this_shard, cell);
  if (to == nullptr) return add_to_new_cell(cell, amount);
  if (this_shard == 0) return add_shared(*to, amount);
  to->store(to->load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
}

void Metrics::add_to_new_cell(std::size_t cell, double amount) noexcept {
  if (Cell* to = make_cell(this_shard, cell)) add_shared(*to, amount);
}

void Metrics::add(Series series, double amount) noexcept {
  if (!std::isfinite(amount)) return;
  bool allowed = is_of(series, Type::gauge) || (is_of(series, Type::counter) && amount >= 0);
  if (allowed) add_to_cell(cell_of(series), amount);
}

Metrics::Cell* Metrics::own_cell(Series series) noexcept {
  bool adds = is_of(series, Type::gauge) || is_of(series, Type::counter);
  return adds && this_shard != 0 ? writable_cell(this_shard, cell_of(series)) : nullptr;
}

void Tally::add_elsewhere(double amount) noexcept {
  cell_ = metrics().own_cell(series_);
  metrics().add(series_, amount);
}

void Metrics::set(Series series, double value) noexcept {
  if (!is_of(series, Type::gauge)) return;
  std::size_t cell = cell_of(series);
  // The base is chosen so that it and what was added give `value`. An add that runs at the same time counts either as
  // before or as after, never half.
  if (Cell* base = writable_cell(0, cell + 1)) base->store(value - sum(cell), std::memory_order_relaxed);
}

void Metrics::observe(Series series, double value) noexcept {
  if (!is_of(series, Type::histogram) || !std::isfinite(value) || family_of(series) >= kMaxFamilies) return;
  const Family* f = family_by_id_[family_of(series)].load(std::memory_order_acquire);
  if (f == nullptr || f->type != Type::histogram) return;
  const auto& bounds = f->buckets;
  auto bucket = static_cast<std::size_t>(std::lower_bound(bounds.begin(), bounds.end(), value) - bounds.begin());
  add_to_cell(cell_of(series) + bucket, 1);
  add_to_cell(cell_of(series) + bounds.size() + 1, value);
}

// ---- Reading -------------------------------------------------------------------------------------------------------

double Metrics::sum(std::size_t cell) const noexcept {
  double total = 0;
  for (std::size_t shard = 0; shard < kShards; ++shard)
    if (const Cell* c = cell_if_present(shard, cell)) total += c->load(std::memory_order_relaxed);
  return total;
}

double Metrics::gauge_value(std::size_t cell) const noexcept {
  const Cell* base = cell_if_present(0, cell + 1);
  return sum(cell) + (base == nullptr ? 0 : base->load(std::memory_order_relaxed));
}

double Metrics::value(Series series) const noexcept {
  std::size_t cell = cell_of(series);
  if (cell + 1 >= kMaxChunks * kChunkCells) return 0;
  if (is_of(series, Type::gauge)) return gauge_value(cell);
  return is_of(series, Type::counter) ? sum(cell) : 0;
}

void Metrics::render_histogram(const Family& f, const std::string& labels, std::uint32_t cell, std::string& out) const {
  std::string comma = labels.empty() ? "" : ",";
  std::string braces = labels.empty() ? "" : "{" + labels + "}";
  double count = 0;
  for (std::size_t i = 0; i <= f.buckets.size(); ++i) {
    count += sum(cell + i);
    out += f.name + "_bucket{" + labels + comma + "le=\"";
    if (i < f.buckets.size())
      metrics_text::append_number(out, f.buckets[i]);
    else
      out += "+Inf";
    out += "\"} ";
    metrics_text::append_number(out, count);
    out += '\n';
  }
  out += f.name + "_sum" + braces + ' ';
  metrics_text::append_number(out, sum(cell + f.buckets.size() + 1));
  out += '\n' + f.name + "_count" + braces + ' ';
  metrics_text::append_number(out, count);
  out += '\n';
}

void Metrics::render_series(const Family& f, const std::vector<std::string>& values, std::uint32_t cell,
                            std::string& out) const {
  std::string labels = metrics_text::label_pairs(f.labels, values);
  if (f.type == Type::histogram) return render_histogram(f, labels, cell, out);
  out += f.name;
  if (!labels.empty()) out += '{' + labels + '}';
  out += ' ';
  metrics_text::append_number(out, f.type == Type::gauge ? gauge_value(cell) : sum(cell));
  out += '\n';
}

std::string Metrics::render(const Family& f) const {
  std::string out = "# HELP " + f.name + ' ';
  metrics_text::append_help(out, f.help);
  out += "\n# TYPE " + f.name + ' ' + std::string(name_of(f.type)) + '\n';
  for (const auto& [values, member] : f.series)
    if (!member.removed) render_series(f, values, member.cell, out);
  return out;
}

void Metrics::expose(const std::function<void(std::string_view)>& write) {
  run_collectors();
  std::string last;
  while (true) {
    std::string piece;
    {
      std::lock_guard lock(mutex_);
      auto next = families_.upper_bound(last);
      if (next == families_.end()) return;
      last = next->first;
      if (next->second->series.size() > next->second->removed) piece = render(*next->second);
    }
    if (!piece.empty()) write(piece);
  }
}

std::string Metrics::expose() {
  std::string text;
  expose([&text](std::string_view piece) { text += piece; });
  return text;
}

Metrics::CollectorId Metrics::add_collector(std::function<void()> collect) {
  std::lock_guard lock(collectors_mutex_);
  collectors_.emplace(next_collector_, std::move(collect));
  return next_collector_++;
}

void Metrics::remove_collector(CollectorId id) {
  std::lock_guard lock(collectors_mutex_);
  collectors_.erase(id);
}

void Metrics::run_collectors() {
  std::lock_guard lock(collectors_mutex_);
  for (auto& [id, collect] : collectors_) collect();
}

}  // namespace postern

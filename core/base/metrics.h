// The one metrics registry of the process: families, interned series, and the Prometheus text format (0.0.4). Knows neither
// libuv nor HTTP. Writing is wait-free: each worker has cells of its own, which only its thread stores to; reading adds them up.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace postern {

class Metrics {
 public:
  enum class Type : std::uint8_t { counter, gauge, histogram };
  using FamilyId = std::uint32_t;  // 0: none
  // Says where the cells are, so that writing looks nothing up: cell (32 bits), family (16 bits), type (8 bits). 0: none.
  using Series = std::uint64_t;

  struct Definition {
    Type type = Type::counter;
    std::string_view name;  // [a-zA-Z_:][a-zA-Z0-9_:]*, 200 bytes at most
    std::string_view help;
    std::span<const std::string_view> labels;  // [a-zA-Z_][a-zA-Z0-9_]*, not "__..."; 16 at most
    std::span<const double> buckets;           // histogram: 1 to 64 ascending finite bounds, without +Inf
    std::size_t max_series = 0;                // 0: 1,000; 100,000 at most
  };

  Metrics() = default;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;
  ~Metrics();

  // The same family again when type, labels and buckets agree, with the larger max_series of the two; 0 when they do not,
  // or when the definition is malformed.
  FamilyId family(const Definition& definition);
  // Interned. Takes a lock: keep the result. What cannot have a series of its own (the family is full, another number of
  // values) gets the series whose labels all say "other". 0 only when there is no such family.
  Series series(FamilyId family, std::span<const std::string_view> values);

  enum class Removal : std::uint8_t { removed, unknown, other };  // other: the series "other", which stays
  // No longer exposed, and no longer one of max_series. What it had counted is there again when its labels are asked for.
  Removal remove(Series series);

  // For core code: a family and its one series without labels, or with the given ones.
  Series counter(std::string_view name, std::string_view help);
  Series gauge(std::string_view name, std::string_view help);
  FamilyId counters(std::string_view name, std::string_view help, std::initializer_list<std::string_view> labels,
                    std::size_t max_series = 0);
  FamilyId gauges(std::string_view name, std::string_view help, std::initializer_list<std::string_view> labels,
                  std::size_t max_series = 0);
  Series series(FamilyId family, std::initializer_list<std::string_view> values) {
    return series(family, std::span<const std::string_view>(values.begin(), values.size()));
  }

  // A series of another type, or none, is left alone; so are negative amounts for counters, and amounts that are not finite.
  void add(Series series, double amount) noexcept;     // counter, gauge
  void set(Series series, double value) noexcept;      // gauge: replaces what all threads have added so far
  void observe(Series series, double value) noexcept;  // histogram

  using Cell = std::atomic<double>;
  // What the calling worker adds to of a counter or gauge, for as long as the registry lives: it alone stores there. Null for
  // other threads, and for other series.
  Cell* own_cell(Series series) noexcept;

  double value(Series series) const noexcept;  // of a counter or gauge, over all threads

  // Runs the collectors, then writes every family in the order of names, a family at a time. No lock is held meanwhile.
  void expose(const std::function<void(std::string_view piece)>& write);
  std::string expose();

  // `collect` runs before every exposition, on the thread that exposes, one at a time. After remove_collector has returned
  // it is not running and never will. It must neither expose nor remove collectors.
  using CollectorId = std::uint64_t;
  CollectorId add_collector(std::function<void()> collect);
  void remove_collector(CollectorId id);

  // The calling thread is worker `index` (0 .. 254) from now on: it alone writes that worker's cells. Others share one set.
  static void become_worker(std::uint32_t index) noexcept;

 private:
  static constexpr std::size_t kChunkCells = 1024;
  static constexpr std::size_t kMaxChunks = 2048;  // two million cells
  static constexpr std::size_t kMaxFamilies = 4096;
  static constexpr std::size_t kShards = 256;  // [0]: threads that are no workers

  struct Chunk {
    std::array<Cell, kChunkCells> cells{};
  };
  struct Shard {
    ~Shard();
    std::array<std::atomic<Chunk*>, kMaxChunks> chunks{};
  };
  struct Family {
    FamilyId id = 0;
    Type type = Type::counter;
    std::string name, help;
    std::vector<std::string> labels;
    std::vector<double> buckets;
    std::size_t max_series = 0;
    std::size_t cells_per_series = 1;
    std::uint32_t other = 0;  // the cell of the series "other"
    struct Member {
      std::uint32_t cell = 0;  // the first
      bool removed = false;
    };
    std::map<std::vector<std::string>, Member> series;  // by label values
    std::size_t removed = 0;                            // how many of them are
  };

  Cell* writable_cell(std::size_t shard, std::size_t cell) noexcept;  // made when it is not there
  Cell* make_cell(std::size_t shard, std::size_t cell) noexcept;      // and what leads to it, unless it is there
  Cell* cell_if_present(std::size_t shard, std::size_t cell) const noexcept;
  void add_to_cell(std::size_t cell, double amount) noexcept;
  void add_to_new_cell(std::size_t cell, double amount) noexcept;
  double sum(std::size_t cell) const noexcept;
  double gauge_value(std::size_t cell) const noexcept;
  bool take_cells(std::size_t count, std::uint32_t& first);
  bool reserve_names(const Family& family);
  std::string render(const Family& family) const;
  void render_series(const Family& family, const std::vector<std::string>& values, std::uint32_t cell,
                     std::string& out) const;
  void render_histogram(const Family& family, const std::string& labels, std::uint32_t cell, std::string& out) const;
  void run_collectors();

  std::array<std::atomic<Shard*>, kShards> shards_{};
  std::array<std::atomic<const Family*>, kMaxFamilies> family_by_id_{};
  std::atomic<std::size_t> cells_{0};  // handed out

  mutable std::mutex mutex_;  // of everything below
  std::map<std::string, std::unique_ptr<Family>, std::less<>> families_;
  std::set<std::string> sample_names_;  // a histogram has three more

  std::mutex collectors_mutex_;
  std::map<CollectorId, std::function<void()>> collectors_;
  CollectorId next_collector_ = 1;
};

Metrics& metrics();

// A counter or gauge that its owner adds to again and again: where, is looked up once. The owner stays on one thread.
class Tally {
 public:
  Tally() = default;
  explicit Tally(Metrics::Series series) noexcept : series_(series) {}

  void add(double amount) noexcept {  // finite; for a counter not negative
    if (cell_ == nullptr) return add_elsewhere(amount);
    cell_->store(cell_->load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }

 private:
  void add_elsewhere(double amount) noexcept;

  Metrics::Series series_ = 0;
  Metrics::Cell* cell_ = nullptr;  // this worker's; null until it has been looked up, and where its owner is no worker
};

// One owner's part of a gauge that many share (connections of one pool): what it has set counts until it goes.
class GaugeShare {
 public:
  GaugeShare() = default;
  explicit GaugeShare(Metrics::Series series) noexcept : tally_(series) {}
  GaugeShare(const GaugeShare&) = delete;
  GaugeShare& operator=(const GaugeShare&) = delete;
  ~GaugeShare() { set(0); }

  void set(double value) noexcept {
    if (value != value_) tally_.add(value - value_);
    value_ = value;
  }

 private:
  Tally tally_;
  double value_ = 0;
};

}  // namespace postern

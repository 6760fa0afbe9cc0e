#include "changer.h"

#include <new>

namespace {

constexpr std::uint64_t kQuietMs = 60'000;  // between two log lines of one instance

postern::Counter left_out_counter(postern::Instance instance) {
  return postern::Family<postern::Counter>(instance, "postern_headers_left_out_total",
                                           "Headers whose value cannot stand in a header.",
                                           {.labels = {"scope", "instance"}, .buckets = {}, .max_series = 0})
      .with({instance.scope(), instance.name()});
}

}  // namespace

Changer::Changer(postern::Instance instance) : log_(instance.log()), left_out_(left_out_counter(instance)) {}

bool Changer::apply(const Changes& changes, const postern::Exchange& x, const postern::Headers& headers) {
  std::string_view* values = nullptr;
  if (const auto templates = changes.templates(); templates > 0) {
    void* memory = x.allocate(templates * sizeof(std::string_view));
    if (memory == nullptr) return false;
    values = static_cast<std::string_view*>(memory);
    auto* next = values;
    for (const auto* list : {&changes.set, &changes.add})
      for (const auto& header : *list)
        if (header.value) new (next++) std::string_view(x.expand(header.value));
  }
  auto value_of = [&values](const NewHeader& header) -> std::string_view {
    return header.value ? *values++ : header.text;
  };
  for (const auto& name : changes.remove) headers.remove(name);
  for (const auto& header : changes.set)
    if (!put(header, value_of(header), Change::set, headers)) return false;
  for (const auto& header : changes.add)
    if (!put(header, value_of(header), Change::add, headers)) return false;
  return true;
}

// False when there is no memory for it.
bool Changer::put(const NewHeader& header, std::string_view value, Change change, const postern::Headers& headers) {
  bool set = change == Change::set;
  if (!value.empty()) {
    auto status = set ? headers.set(header.name, value) : headers.add(header.name, value);
    if (status == POSTERN_E_LIMIT) return false;
    if (status == POSTERN_OK) return true;
    leave_out(header);
  }
  if (set) headers.remove(header.name);
  return true;
}

// The value is not logged: it came from outside, and may be a secret.
void Changer::leave_out(const NewHeader& header) {
  left_out_.add();
  std::uint64_t now = postern::now_ms();
  std::uint64_t quiet_until = quiet_until_ms_.load(std::memory_order_relaxed);
  if (now < quiet_until) return;
  if (!quiet_until_ms_.compare_exchange_strong(quiet_until, now + kQuietMs, std::memory_order_relaxed)) return;
  log_.warn("a header was left out: its value cannot stand in one", {{"header", header.name}});
}

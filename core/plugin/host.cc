#include "plugin/host.h"

#include <array>

#include "plugin/host_tables/host_tables.h"

namespace postern::plugin {
namespace {

template <class T>
HostTable entry(std::string_view name, const T& table) {
  return {name, table.version, &table};
}

const void* get_interface(const postern_host*, postern_str name, std::uint32_t min_version) {
  for (const auto& t : host_tables())
    if (t.name == view(name)) return t.version >= min_version ? t.table : nullptr;
  return nullptr;
}

}  // namespace

std::span<const HostTable> host_tables() {
  static const std::array tables{
      entry("config", config_table()),
      entry("instance", instance_table()),
      entry("exchange", exchange_table()),
      entry("body", body_table()),
      entry("log", log_table()),
      entry("metrics", metrics_table()),
      entry("timer", timer_table()),
      entry("dict", dict_table()),
      entry("call", call_table()),
      entry("upstream", upstream_table()),
      entry("services", services_table()),
      entry("work", work_table()),
      entry("loop", loop_table()),
      entry("template", template_table()),
      entry("control", control_table()),
      entry("connection", connection_table()),
      entry("expression", expression_table()),
  };
  return tables;
}

const postern_host* host() {
  static const postern_host offered{
      sizeof(postern_host), 1, POSTERN_ABI_MAJOR, POSTERN_ABI_MINOR, str(product_version()), &get_interface};
  return &offered;
}

std::string_view product_version() { return POSTERN_VERSION; }

}  // namespace postern::plugin

// postern.metric: counters, gauges and histograms in the gateway's registry.
#include <string>
#include <vector>

#include "api/api.h"
#include "api/values.h"
#include "state.h"

namespace postern::lua {
namespace {

constexpr const char* kMetricType = "postern.metric";
constexpr std::size_t kMaxLabels = 10;
constexpr lua_Integer kDefaultSeries = 1'000;
constexpr char kSeparator = '\x1f';

// User value 1: the series by their label values joined; it holds `cached` of them, at most `max_series`.
struct Metric {
  std::uint64_t family;  // 0 while the script is only looked at
  std::uint32_t type;
  std::uint32_t labels;
  lua_Integer max_series;
  lua_Integer cached;
};

std::vector<std::string> text_list_field(lua_State* L, const char* name) {
  std::vector<std::string> list;
  if (lua_getfield(L, 2, name) != LUA_TNIL) {
    luaL_checktype(L, -1, LUA_TTABLE);
    for (lua_Integer i = 1; lua_geti(L, -1, i) != LUA_TNIL; ++i, lua_pop(L, 1)) list.emplace_back(check_text(L, -1));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  if (list.size() > kMaxLabels) luaL_error(L, "postern.metric: more than %d labels", static_cast<int>(kMaxLabels));
  return list;
}

std::vector<double> buckets_field(lua_State* L) {
  std::vector<double> buckets;
  if (lua_getfield(L, 2, "buckets") != LUA_TNIL) {
    luaL_checktype(L, -1, LUA_TTABLE);
    for (lua_Integer i = 1; lua_geti(L, -1, i) != LUA_TNIL; ++i, lua_pop(L, 1))
      buckets.push_back(luaL_checknumber(L, -1));
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  if (buckets.empty()) buckets = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
  return buckets;
}

std::uint64_t register_family(lua_State* L, std::uint32_t type, const std::vector<std::string>& labels,
                              lua_Integer max_series) {
  std::vector<postern_str> names;
  for (const std::string& label : labels) names.push_back(to_str(label));
  const std::vector<double> buckets = type == POSTERN_METRIC_HISTOGRAM ? buckets_field(L) : std::vector<double>();
  postern_metric metric{};
  metric.struct_size = sizeof metric;
  metric.type = type;
  metric.name = check_str(L, 1);
  metric.help = to_str(push_text_field(L, 2, "help"));
  metric.label_names = names.data();
  metric.label_count = names.size();
  metric.buckets = buckets.data();
  metric.bucket_count = buckets.size();
  metric.max_series = static_cast<std::uint64_t>(max_series);
  return host().metrics->family(State::of(L).instance(), &metric);
}

Metric& check_metric(lua_State* L, std::uint32_t types) {
  auto& metric = *static_cast<Metric*>(luaL_checkudata(L, 1, kMetricType));
  if ((types >> metric.type & 1u) == 0) luaL_error(L, "not for this type of metric");
  const int given = lua_gettop(L) - 2;
  if (given != static_cast<int>(metric.labels))
    luaL_error(L, "the metric has %d labels, but %d values were given", static_cast<int>(metric.labels), given);
  return metric;
}

// Pushes the label values joined; a single one is its own key.
void push_series_key(lua_State* L, const Metric& metric) {
  if (metric.labels == 1) {
    check_text(L, 3);
    return lua_pushvalue(L, 3);
  }
  luaL_Buffer key;
  luaL_buffinit(L, &key);
  for (std::uint32_t i = 0; i < metric.labels; ++i) {
    if (i > 0) luaL_addchar(&key, kSeparator);
    const std::string_view value = check_text(L, static_cast<int>(i) + 3);
    luaL_addlstring(&key, value.data(), value.size());
  }
  luaL_pushresult(&key);
}

postern_series find_series(lua_State* L, Metric& metric) {
  lua_getiuservalue(L, 1, 1);
  push_series_key(L, metric);
  lua_pushvalue(L, -1);
  if (lua_rawget(L, -3) == LUA_TNUMBER) return static_cast<postern_series>(lua_tointeger(L, -1));
  lua_pop(L, 1);
  postern_str values[kMaxLabels];
  for (std::uint32_t i = 0; i < metric.labels; ++i) values[i] = check_str(L, static_cast<int>(i) + 3);
  const postern_series series = host().metrics->series(metric.family, values, metric.labels);
  if (metric.cached < metric.max_series) {
    lua_pushinteger(L, static_cast<lua_Integer>(series));
    lua_rawset(L, -3);
    ++metric.cached;
  }
  return series;
}

int add(lua_State* L) {
  Metric& metric = check_metric(L, 1u << POSTERN_METRIC_COUNTER | 1u << POSTERN_METRIC_GAUGE);
  const double amount = luaL_checknumber(L, 2);
  luaL_argcheck(L, amount >= 0 || metric.type == POSTERN_METRIC_GAUGE, 2, "a counter only grows");
  if (metric.family != 0) host().metrics->add(find_series(L, metric), amount);
  return 0;
}

int set(lua_State* L) {
  Metric& metric = check_metric(L, 1u << POSTERN_METRIC_GAUGE);
  const double value = luaL_checknumber(L, 2);
  if (metric.family != 0) host().metrics->set(find_series(L, metric), value);
  return 0;
}

int observe(lua_State* L) {
  Metric& metric = check_metric(L, 1u << POSTERN_METRIC_HISTOGRAM);
  const double value = luaL_checknumber(L, 2);
  if (metric.family != 0) host().metrics->observe(find_series(L, metric), value);
  return 0;
}

constexpr luaL_Reg kMethods[] = {{"add", add}, {"set", set}, {"observe", observe}, {nullptr, nullptr}};

// metric.counter(name [, {help, labels, max_series, buckets}])
template <std::uint32_t type>
int make(lua_State* L) {
  luaL_checkstring(L, 1);
  if (lua_isnoneornil(L, 2)) {
    lua_settop(L, 1);
    lua_newtable(L);
  }
  luaL_checktype(L, 2, LUA_TTABLE);
  const std::vector<std::string> labels = text_list_field(L, "labels");
  const lua_Integer max_series = integer_field(L, 2, "max_series", kDefaultSeries);
  if (max_series < 1) luaL_error(L, "postern.metric: max_series must be at least 1");
  const bool real = State::of(L).instance() != nullptr;
  const std::uint64_t family = real ? register_family(L, type, labels, max_series) : 0;
  if (real && family == 0)
    return luaL_error(L, "metric '%s' exists with another type or other labels, or its name is not valid",
                      lua_tostring(L, 1));
  auto& metric = *static_cast<Metric*>(lua_newuserdatauv(L, sizeof(Metric), 1));
  metric = {family, type, static_cast<std::uint32_t>(labels.size()), max_series, 0};
  lua_newtable(L);
  lua_setiuservalue(L, -2, 1);
  set_methods(L, kMetricType, kMethods);
  return 1;
}

}  // namespace

void push_metric_table(lua_State* L) {
  lua_newtable(L);
  set_function(L, "counter", make<POSTERN_METRIC_COUNTER>);
  set_function(L, "gauge", make<POSTERN_METRIC_GAUGE>);
  set_function(L, "histogram", make<POSTERN_METRIC_HISTOGRAM>);
}

}  // namespace postern::lua

// Tables for any thread: dictionaries, metrics, logs, templates, services, control.
#include <doctest/doctest.h>

#include <string>

#include "core/plugin/worker_fixture.h"
#include "plugin/control_hooks.h"
#include "plugin/host_tables/services.h"

using namespace postern::plugin;

TEST_CASE("dict: values come back whole, errors have their codes") {
  const auto& t = dict_table();
  auto d = t.open(nullptr, text("tables_test"), 1024 * 1024);
  REQUIRE(d != 0);
  CHECK(t.open(nullptr, text("tables_test"), 1) == d);
  CHECK(t.open(nullptr, kBadString, 1) == 0);
  CHECK(t.set(d, text("k"), text("value"), 0) == POSTERN_OK);
  char buffer[8];
  std::uint64_t size = sizeof buffer;
  CHECK(t.get(d, text("k"), buffer, &size) == POSTERN_OK);
  CHECK(std::string(buffer, size) == "value");
  size = 0;
  CHECK(t.get(d, text("k"), nullptr, &size) == POSTERN_OK);
  CHECK(size == 5);
  CHECK(t.get(d, text("k"), nullptr, &size) == POSTERN_E_INVALID);
  CHECK(t.get(d, text("absent"), buffer, &(size = 8)) == POSTERN_E_NOT_FOUND);
  CHECK(t.add(d, text("k"), text("x"), 0) == POSTERN_E_EXISTS);
  CHECK(t.compare_and_set(d, text("k"), text("x"), text("y"), 0) == POSTERN_E_CONFLICT);
  std::int64_t number = 0;
  CHECK(t.increment(d, text("k"), 1, 0, &number) == POSTERN_E_TYPE);
  CHECK(t.increment(d, text("n"), 2, 0, nullptr) == POSTERN_OK);
  CHECK(t.increment(d, text("n"), 2, 0, &number) == POSTERN_OK);
  CHECK(number == 4);
  CHECK(t.set(d, {}, text("x"), 0) == POSTERN_E_INVALID);
  CHECK(t.set(d, text("k"), kBadString, 0) == POSTERN_E_INVALID);
  CHECK(t.set(d, {"k", 1ull << 40}, text("x"), 0) == POSTERN_E_INVALID);
  CHECK(t.set(0, text("k"), text("x"), 0) == POSTERN_E_GONE);
  CHECK(t.remove(d, text("k")) == POSTERN_OK);
  CHECK(t.remove(d, text("k")) == POSTERN_E_NOT_FOUND);
}

TEST_CASE("dict: limits") {
  const auto& t = dict_table();
  auto d = t.open(nullptr, text("tables_test"), 1024 * 1024);
  postern_limit rule{sizeof(postern_limit), POSTERN_LIMIT_TOKEN_BUCKET, 1, 3'600'000, 2, 1};
  postern_limit_result result{};
  result.struct_size = sizeof result;
  for (std::uint32_t allowed : {1u, 1u, 0u}) {
    CHECK(t.limit(d, text("limited"), &rule, &result) == POSTERN_OK);
    CHECK(result.allowed == allowed);
  }
  CHECK(result.retry_after_ms > 3'500'000);
  CHECK(result.struct_size == sizeof result);
  for (auto wrong : {postern_limit{sizeof rule, 2, 1, 1, 1, 1}, postern_limit{sizeof rule, 0, 0, 1, 1, 1},
                     postern_limit{sizeof rule, 0, 1, 0, 1, 1}, postern_limit{sizeof rule, 0, 1, 1, 0, 0},
                     postern_limit{4, 0, 1, 1, 1, 1}, postern_limit{sizeof rule, 1, ~0ull, ~0ull, 0, 1}})
    CHECK(t.limit(d, text("limited"), &wrong, &result) == POSTERN_E_INVALID);
  CHECK(t.limit(d, text("limited"), nullptr, &result) == POSTERN_E_INVALID);
  postern_limit_result older{8, 7, 99, 99, 99};  // built when the struct was shorter
  CHECK(t.limit(d, text("limited"), &rule, &older) == POSTERN_OK);
  CHECK(older.allowed == 0);
  CHECK(older.remaining == 99);
}

TEST_CASE("metrics: through the table") {
  const auto& t = metrics_table();
  postern_str labels[] = {text("route")};
  double buckets[] = {1, 2};
  postern_metric m{};
  m.struct_size = sizeof m;
  m.type = POSTERN_METRIC_HISTOGRAM;
  m.name = text("tables_test_seconds");
  m.help = text("Help.");
  m.label_names = labels;
  m.label_count = 1;
  m.buckets = buckets;
  m.bucket_count = 2;
  auto family = t.family(nullptr, &m);
  REQUIRE(family != 0);
  CHECK(t.family(nullptr, &m) == family);
  postern_str values[] = {text("users")};
  auto series = t.series(family, values, 1);
  t.observe(series, 1.5);
  std::string out;
  t.expose([](void* user, postern_str piece) { static_cast<std::string*>(user)->append(piece.ptr, piece.len); }, &out);
  CHECK(out.find("tables_test_seconds_bucket{route=\"users\",le=\"2\"} 1\n") != std::string::npos);
  CHECK(t.series(family, nullptr, 1) != 0);
  CHECK(t.series(0, values, 1) == 0);
  CHECK(t.series(~0ull, values, 1) == 0);
  m.label_names = nullptr;
  CHECK(t.family(nullptr, &m) == 0);
  m.label_count = 0;
  m.type = 3;
  CHECK(t.family(nullptr, &m) == 0);
  m.type = 0;
  m.name = kBadString;
  CHECK(t.family(nullptr, &m) == 0);
  CHECK(t.family(nullptr, nullptr) == 0);
}

TEST_CASE_FIXTURE(InstanceFixture, "log: levels, and arguments that lie") {
  const auto& t = log_table();
  CHECK(t.enabled(&instance, POSTERN_LOG_ERROR) == 1);
  CHECK(t.enabled(&instance, POSTERN_LOG_TRACE) == 0);
  CHECK(t.enabled(nullptr, POSTERN_LOG_ERROR) == 0);
  postern_log_field fields[2] = {};
  fields[0].key = text("key");
  fields[0].value.type = POSTERN_VALUE_STRING;
  fields[0].value.string = kBadString;
  fields[1].key = kBadString;
  t.write(&instance, POSTERN_LOG_INFO, text("fields that cannot be read are left empty"), fields, 2);
  t.write(&instance, POSTERN_LOG_INFO, kBadString, nullptr, 7);
  t.write(&instance, POSTERN_LOG_INFO, text("no fields after all"), nullptr, 7);
}

TEST_CASE_FIXTURE(InstanceFixture, "template: compiled in on_configure only") {
  const auto& t = template_table();
  postern_str error{};
  CHECK(t.compile(&instance, text("${request.path}"), 0, &error) == nullptr);
  CHECK(error.len > 0);
  instance.in_configure = true;
  CHECK(t.compile(&instance, text("${request.path"), 0, &error) == nullptr);
  CHECK(std::string(error.ptr, error.len).find("brace") != std::string::npos);
  CHECK(t.compile(&instance, kBadString, 0, &error) == nullptr);
  auto compiled = t.compile(&instance, text("${client.ip}-${consumer.id}-${client.ip}"), 0, &error);
  REQUIRE(compiled != nullptr);
  CHECK(error.len == 0);
  CHECK(t.variable_count(compiled) == 2);
  CHECK(view(t.variable_at_view(compiled, 0)) == "client.ip");
  CHECK(view(t.variable_at_view(compiled, 1)) == "consumer.id");
  CHECK(t.variable_at_view(compiled, 2).len == 0);
  CHECK(t.variable_count(nullptr) == 0);
  postern_str out{};
  CHECK(t.expand(1, nullptr, &out) == POSTERN_E_INVALID);
  CHECK(t.expand(1, compiled, &out) == POSTERN_E_STATE);
}

TEST_CASE_FIXTURE(InstanceFixture, "expressions are compiled in on_configure, and what they name counts as read") {
  const auto& t = expression_table();
  postern_str error{};
  CHECK(t.compile(&instance, text("method == \"GET\""), 0, &error) == nullptr);
  instance.in_configure = true;
  CHECK(t.compile(&instance, text("method =="), 0, &error) == nullptr);
  CHECK(view(error).starts_with("column "));
  auto compiled = t.compile(&instance, text("consumer.id == \"ann\""), POSTERN_HOOK_RESPONSE, &error);
  REQUIRE((compiled != nullptr));
  REQUIRE(instance.declared.reads.size() == 1);
  CHECK(instance.declared.reads[0].subject == "consumer.id");
  CHECK(instance.declared.reads[0].hook == POSTERN_HOOK_RESPONSE);
  CHECK(t.holds(1, nullptr) == POSTERN_E_INVALID);
  CHECK(t.holds(1, compiled) == POSTERN_E_STATE);  // no worker's thread
}

TEST_CASE_FIXTURE(InstanceFixture, "services: published once, pinned while acquired") {
  const auto& t = services_table();
  struct Table {
    std::uint32_t struct_size = sizeof(Table), version = 2;
  } table, empty{0, 1};
  postern_instance_s user;
  introduce(user, "user");
  CHECK(t.publish(&instance, text("redis/main"), &table) == POSTERN_E_STATE);  // it has not said so
  for (auto* publisher : {&instance, &user}) publisher->declared.offers = {{"redis/main", 1, {}}, {"x", 1, {}}};
  CHECK(t.publish(&instance, text("redis/main"), &table) == POSTERN_OK);
  CHECK(t.publish(&user, text("redis/main"), &table) == POSTERN_E_EXISTS);
  CHECK(t.publish(&user, text("x"), nullptr) == POSTERN_E_INVALID);
  CHECK(t.publish(&user, text("x"), &empty) == POSTERN_E_INVALID);
  CHECK(t.publish(&user, {}, &table) == POSTERN_E_INVALID);

  CHECK(t.acquire(&user, text("redis/other"), 1) == nullptr);
  CHECK(t.acquire(&user, text("redis/main"), 3) == nullptr);
  user.presence.leave(3);  // not started yet, or stopped again
  CHECK(t.acquire(&user, text("redis/main"), 1) == nullptr);
  user.presence.enter(3);
  CHECK_FALSE(instance.pins.any());
  CHECK(t.acquire(&user, text("redis/main"), 2) == &table);
  CHECK(t.acquire(&user, text("redis/main"), 1) == &table);
  CHECK(instance.pins.count(HandleKind::service) == 2);
  t.release(&user, &table);
  t.release(&instance, &table);  // never acquired it
  CHECK(instance.pins.count(HandleKind::service) == 1);
  release_services(&user);
  CHECK_FALSE(instance.pins.any());
  t.release(&user, &table);
  CHECK_FALSE(instance.pins.any());
}

TEST_CASE("control: reload asks whoever said how, routes come from the plan") {
  const auto& t = control_table();
  CHECK(t.reload() == POSTERN_E_STATE);
  int asked = 0;
  set_reload_hook([&] { ++asked; });
  set_worker_count(4);
  CHECK(t.reload() == POSTERN_OK);
  CHECK(asked == 1);
  CHECK(loop_table().worker_count() == 4);
  set_reload_hook({});
  CHECK(t.reload() == POSTERN_E_STATE);
}

TEST_CASE_FIXTURE(WorkerFixture, "control: routes in written order") {
  const auto& t = control_table();
  CHECK(t.generation(&instance) == 7);
  CHECK(t.route_count(&instance) == 0);
  adopt(R"(
version: 1
listeners: [{name: public, address: 127.0.0.1:0}]
upstreams: {users: {targets: [127.0.0.1:9]}}
routes:
  - {id: b, match: {path: /b}, upstream: users}
  - {id: a, match: {path: /a}, upstream: users}
)");
  CHECK(t.route_count(&instance) == 2);
  postern_route_info info{};
  info.struct_size = sizeof info;
  CHECK(t.route_at(&instance, 0, &info) == POSTERN_OK);
  CHECK(view(info.id_view) == "b");
  CHECK(view(info.path_view) == "/b");
  CHECK(view(info.upstream_view) == "users");
  CHECK(t.route_at(&instance, 2, &info) == POSTERN_E_NOT_FOUND);
  CHECK(t.route_at(&instance, 0, nullptr) == POSTERN_E_INVALID);
}

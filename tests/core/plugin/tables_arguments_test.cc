// What the tables answer to handles that mean nothing, wrong threads and malformed arguments.
#include <doctest/doctest.h>

#include <string>

#include "core/plugin/worker_fixture.h"

using namespace postern::plugin;

namespace {
constexpr std::uint64_t kNoHandle = 0;
constexpr std::uint64_t kEnded = (4ull << 56) | 1;      // of worker 3, never given out
constexpr std::uint64_t kElsewhere = (9ull << 56) | 1;  // of another worker
}  // namespace

TEST_CASE("tables begin with their size and version, and leave no function out") {
  auto complete = [](const auto& table) {
    CHECK(table.struct_size == sizeof(table));
    CHECK(table.version >= 1);
    CHECK(table.version <= POSTERN_ABI_MINOR);
    auto* words = reinterpret_cast<void* const*>(&table);
    for (std::size_t i = 1; i < sizeof(table) / sizeof(void*); ++i) CHECK(words[i] != nullptr);
  };
  complete(exchange_table());
  complete(body_table());
  complete(log_table());
  complete(metrics_table());
  complete(timer_table());
  complete(dict_table());
  complete(call_table());
  complete(upstream_table());
  complete(services_table());
  complete(work_table());
  complete(loop_table());
  complete(template_table());
  complete(control_table());
  complete(connection_table());
  complete(expression_table());
}

// Hazard 2: the struct may grow; what a later SDK asks for in its new members is refused where nobody knows them.
TEST_CASE("instance: a body policy says how long it is, and what is unknown in it must be nothing") {
  InstanceFixture f;
  f.instance.in_configure = true;
  struct {
    postern_body_policy known{};
    std::uint64_t later = 0;
  } policy;
  auto declare = [&](std::uint32_t size) {
    policy.known.struct_size = size;
    return instance_table().declare_body(&f.instance, POSTERN_REQUEST, &policy.known);
  };
  policy.known.policy = POSTERN_BODY_STREAM;
  CHECK(declare(sizeof(policy.known)) == POSTERN_OK);
  CHECK(declare(0) == POSTERN_E_INVALID);
  CHECK(declare(sizeof(policy)) == POSTERN_OK);
  policy.later = 1;
  CHECK(declare(sizeof(policy)) == POSTERN_E_INVALID);
  CHECK(declare(sizeof(policy.known)) == POSTERN_OK);
}

TEST_CASE("off the worker's thread exchange functions answer STATE") {
  postern_str value{};
  CHECK(exchange_table().header_get(kEnded, POSTERN_REQUEST, text("a"), &value) == POSTERN_E_STATE);
  CHECK(exchange_table().respond(kEnded, 200, {}, {}) == POSTERN_E_STATE);
  CHECK(exchange_table().allocate(kEnded, 16) == nullptr);
  CHECK(exchange_table().header_count(kEnded, POSTERN_REQUEST) == 0);
  CHECK(exchange_table().header_list(kEnded, POSTERN_REQUEST, 0, 1, nullptr) == 0);
  CHECK(body_table().replace(kEnded, POSTERN_REQUEST, {}) == POSTERN_E_STATE);
  CHECK(body_table().give(kEnded, POSTERN_REQUEST, {}) == POSTERN_E_STATE);
  CHECK(body_table().stream(kEnded, POSTERN_REQUEST) == POSTERN_E_STATE);
  CHECK(upstream_table().endpoint_count(kEnded) == 0);
  CHECK(loop_table().uv_loop() == nullptr);
  CHECK(loop_table().worker() == -1);
  InstanceFixture f;
  CHECK(timer_table().start(
            &f.instance, 1, 0, [](void*) {}, nullptr) == 0);
  CHECK(work_table().submit(
            &f.instance, 0, [](void*) {}, nullptr, nullptr) == 0);
  CHECK(timer_table().cancel(kEnded) == POSTERN_E_STATE);
  CHECK_FALSE(f.instance.pins.any());
}

TEST_CASE_FIXTURE(WorkerFixture, "a handle that has ended is GONE, one of another worker is STATE") {
  on_worker([] {
    postern_str value{};
    postern_exchange_info info{};
    info.struct_size = sizeof info;
    for (std::uint64_t handle : {kNoHandle, kEnded, std::uint64_t{~0ull >> 8}}) {
      CHECK(exchange_table().request_get(handle, POSTERN_FIELD_PATH, &value) == POSTERN_E_GONE);
      CHECK(exchange_table().header_set(handle, POSTERN_REQUEST, text("a"), text("b")) == POSTERN_E_GONE);
      CHECK(exchange_table().info(handle, &info) == POSTERN_E_GONE);
      CHECK(timer_table().cancel(handle) == POSTERN_E_GONE);
      CHECK(work_table().cancel(handle) == POSTERN_E_GONE);
      CHECK(call_table().cancel(handle) == POSTERN_E_GONE);
    }
    CHECK(exchange_table().request_get(kElsewhere, POSTERN_FIELD_PATH, &value) == POSTERN_E_STATE);
    CHECK(timer_table().cancel(kElsewhere) == POSTERN_E_STATE);
    postern_connection_info connection{};
    connection.struct_size = sizeof connection;
    CHECK(connection_table().info(kEnded, &connection) == POSTERN_E_GONE);
  });
}

TEST_CASE("malformed arguments are INVALID before anything is looked up") {
  const auto& x = exchange_table();
  postern_str value{};
  CHECK(x.request_get(kEnded, 7, &value) == POSTERN_E_INVALID);
  CHECK(x.request_get(kEnded, 0, nullptr) == POSTERN_E_INVALID);
  CHECK(x.request_set(kEnded, POSTERN_FIELD_PATH, kBadString) == POSTERN_E_INVALID);
  CHECK(x.header_get(kEnded, 4, text("a"), &value) == POSTERN_E_INVALID);
  CHECK(x.header_get(kEnded, 0, kBadString, &value) == POSTERN_E_INVALID);
  for (auto status : {0u, 100u, 199u, 600u, ~0u}) {
    CHECK(x.status_set(kEnded, status) == POSTERN_E_INVALID);
  }
  CHECK(x.set_origin(kEnded, POSTERN_ORIGIN_UPSTREAM) == POSTERN_E_INVALID);
  CHECK(x.pause(kEnded, nullptr) == POSTERN_E_INVALID);
  CHECK(x.on_end(kEnded, nullptr, nullptr, nullptr) == POSTERN_E_INVALID);
  CHECK(x.info(kEnded, nullptr) == POSTERN_E_INVALID);
  CHECK(body_table().replace(kEnded, POSTERN_REQUEST_TRAILERS, {}) == POSTERN_E_INVALID);
  CHECK(body_table().give(kEnded, POSTERN_RESPONSE, {}) == POSTERN_E_INVALID);
  CHECK(body_table().give(kEnded, POSTERN_REQUEST, {nullptr, 1}) == POSTERN_E_INVALID);
  CHECK(body_table().stream(kEnded, POSTERN_REQUEST_TRAILERS) == POSTERN_E_INVALID);
  CHECK(loop_table().post(nullptr, 0, nullptr, nullptr) == POSTERN_E_INVALID);
}

TEST_CASE("variables are numbered, and numbers that nobody gave out are refused") {
  const auto& x = exchange_table();
  auto id = x.variable_id(text("consumer.id"));
  CHECK(id != 0);
  CHECK(x.variable_id(text("consumer.id")) == id);
  for (auto name : {"", "Consumer", "a b", "a\n"}) CHECK(x.variable_id(text(name)) == 0);
  CHECK(x.variable_id(text(std::string(129, 'a'))) == 0);
  CHECK(x.variable_id(kBadString) == 0);
  postern_value value{};
  for (auto bad : {0u, 65'535u, 65'536u, ~0u}) CHECK(x.variable_get(kEnded, bad, &value) == POSTERN_E_INVALID);
  CHECK(x.variable_list(kEnded, nullptr, 1, &value) == POSTERN_E_INVALID);
  CHECK(x.variable_list(kEnded, &id, 1, nullptr) == POSTERN_E_INVALID);
  CHECK(x.variable_list(kEnded, &id, 1, &value) != POSTERN_OK);
  value.type = 5;
  CHECK(x.variable_set(kEnded, id, &value) == POSTERN_E_INVALID);
  value.type = POSTERN_VALUE_STRING;
  value.string = kBadString;
  CHECK(x.variable_set(kEnded, id, &value) == POSTERN_E_INVALID);
}

TEST_CASE_FIXTURE(WorkerFixture, "resume works from any thread, and late ones are harmless") {
  const auto& x = exchange_table();
  CHECK(x.resume({kEnded, 1}, POSTERN_SUSPEND) == POSTERN_E_INVALID);
  CHECK(x.resume({kEnded, 1}, 17) == POSTERN_E_INVALID);
  CHECK(x.resume({kNoHandle, 1}, POSTERN_CONTINUE) == POSTERN_E_GONE);
  CHECK(x.resume({kElsewhere, 1}, POSTERN_CONTINUE) == POSTERN_E_GONE);
  CHECK(x.resume({kEnded, 1}, POSTERN_CONTINUE) == POSTERN_OK);  // the worker will find nothing
  on_worker([&] { CHECK(x.resume({kEnded, 1}, POSTERN_CONTINUE) == POSTERN_E_GONE); });
  CHECK(connection_table().resume({kEnded, 1}, POSTERN_RESPOND) == POSTERN_E_INVALID);
  CHECK(connection_table().resume({kEnded, 1}, POSTERN_ABORT) == POSTERN_OK);
}

TEST_CASE_FIXTURE(WorkerFixture, "a walk over what is open is empty off a worker and behind any handle of another") {
  CHECK(exchange_table().next(0) == 0);
  CHECK(connection_table().next(0) == 0);
  on_worker([&] {
    for (auto handle : {postern_exchange{0}, kNoHandle, kElsewhere, kEnded, ~postern_exchange{0}}) {
      CHECK(exchange_table().next(handle) == 0);
      CHECK(connection_table().next(handle) == 0);
    }
  });
}

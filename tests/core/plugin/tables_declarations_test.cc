// "instance" and "metrics" inside on_configure: what an instance declares, and where it is told that this is wrong.
#include <doctest/doctest.h>

#include "core/plugin/worker_fixture.h"
#include "plugin/host_tables/collectors.h"

using namespace postern;
using namespace postern::plugin;

namespace {

struct Configuring : InstanceFixture {
  Configuring() {
    instance.path = "routes/r/plugins/mask";
    instance.position.line = 7;
    instance.in_configure = true;
  }
  postern_status buffer(std::uint64_t limit) {
    const postern_body_policy policy{sizeof(postern_body_policy), POSTERN_BODY_BUFFER, POSTERN_OVERFLOW_REJECT, 0,
                                     limit};
    return instance_table().declare_body(&instance, POSTERN_REQUEST, &policy);
  }
};

void count(void* user) { ++*static_cast<int*>(user); }

}  // namespace

// F28: nobody had to look at the status, and a plugin whose policy was refused saw no body at all.
TEST_CASE_FIXTURE(Configuring,
                  "a policy that cannot be is a problem of the configuration, whoever looks at the status") {
  CHECK(buffer(1) == POSTERN_OK);
  CHECK(instance.problems.empty());
  CHECK(buffer(0) == POSTERN_E_INVALID);
  CHECK(buffer((1ull << 30) + 1) == POSTERN_E_INVALID);
  REQUIRE(instance.problems.size() == 2);
  CHECK(instance.problems[0].text == "a body is buffered up to 1 byte at least and 1 GiB at most, not 0");
  CHECK(instance.declared.request_body.limit == 1);
  instance.in_configure = false;
  CHECK(buffer(1) == POSTERN_E_STATE);
}

TEST_CASE_FIXTURE(Configuring, "what is wrong with a declaration is told where its value stands") {
  config::Node limit;
  limit.kind = config::Node::Kind::integer;
  limit.position.line = 9;
  config::Node map;
  map.kind = config::Node::Kind::map;
  map.members.emplace_back("limit", limit);
  set_config(&instance, std::move(map));
  const auto& t = instance_table();

  t.declare_at(&instance, &instance.root.children[0]);
  buffer(0);
  t.declare_provides(&instance, text("Not A Name"), 0);
  t.declare_at(&instance, nullptr);
  buffer(0);
  REQUIRE(instance.problems.size() == 3);
  for (int i : {0, 1}) {
    CHECK(instance.problems[i].path == "routes/r/plugins/mask/limit");
    CHECK(instance.problems[i].position.line == 9);
  }
  CHECK(instance.problems[2].position.line == 7);
}

TEST_CASE_FIXTURE(Configuring,
                  "a collector runs before each exposition, from the end of the configuration to the instance's") {
  int runs = 0;
  CHECK(metrics_table().collector(&instance, nullptr, &runs) == POSTERN_E_INVALID);
  CHECK(metrics_table().collector(&instance, &count, &runs) == POSTERN_OK);
  metrics().expose();
  CHECK(runs == 0);
  instance.in_configure = false;
  CHECK(metrics_table().collector(&instance, &count, &runs) == POSTERN_E_STATE);
  start_collectors(&instance);
  start_collectors(&instance);
  metrics().expose();
  CHECK(runs == 1);
  stop_collectors(&instance);
  metrics().expose();
  CHECK(runs == 1);
}

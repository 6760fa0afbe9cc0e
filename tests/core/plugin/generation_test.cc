#include "plugin/generation.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "plugin/host_tables/host_tables.h"

using namespace postern;
using plugin::Generation;
namespace fs = std::filesystem;

namespace {

struct Built {
  std::shared_ptr<Generation> generation;
  std::vector<std::string> problems;
};

// `yaml` without what every configuration needs.
Built build(const std::string& yaml, const std::string& plugin_path = POSTERN_TEST_PLUGINS "/v1",
            std::uint64_t number = 1) {
  config::Problems problems;
  auto text = yaml + "version: 1\nlisteners: [{name: public, address: \"127.0.0.1:0\"}]\n" +
              "upstreams: {u: {targets: [\"127.0.0.1:1\"]}}\nplugin_path: [\"" + plugin_path + "\", \"" +
              POSTERN_BROKEN_PLUGINS "\"]\n";
  auto config = std::make_shared<const config::Config>(config::load_text(text, "g.yaml", problems));
  for (const auto& p : problems) FAIL(p.line());
  Built out;
  out.generation = Generation::build(config, number, problems);
  for (const auto& p : problems) out.problems.push_back(p.line());
  CHECK((out.generation == nullptr) == !out.problems.empty());
  return out;
}

std::string route(const std::string& plugins) {
  return "routes:\n  - id: r\n    match: {path: /}\n    upstream: u\n    plugins: [" + plugins + "]\n";
}

std::vector<std::string> names(const proxy::Chain& chain) {
  std::vector<std::string> out;
  for (const auto& link : chain.links()) out.push_back(link.instance->name);
  return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a generation has the instances of its lists in written order, without the disabled ones") {
  auto b = build(
      "plugins: [{mark: {_: {name: wide}}}]\n" +
      route("{mark: {_: {name: b}}}, {mark: {_: {name: off, enabled: false}}}, {mark: {_: {name: a, when: 'method "
            "== \"GET\"'}}}"));
  REQUIRE(b.problems == Names{});
  const auto& plan = *b.generation->plan();
  CHECK(names(plan.gateway_chain) == Names{"wide"});
  CHECK(names(plan.routes[0].chain) == Names{"wide", "b", "a"});
  CHECK(plan.routes[0].chain.links()[2].instance->when->text() == "method == \"GET\"");
  CHECK(plan.routes[0].chain.links()[0].instance->scope == "gateway");
  CHECK(plan.routes[0].chain.links()[2].instance->scope == "routes/r");
  CHECK(b.generation->release());
}

TEST_CASE("what is disabled is checked against its schema and not configured") {
  CHECK(build(route("{throws: {hook: on_configure, _: {enabled: false}}}, mark")).problems == Names{});
  CHECK(build(route("{throws: {_: {enabled: false}}}")).problems.size() == 1);
}

TEST_CASE("all problems of all instances are reported at once, and everything configured is destroyed again") {
  auto b = build(route("fails-configure, {mark: {tga: x}}, wrong-abi, marc, {mark: {_: {name: good}}}"));
  CHECK(b.problems.size() == 4);
}

TEST_CASE("a plugin that throws while it is configured is refused like one that fails") {
  auto b = build(route("{throws: {hook: on_configure}}"));
  REQUIRE(b.problems.size() == 1);
  CHECK(b.problems[0].starts_with("g.yaml:5:"));
}

TEST_CASE("an order that cannot work is refused, in each chain that has it") {
  auto b = build(
      route("{mark: {consumes: consumer.id, _: {name: limiter}}}, {mark: {provides: consumer.id, _: {name: auth}}}"));
  REQUIRE(b.problems.size() == 1);
  CHECK(b.problems[0].find(
            "routes/r: \"limiter\" needs consumer.id (the scenario wants it), which \"auth\" provides one place "
            "later. Move \"auth\" above it.") != std::string::npos);
}

TEST_CASE("an older plugin's shorter table works with the hooks that it has") {
  auto b = build(route("table-too-short"));
  REQUIRE(b.problems == Names{});
  const auto* instance = b.generation->plan()->routes[0].chain.links()[0].instance;
  CHECK((instance->hooks == POSTERN_HOOK_REQUEST));
  CHECK((instance->plugin->on_response == nullptr));
}

TEST_CASE("a pinned generation says what pins it, and is released later") {
  auto b = build(route("mark"));
  REQUIRE(b.generation);
  auto* instance = b.generation->of_route(0)[0];
  instance->pins.add(plugin::HandleKind::timer);
  auto refused = b.generation->release();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().text.find("routes/r/plugins/mark holds 1 timer") != std::string::npos);
  instance->pins.remove(plugin::HandleKind::timer);
  CHECK(b.generation->release());
}

TEST_CASE("a replaced file lives beside the old one, an unchanged one is shared") {
  std::string folder = (fs::temp_directory_path() / "postern-generation-XXXXXX").string();
  REQUIRE(mkdtemp(folder.data()) != nullptr);
  auto install = [&](const char* version) {
    fs::copy_file(std::string(POSTERN_TEST_PLUGINS "/") + version + "/mark.so", folder + "/new");
    fs::rename(folder + "/new", folder + "/mark.so");
  };
  auto instance_of = [](const Built& b) { return b.generation->plan()->routes[0].chain.links()[0].instance; };
  install("v1");
  auto first = build(route("mark"), folder, 1);
  auto same = build(route("mark"), folder, 2);
  install("v2");
  auto replaced = build(route("mark"), folder, 3);
  REQUIRE((first.generation && same.generation && replaced.generation));
  CHECK((instance_of(first)->plugin_version == "1.0.0"));
  CHECK((instance_of(replaced)->plugin_version == "2.0.0"));
  CHECK((instance_of(same)->plugin->on_request == instance_of(first)->plugin->on_request));
  CHECK((instance_of(replaced)->plugin->on_request != instance_of(first)->plugin->on_request));
  CHECK(first.generation->release());
  CHECK(same.generation->release());
  CHECK((instance_of(replaced)->plugin->on_request != nullptr));
  fs::remove_all(folder);
}

TEST_CASE("a worker's start reports once, and an instance that throws there fails it") {
  auto good = build(route("mark"));
  int reports = 0;
  good.generation->start_worker(0, [&](Result<void> r) { reports += r ? 1 : 100; });
  CHECK(reports == 1);
  good.generation->stop_worker(0, [&] { ++reports; });
  CHECK(reports == 2);
  CHECK(good.generation->release());

  auto bad = build(route("mark, {throws: {hook: on_worker_start}}"));
  std::string error;
  bad.generation->start_worker(0, [&](Result<void> r) { error = r ? "" : r.error().text; });
  CHECK(error.find("routes/r/plugins/throws: plugin \"throws\" failed in on_worker_start") != std::string::npos);
  CHECK(bad.generation->release());
}

TEST_CASE("readiness is reported from any thread; late, repeated and lost reports do nothing") {
  postern_instance_s instance;
  plugin::enter_live(&instance);
  instance.readiness.begin();
  std::thread other([&] {
    plugin::instance_table().ready(&instance, 0, POSTERN_E_FAILED, {"no", 2});
    plugin::instance_table().ready(&instance, 0, POSTERN_OK, {});
  });
  plugin::Readiness::Outcome outcome;
  CHECK(instance.readiness.wait(60'000, outcome));
  other.join();
  CHECK(outcome.status == POSTERN_E_FAILED);
  CHECK(outcome.error == "no");
  plugin::instance_table().ready(&instance, 0, POSTERN_OK, {});
  instance.readiness.begin();
  CHECK_FALSE(instance.readiness.wait(0, outcome));
  plugin::leave_live(&instance);
  plugin::instance_table().ready(&instance, 0, POSTERN_OK, {});
}

TEST_CASE("readiness of one worker says nothing about another") {
  plugin::Readiness readiness;
  std::vector<int> ready;
  readiness.begin_worker(1, [&](auto) { ready.push_back(1); });
  readiness.begin_worker(2, [&](auto) { ready.push_back(2); });
  readiness.report(2, {});
  CHECK(ready == std::vector<int>{2});
  readiness.report(POSTERN_EVERY_WORKER, {});
  CHECK(ready == std::vector<int>{2, 1});
}

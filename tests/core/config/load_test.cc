#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "core/config/loading.h"

using namespace postern::config;

TEST_CASE("a whole configuration becomes structs") {
  Loaded loaded = load(R"yaml(
version: 1
workers: 3
listeners:
  - name: public
    address: 0.0.0.0:8080
plugin_path: [build/release/plugins, scripts]
trusted_proxies: [10.0.0.0/8, "2001:db8::/32", 192.0.2.1]
upstreams:
  users:
    balance: least_connections
    targets:
      - 127.0.0.1:9001
      - {address: users.internal:9002, weight: 2}
    timeouts: {connect: 2s, response: 1.5s}
    pool: {max_connections: 7, max_waiting: 0}
    preserve_host: false
stacks:
  inner:
    - jwt: {secret: s, _: {name: first, on_error: fail_open, when: "method == \"GET\"", timeout: 2s, mode: shadow}}
  api:
    - cors: {allowed_origins: ["https://example.com"]}
    - stack: inner
services:
  - redis: {name: main}
plugins: [request-id, {access-log: {format: json}}]
routes:
  - id: users
    match: {host: API.example.com, path: ["/api/users/*", "/u/:id"], methods: [GET, POST], listener: public,
            headers: {x-version: 2, x-old: {present: false}}, query: {q: {prefix: a}}, cookies: {c: {regex: "^x", not: true}}}
    strip_prefix: /api/
    upstream: users
    timeout: 10s
    body_limit: 0
    plugins:
      - stack: api
      - my-policy: {tier: gold}
  - id: inline
    match: {path_regex: "^/[0-9]+$"}
    rewrite: {regex: "^/(.*)", replacement: "/n/$1"}
    upstream: {targets: ["unix:/run/x.sock"]}
limits: {body: 1m, fields: 50}
timeouts: {drain: 0, idle: 1m}
log: {level: debug, modules: {plugin.jwt: trace}, json: false}
)yaml");
  REQUIRE(loaded.text() == "");
  const Config& c = loaded.config;
  CHECK(c.workers == 3);
  CHECK(c.listeners.at(0).address == "0.0.0.0:8080");
  CHECK(c.trusted_proxies.size() == 3);
  REQUIRE(c.upstreams.size() == 2);
  CHECK(c.upstreams[0].balance == Balance::least_connections);
  CHECK(c.upstreams[0].targets.at(1).weight == 2);
  CHECK(c.upstreams[0].timeouts.response == 1500);
  CHECK(c.upstreams[0].timeouts.idle == 90'000);
  CHECK(c.upstreams[0].pool.max_waiting == 0);
  CHECK_FALSE(c.upstreams[0].preserve_host);
  CHECK(c.upstreams[1].name == "route:inline");
  CHECK(c.services.at(0).config.find("name")->string == "main");
  CHECK(c.plugins.at(1).plugin == "access-log");

  const Route& users = c.routes.at(0);
  REQUIRE(users.matches.size() == 2);
  CHECK(users.matches[0].hosts == std::vector<std::string>{"api.example.com"});
  CHECK(users.matches[1].path == "/u/:id");
  CHECK(users.matches[1].headers.at(0).value == "2");
  CHECK(users.matches[1].headers.at(1).negate);
  CHECK(users.matches[1].query.at(0).how == HeaderMatch::How::prefix);
  CHECK(users.matches[1].cookies.at(0).negate);
  CHECK(users.strip_prefix == "/api");
  CHECK(users.timeout == 10'000);
  CHECK(users.body_limit == 0);
  REQUIRE(users.plugins.size() == 3);
  CHECK(users.plugins[0].stack == "api");
  CHECK(users.plugins[1].plugin == "jwt");
  CHECK(users.plugins[1].name == "first");
  CHECK(users.plugins[1].stack == "inner");
  CHECK(users.plugins[1].fail_open);
  CHECK(users.plugins[1].shadow);
  CHECK(users.plugins[1].timeout == 2'000);
  CHECK(users.plugins[1].when == "method == \"GET\"");
  CHECK(users.plugins[1].config.find("_") == nullptr);
  CHECK(users.plugins[1].config.members.size() == 1);
  CHECK(users.plugins[2].position.text() == "test.yaml:37:9");
  CHECK(c.routes.at(1).matches.at(0).path_regex == "^/[0-9]+$");
  CHECK(c.routes.at(1).upstream == "route:inline");
  CHECK(c.limits.body == 1024 * 1024);
  CHECK(c.timeouts.drain == 0);
  CHECK(c.log.modules.at("plugin.jwt") == "trace");
}

TEST_CASE("all problems are reported at once, each with its place and the mend") {
  Loaded loaded = load(R"yaml(version: 1
listners: []
listeners:
  - {name: public, address: "localhost:80"}
upstreams:
  users: {targets: [{address: "a:1", weight: 0}], balance: roundrobin}
timeouts: {idle: 30}
limits: {body: 5000}
routes:
  - id: users
    match: {path: /x, method: GET}
    upstream: user
    plugins: [{stack: api}]
)yaml");
  std::string text = loaded.text();
  CHECK(text.find("test.yaml:2:1: unknown key \"listners\" (did you mean \"listeners\"?)") != std::string::npos);
  CHECK(text.find("test.yaml:4:29: listeners/0/address: expected an address and a port") != std::string::npos);
  CHECK(text.find("test.yaml:6:46: upstreams/users/targets/0/weight: expected an integer from 1 to 1000, found 0") !=
        std::string::npos);
  CHECK(text.find("(did you mean \"round_robin\"?)") != std::string::npos);
  CHECK(text.find("test.yaml:7:18: timeouts/idle: expected a duration from 1ms to 1d (250ms, 10s, 5m), found 30; write "
                  "the unit: 30s or 30ms") != std::string::npos);
  CHECK(text.find("test.yaml:8:16: limits/body: expected a size") != std::string::npos);
  CHECK(text.find("unknown key \"method\" (did you mean \"methods\"?)") != std::string::npos);
  CHECK(text.find("test.yaml:12:15: routes/users/upstream: there is no upstream \"user\" (did you mean \"users\"?)") !=
        std::string::npos);
  CHECK(text.find("routes/users/plugins/stack: there is no stack \"api\"; \"stacks\" defines none") !=
        std::string::npos);
  CHECK(loaded.problems.size() == 9);
}

TEST_CASE("single mistakes") {
  struct Row {
    std::string what;
    const char* text;      // after kHead
    const char* expected;  // part of the problem; empty: none
  };
  const Row rows[] = {
      {"nothing to do", "", "expected at least one route or plugin"},
      {"a gateway-wide plugin is enough", "plugins: [echo]", ""},
      {"a plugin whose keys are not indented", "plugins: [{cors: , allowed: x}]",
       "expected one plugin, found the keys cors, allowed"},
      {"a plugin that is a number", "plugins: [3]", "expected a plugin"},
      {"a path as a plugin", "plugins: [../x]", "a plugin's name has"},
      {"a scalar as configuration", "plugins: [{cors: 3}]", "expected a map, found 3"},
      {"a twin in a chain", "plugins: [cors, cors]", "already in this chain, at test.yaml:4:11"},
      {"a twin with a name", "plugins: [cors, {cors: {_: {name: cors-2}}}]", ""},
      {"a twin of a gateway-wide plugin", "plugins: [cors]\nroutes: [{id: a, match: {path: /}, plugins: [cors]}]",
       "already in this chain"},
      {"unknown host key", "plugins: [{cors: {_: {nmae: a}}}]", "did you mean \"name\""},
      {"admin is not known", "admin: {}\nplugins: [echo]", "unknown key \"admin\""},
      {"a stack as a service", "stacks: {s: []}\nservices: [{stack: s}]\nplugins: [echo]", "cannot be a service"},
      {"a stack with a demand", "stacks: {s: {streaming: both, plugins: [cors]}}\nplugins: [{stack: s}]", ""},
      {"a stack that is a demand alone", "stacks: {s: {streaming: response}}\nplugins: [echo, {stack: s}]", ""},
      {"a stack of nothing", "stacks: {s: {}}\nplugins: [{stack: s}]", "stacks/s: expected plugins, streaming or both"},
      {"an unknown key of a stack", "stacks: {s: {plugin: [cors]}}\nplugins: [echo]", "did you mean \"plugins\""},
      {"an unknown kind of streaming", "stacks: {s: {streaming: all}}\nplugins: [echo]",
       "stacks/s/streaming: expected none, response or both"},
      {"a stack that is a word", "stacks: {s: cors}\nplugins: [echo]", "stacks/s: expected a list"},
      {"a stack within itself", "stacks: {a: [{stack: b}], b: [{stack: a}]}\nplugins: [echo]", "contains itself"},
      {"route without an id", "routes: [{match: {path: /}, upstream: users}]", "\"id\" is missing"},
      {"route without a match", "routes: [{id: a, upstream: users}]", "\"match\" is missing"},
      {"route without an answer", "routes: [{id: a, match: {path: /}}]", "neither an upstream nor a plugin"},
      {"two routes of one id",
       "routes: [{id: a, match: {path: /}, upstream: users}, {id: a, match: {path: /b}, upstream: users}]",
       "the route id \"a\" is taken, at test.yaml:4:10"},
      {"both paths", "routes: [{id: a, match: {path: /, path_regex: x}, upstream: users}]", "exclude each other"},
      {"path without a slash", "routes: [{id: a, match: {path: x}, upstream: users}]", "a path begins with \"/\""},
      {"small method", "routes: [{id: a, match: {methods: get}, upstream: users}]", "in upper case"},
      {"unknown listener", "routes: [{id: a, match: {listener: pubic}, upstream: users}]", "did you mean \"public\""},
      {"host with a port", "routes: [{id: a, match: {host: \"a:80\"}, upstream: users}]", "without a port"},
      {"two tests in one condition", "routes: [{id: a, match: {headers: {x: {exact: a, prefix: b}}}, upstream: users}]",
       "expected one of"},
      {"rewrite of both kinds", "routes: [{id: a, match: {path: /}, rewrite: {path: /, regex: x}, upstream: users}]",
       "expected either"},
      {"strip and replace",
       "routes: [{id: a, match: {path: /}, strip_prefix: /x, rewrite: {path: /}, upstream: users}]", "has no effect"},
      {"inline upstream without targets", "routes: [{id: a, match: {path: /}, upstream: {balance: random}}]",
       "\"targets\" is missing"},
      {"workers", "workers: 0\nplugins: [echo]", "expected auto or an integer from 1 to 254, found 0"},
      {"the most workers", "workers: 254\nplugins: [echo]", ""},
      {"one worker more", "workers: 255\nplugins: [echo]",
       "test.yaml:4:10: workers: expected auto or an integer from 1 to 254, found 255"},
      {"proxies", "trusted_proxies: [10.0.0.0/33]\nplugins: [echo]", "expected an address or a block"},
      {"yes is no boolean", "log: {json: yes}\nplugins: [echo]", "expected true or false, found \"yes\""},
      {"a number in quotes", "limits: {fields: \"10\"}\nplugins: [echo]", "remove the quotes"},
      {"an empty section is fine", "limits:\nroutes:\nplugins: [echo]", ""},
      {"include in a text", "include: [x]\nplugins: [echo]", "only a file can include others"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.what);
    Loaded loaded = load(kHead + row.text);
    if (*row.expected == '\0')
      CHECK(loaded.text() == "");
    else
      CHECK_MESSAGE(loaded.text().find(row.expected) != std::string::npos, loaded.text());
  }
}

TEST_CASE("the version is required and known") {
  CHECK(load("listeners: []\n").text().find("\"version\" is missing") != std::string::npos);
  CHECK(load("version: 2\n").text().find("expected 1, the version of the configuration language, found 2") !=
        std::string::npos);
}

TEST_CASE("a listener is required; addresses and names are unique") {
  CHECK(load("version: 1\nplugins: [echo]").text() ==
        "test.yaml: listeners: expected at least one listener, found none\n");
  Loaded twins = load(
      "version: 1\nplugins: [echo]\nlisteners:\n"
      "  - {name: a, address: \"127.0.0.1:80\"}\n  - {name: a, address: \"127.0.0.1:80\"}\n"
      "  - {name: b, address: \"127.0.0.1:0\"}\n  - {name: c, address: \"127.0.0.1:0\"}\n");
  CHECK(twins.problems.size() == 2);
}

TEST_CASE("a listener speaks HTTP/2 and HTTP/1.1 unless it is told otherwise") {
  auto with = [](const std::string& more) {
    return load("version: 1\nplugins: [echo]\nlisteners:\n  - {name: a, address: \"127.0.0.1:80\"" + more + "}\n");
  };
  CHECK(with("").config.listeners.at(0).protocols == std::vector<std::string>{"h2", "http/1.1"});
  CHECK(with(", protocols: [http/1.1]").config.listeners.at(0).protocols == std::vector<std::string>{"http/1.1"});
  CHECK(with(", protocols: [h3]").text().starts_with("test.yaml:4:52: listeners/0/protocols/0: expected h2"));
  CHECK(with(", protocols: []").problems.size() == 1);
  CHECK(with(", protocols: [h2, h2]").problems.size() == 1);
  CHECK(with(", protocols: h2").problems.size() == 1);
}

TEST_CASE("limits of HTTP/2 have bounds") {
  Loaded good = load(
      kHead +
      "plugins: [echo]\nlimits: {http2: {concurrent_streams: 5, stream_window: 1m, resets: 7, control_frames: 20}}\n");
  CHECK(good.text() == "");
  CHECK(good.config.limits.http2.concurrent_streams == 5);
  CHECK(good.config.limits.http2.stream_window == 1024 * 1024);
  CHECK(good.config.limits.http2.resets == 7);
  CHECK(good.config.limits.http2.control_frames == 20);
  for (std::string bad :
       {"concurrent_streams: 0", "stream_window: 1k", "stream_window: 1g", "resets: 0", "control_frames: 1", "x: 1"})
    CHECK(load(kHead + "plugins: [echo]\nlimits: {http2: {" + bad + "}}\n").problems.size() == 1);
}

TEST_CASE("consistent_hash needs hash_by, others refuse it") {
  std::string head = "version: 1\nplugins: [echo]\nlisteners: [{name: a, address: \"127.0.0.1:80\"}]\n";
  CHECK(load(head + "upstreams: {u: {balance: consistent_hash, targets: [\"a:1\"]}}").problems.size() == 1);
  CHECK(load(head + "upstreams: {u: {hash_by: x, targets: [\"a:1\"]}}").problems.size() == 1);
  CHECK(
      load(head + "upstreams: {u: {balance: consistent_hash, hash_by: \"${request.cookie.sid}\", targets: [\"a:1\"]}}")
          .text() == "");
}

TEST_CASE("an upstream's protocol is one of three, and streams may be without timeouts") {
  std::string head = "version: 1\nplugins: [echo]\nlisteners: [{name: a, address: \"127.0.0.1:80\"}]\n";
  auto upstream = [&](const std::string& keys) {
    return load(head + "upstreams: {u: {" + keys + ", targets: [\"a:1\"]}}");
  };
  CHECK(upstream("balance: random").config.upstreams.at(0).protocol == Protocol::automatic);
  CHECK(upstream("protocol: http/1.1").config.upstreams.at(0).protocol == Protocol::http1);
  Loaded h2 = upstream("protocol: h2, pool: {max_streams: 7}, timeouts: {response: 0, body: 0}");
  REQUIRE(h2.text() == "");
  CHECK(h2.config.upstreams.at(0).protocol == Protocol::h2);
  CHECK(h2.config.upstreams.at(0).pool.max_streams == 7);
  CHECK(h2.config.upstreams.at(0).timeouts.body == 0);
  CHECK(upstream("protocol: h3").text().find("test.yaml:4:27: upstreams/u/protocol: ") != std::string::npos);
  Loaded pinged = upstream("protocol: h2, http2: {ping_interval: 10s, ping_timeout: 3s}");
  CHECK(pinged.problems.empty());
  CHECK(pinged.config.upstreams.at(0).http2.ping_interval == 10'000);
  CHECK(pinged.config.upstreams.at(0).http2.ping_timeout == 3'000);
  CHECK(upstream("http2: {ping_timeout: 0}").problems.size() == 1);
  CHECK(upstream("pool: {max_streams: 0}").problems.size() == 1);
  CHECK(upstream("pool: {max_streams: 1001}").problems.size() == 1);
}

TEST_CASE("a chain streams as the strongest of its demands says") {
  Loaded loaded = load(kHead + R"yaml(stacks:
  responses: {streaming: response, plugins: [cors]}
  inner: {streaming: both}
  both: [{stack: inner}]
  plain: [echo]
plugins: [{stack: responses}]
routes:
  - {id: wide, match: {path: /a}, upstream: users}
  - {id: nested, match: {path: /b}, upstream: users, plugins: [{stack: plain}, {stack: both}]}
  - {id: own, match: {path: /c}, upstream: users, streaming: both, response_body_timeout: 0}
)yaml");
  REQUIRE(loaded.text() == "");
  const auto& routes = loaded.config.routes;
  CHECK(routes.at(0).streaming.what == Streaming::response);
  CHECK(routes.at(0).streaming.stack == "responses");
  CHECK(routes.at(1).streaming.what == Streaming::both);
  CHECK(routes.at(1).streaming.stack == "inner");
  CHECK(routes.at(2).streaming.what == Streaming::both);
  CHECK(routes.at(2).streaming.stack == "");
  CHECK(routes.at(2).response_body_timeout == 0);
}

TEST_CASE("the nesting of stacks and the size of expanded chains are bounded") {
  std::string deep = kHead + "plugins: [echo]\nstacks:\n  s0: [echo]\n";
  for (int i = 1; i < 40; ++i) deep += "  s" + std::to_string(i) + ": [{stack: s" + std::to_string(i - 1) + "}]\n";
  CHECK(load(deep).text().find("more than 16 deep") != std::string::npos);

  std::string wide = kHead + "stacks:\n  s0: []\n";
  for (int i = 1; i < 12; ++i) {
    wide += "  s" + std::to_string(i) + ":\n";
    for (int j = 0; j < 10; ++j) wide += "    - stack: s" + std::to_string(i - 1) + "\n";
  }
  CHECK(load(wide + "plugins: [echo, {stack: s11}]\n").text().find("more than 1000000 values") != std::string::npos);
}

TEST_CASE("problems are capped") {
  std::string text = kHead + "plugins: [echo]\n";
  for (int i = 0; i < 1000; ++i) text += "unknown_" + std::to_string(i) + ": 1\n";
  Loaded loaded = load(text);
  CHECK(loaded.problems.size() == 201);
  CHECK(loaded.problems.back().text == "there are more problems; mend these first");
}

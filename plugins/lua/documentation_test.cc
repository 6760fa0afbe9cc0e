// Every piece of Lua in scripts/README.md runs: a whole script as it is, anything else as the body of on_request.
#include <doctest/doctest.h>

#include <sstream>
#include <vector>

#include "testing/script_gateway.h"

using postern::lua::ScriptGateway;
using postern::testing::CallReply;
using postern::testing::FakeCall;

namespace {

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  REQUIRE_MESSAGE(file, path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::string> lua_blocks(const std::string& text) {
  static const std::string kOpen = "```lua\n", kClose = "\n```";
  std::vector<std::string> blocks;
  for (std::size_t at = 0; (at = text.find(kOpen, at)) != std::string::npos;) {
    const std::size_t begin = at + kOpen.size();
    const std::size_t end = text.find(kClose, begin);
    blocks.push_back(text.substr(begin, end - begin));
    at = end;
  }
  return blocks;
}

bool is_script(const std::string& block) {
  return block.find("name = \"") != std::string::npos && block.find("version = ") != std::string::npos;
}

// "geo-block" of: name = "geo-block"
std::string name_of(const std::string& block) {
  const std::size_t begin = block.find("name = \"") + 8;
  return block.substr(begin, block.find('"', begin) - begin);
}

void run(const std::string& block) {
  ScriptGateway gateway;
  gateway.on_call([](const FakeCall&) {
    return CallReply{200, R"({"user":"anna"})", {{"content-type", "application/json"}}};
  });
  gateway.endpoints({{"127.0.0.1:9001"}});
  gateway.expression_holds(R"(header.x-tier == "gold")", true);
  const std::string name = is_script(block) ? name_of(block) : "example";
  const std::string text =
      is_script(block) ? block
                       : "return {name = \"example\", version = \"1.0.0\", on_request = function(exchange, config)\n" +
                             block + "\nend}";
  gateway.folder.write(name + "/text.lua", "return {shout = string.upper}");
  const bool opened = gateway.open(gateway.folder.write(name + "/" + name + ".lua", text));
  REQUIRE_MESSAGE(opened, gateway.error());
  REQUIRE(gateway.configure().ok());
  auto& x = gateway.request("POST", "/orders?id=1", {{"authorization", "Bearer abc"}}, "{}").send();
  gateway.advance(2'000);
  x.reply(200, {{"content-type", "text/plain"}}, {"hello"});
  gateway.advance(2'000);
  CHECK(!x.suspended());
  x.finish();
  CHECK(x.status() != 500);
  for (const auto& line : gateway.log()) {
    CAPTURE(line.message);
    CHECK(line.field("traceback") == "");
  }
}

}  // namespace

TEST_CASE("the examples of the Lua API run") {
  const auto blocks = lua_blocks(text_of(POSTERN_SCRIPTS_DIR "/README.md"));
  CHECK(blocks.size() > 15);
  for (const std::string& block : blocks) {
    CAPTURE(block);
    run(block);
  }
}

TEST_CASE("the example script greets") {
  ScriptGateway gateway(POSTERN_EXAMPLES_DIR "/hello_script/hello-script/hello-script.lua");
  gateway.configure();
  CHECK(gateway.get("/", {{"x-name", "Anna"}}).response_body() == "Hello, Anna!\n");
  CHECK(gateway.get("/").status() == 200);
}

// The sandbox: what a script cannot reach, and what its mistakes say.
#include <doctest/doctest.h>

#include <string>

#include "testing/script_gateway.h"

using postern::lua::ScriptGateway;

namespace {

// The error of running `text` in a hook; "" when there was none.
std::string error_of(const std::string& text) {
  ScriptGateway gateway;
  gateway.run_table("on_request = function(exchange, config)\n" + text + "\nend");
  gateway.get("/");
  return gateway.log().empty() ? "" : gateway.log()[0].message;
}

// The error of opening a script with this whole text.
std::string load_error(const std::string& text) {
  ScriptGateway gateway;
  return gateway.open(gateway.folder.write("test/test.lua", text)) ? "" : gateway.error();
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("there is no way out of the sandbox") {
  const char* attempts[] = {"io.open('/etc/passwd')",
                            "os.execute('true')",
                            "os.exit(1)",
                            "os.getenv('HOME')",
                            "os.remove('x')",
                            "os.tmpname()",
                            "debug.sethook()",
                            "debug.getregistry()",
                            "package.loadlib('x', 'y')",
                            "package.path = 'x'",
                            "load('return 1')()",
                            "loadstring('return 1')",
                            "dofile('/etc/passwd')",
                            "loadfile('/etc/passwd')",
                            "collectgarbage('stop')",
                            "string.dump(function() end)",
                            "os.date(('%c'):rep(1000))",
                            "coroutine.create(function() end)",
                            "warn('@on')",
                            "require('test')",
                            "getmetatable('').__index = {}",
                            "setmetatable({}, {__gc = function() end})",
                            "setmetatable(getmetatable(_G) or {}, {}) setmetatable(_G, {})",
                            "rawset(exchange, 'x', 1)",
                            "exchange.request = nil",
                            "exchange.request.headers = {}",
                            "exchange.respond = nil",
                            "getmetatable(exchange).__index = nil",
                            "getmetatable(exchange.request.headers).__index = nil",
                            "setmetatable(exchange, {})",
                            "exchange.upstream.name = 'x'",
                            "getmetatable(postern.dict('d')).__index = nil",
                            "getmetatable(postern.json.array()).x = 1",
                            "next(exchange)",
                            "local x = postern.log.nothing.x"};
  for (const std::string attempt : attempts) {
    CAPTURE(attempt);
    CHECK(error_of(attempt) != "");
  }
}

TEST_CASE("what is safe of Lua's library works") {
  CHECK(error_of(R"lua(
    assert(string.format("%5.2f|%s|%q", 3.14159, "x", "y") == ' 3.14|x|"y"')
    assert(("hello world"):find("o w") == 5 and ("a.b"):find(".", 1, true) == 2 and ("abc"):find("b", -2) == 2)
    assert(("hello"):find("l+") == 3 and select(2, ("hello"):find("l+")) == 4 and ("hello"):find("xyz") == nil)
    assert(("key = value"):match("^(%w+)%s*=%s*(%w+)$") == "key" and ("abc"):match("()b()") == 2)
    assert(("THE (quick) fox"):find("%((%a+)%)") == 5 and ("f(a(b)c)d"):match("%b()") == "(a(b)c)")
    assert(("THE (quick) fox"):gsub("%f[%a]%a+", string.lower) == "the (quick) fox")
    assert(("abc abc"):match("(%a+) %1") == "abc" and ("[a-z]"):match("[%]%[]") == "[" and ("x-y"):match("[a%-]") == "-")
    assert(("hello world"):gsub("o", "0") == "hell0 w0rld" and select(2, ("aaa"):gsub("a", "b", 2)) == 2)
    assert(("$name"):gsub("%$(%w+)", {name = "x"}) == "x" and ("abc"):gsub("%w", "%0%0") == "aabbcc")
    assert(("abc"):gsub("", "-") == "-a-b-c-" and ("  x "):match("^%s*(.-)%s*$") == "x")
    local words = {} for w in ("one two"):gmatch("%a+") do words[#words + 1] = w end
    assert(table.concat(words, ",") == "one,two")
    local n = 0 for _ in ("abc"):gmatch("") do n = n + 1 end assert(n == 4)
    local list = {1, 2, 3} table.insert(list, 4) table.insert(list, 1, 0)
    assert(table.concat(list, ",") == "0,1,2,3,4" and table.remove(list, 1) == 0 and table.remove(list) == 4 and #list == 3)
    table.sort(list, function(a, b) return a > b end) assert(list[1] == 3)
    assert(table.concat(table.move({1, 2, 3}, 2, 3, 1), ",") == "2,3,3" and select("#", table.unpack({1, 2})) == 2)
    assert(math.floor(2.5) == 2 and utf8.len("äö") == 2 and os.time() > 0 and type(os.date()) == "string")
    assert(table.remove({}) == nil and ("x"):rep(3, ",") == "x,x,x" and ("%d"):rep(0) == "")
    local ok, err = pcall(error, {code = 7}) assert(not ok and err.code == 7)
    local ok2, trace = xpcall(function() error("deep") end, function(m) return "handled " .. m end)
    assert(not ok2 and trace:find("handled", 1, true) == 1)
    assert(pcall(string.find, "a", "[a") == false and pcall(string.find, "a", "%") == false and pcall(string.gsub, "a", "(", "") == false)
  )lua") == "");
}

TEST_CASE("accidental globals are errors with file and line, when read and when written") {
  CHECK(contains(error_of("\nlocal x = undefined_thing"), "test/test.lua:3: global 'undefined_thing' is not defined"));
  CHECK(contains(error_of("counter = 1"), "test/test.lua:2: assignment to global 'counter'"));
  CHECK(contains(load_error("count = 0\nreturn {}"), "test/test.lua:1: assignment to global 'count'"));
}

TEST_CASE("an error answers 500 and logs file, line and traceback") {
  ScriptGateway gateway;
  gateway.run_table(
      "on_request = function(exchange)\n  local function inner() local x = nil; return x.y end\n  inner()\nend");
  CHECK(gateway.get("/").status() == 500);
  REQUIRE(gateway.log().size() == 1);
  CHECK(contains(gateway.log()[0].message, "test/test.lua:2: attempt to index a nil value (local 'x')"));
  CHECK(contains(gateway.log()[0].field("traceback"), "test/test.lua:3: in function"));
  CHECK(gateway.log()[0].field("hook") == "on_request");
}

TEST_CASE("a script that cannot be used is refused with a sentence") {
  CHECK(contains(load_error("return {\n  name = = 1}"), "test/test.lua:2: unexpected symbol near '='"));
  CHECK(contains(load_error("\x1bLua"), "attempt to load a binary chunk"));
  CHECK(contains(load_error("return 1"), "a script must return a table"));
  CHECK(contains(load_error("return {name = 'test'}"), "field 'version' must be a string"));
  CHECK(contains(load_error("return {name = 'other', version = '1'}"), "must equal the file's"));
  CHECK(contains(load_error("return {name = 'test', version = '1', on_requst = function() end}"),
                 "no field 'on_requst'"));
  CHECK(contains(load_error("return {name = 'test', version = '1', on_request = 5}"), "on_request must be a function"));
  CHECK(contains(load_error("return {name = 'test', version = '1', on_request_body = function() end}"),
                 "needs request_body"));
  CHECK(
      contains(load_error("return {name = 'test', version = '1', schema = {x = 1}}"), "property 'x' must be a table"));
  CHECK(contains(load_error("postern.sleep(1)"), "cannot be used in loading"));
  CHECK(contains(load_error("error({})"), "error value is a table"));
}

TEST_CASE("require finds modules in the script's folder and nowhere else") {
  ScriptGateway gateway;
  gateway.folder.write("test/text.lua", "local m = {} function m.shout(s) return s:upper() end return m");
  gateway.folder.write("test/lib/more.lua", "return {text = require('text')}");
  gateway.folder.write("secret.lua", "return {}");
  std::filesystem::create_symlink(gateway.folder.path() / "secret.lua", gateway.folder.path() / "test/link.lua");
  CHECK(gateway.open(gateway.folder.write("test/test.lua", R"(
    local text, more = require("text"), require("lib.more")
    assert(more.text == text)
    for _, name in ipairs({"..secret", "../secret", "/etc/passwd", "link", "absent", "text/../../secret", "", "a..b", "text."}) do
      assert(pcall(require, name) == false, name)
    end
    return {name = "test", version = "1", on_request = function(exchange)
      exchange.request.headers["x-text"] = text.shout("hi")
    end})")));
  gateway.configure();
  CHECK(gateway.get("/").upstream_headers().get("x-text") == "HI");
}

TEST_CASE("modules cannot define globals, and circles are errors") {
  ScriptGateway gateway;
  gateway.folder.write("test/a.lua", "return require('b')");
  gateway.folder.write("test/b.lua", "return require('a')");
  gateway.folder.write("test/c.lua", "shared = 1 return {}");
  CHECK(!gateway.open(gateway.folder.write("test/test.lua", "require('a')")));
  CHECK(contains(gateway.error(), "requires itself"));
  CHECK(!gateway.open(gateway.folder.write("test/test.lua", "require('c')")));
  CHECK(contains(gateway.error(), "test/c.lua:1: assignment to global 'shared'"));
}

#include "base/log.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <regex>
#include <thread>
#include <vector>

using namespace postern;

namespace {

// Sends the log to a file of its own; afterwards it goes to standard error again.
class LogFile {
 public:
  explicit LogFile(LogConfig config = {}) {
    std::string pattern = (std::filesystem::temp_directory_path() / "postern-log-XXXXXX").string();
    int fd = mkstemp(pattern.data());
    REQUIRE(fd >= 0);
    ::close(fd);
    path_ = pattern;
    config.file = path_;
    REQUIRE(configure_logging(config).has_value());
  }
  LogFile(const LogFile&) = delete;
  LogFile& operator=(const LogFile&) = delete;
  ~LogFile() {
    LogConfig quiet;
    quiet.level = LogLevel::error;
    static_cast<void>(configure_logging(quiet));
    shutdown_logging();
    std::filesystem::remove(path_);
  }

  std::vector<std::string> lines() const {
    flush_logging();
    std::ifstream in(path_);
    std::vector<std::string> all;
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
  }

 private:
  std::string path_;
};

class Environment {
 public:
  explicit Environment(const char* value) { setenv("POSTERN_LOG", value, 1); }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() { unsetenv("POSTERN_LOG"); }
};

LogConfig levels(LogLevel level, std::map<std::string, LogLevel> modules) {
  LogConfig config;
  config.level = level;
  config.modules = std::move(modules);
  return config;
}

LogConfig text_config() {
  LogConfig config;
  config.json = false;
  return config;
}

}  // namespace

TEST_CASE("a JSON line has timestamp, level, module, message and the fields with their types") {
  LogFile file;
  std::string view = "owned";
  logger("server").write(
      LogLevel::warn, "hello",
      {{"text", "a \"b\""}, {"view", view}, {"count", 42u}, {"below", -7}, {"ratio", 0.5}, {"on", true}});
  auto lines = file.lines();
  REQUIRE(lines.size() == 1);
  auto line = nlohmann::json::parse(lines[0]);
  CHECK(std::regex_match(line["timestamp"].get<std::string>(),
                         std::regex(R"(20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\d\dZ)")));
  CHECK(line["level"] == "warn");
  CHECK(line["module"] == "server");
  CHECK(line["message"] == "hello");
  CHECK(line["text"] == "a \"b\"");
  CHECK(line["view"] == "owned");
  CHECK(line["count"] == 42);
  CHECK(line["below"] == -7);
  CHECK(line["ratio"] == 0.5);
  CHECK(line["on"] == true);
}

TEST_CASE("numbers read back the same; what JSON cannot say is null") {
  LogFile file;
  logger("server").write(LogLevel::info, "x",
                         {{"a", 0.1}, {"b", 12.0}, {"c", -1.5e300}, {"d", INFINITY}, {"e", std::nan("")}});
  auto lines = file.lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].ends_with(R"("a":0.1,"b":12,"c":-1.5e+300,"d":null,"e":null})"));
}

TEST_CASE("hostile text cannot start a new line, in either form") {
  const std::string attack = "x\n{\"level\":\"error\"}\r\x1b[2J\xff";
  for (bool json : {true, false}) {
    LogConfig config;
    config.json = json;
    LogFile file(config);
    logger("server").write(LogLevel::info, attack, {{attack, attack}});
    auto lines = file.lines();
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].find('\x1b') == std::string::npos);
    CHECK(lines[0].find('\r') == std::string::npos);
    CHECK(nlohmann::json::accept(lines[0]) == json);
  }
}

TEST_CASE("text lines quote what needs it") {
  LogFile file(text_config());
  logger("server").write(LogLevel::info, "started", {{"port", 80}, {"host", "a.b"}, {"path", "a b"}, {"empty", ""}});
  auto lines = file.lines();
  REQUIRE(lines.size() == 1);
  CHECK(lines[0].substr(24) == " INFO  server: started port=80 host=a.b path=\"a b\" empty=\"\"");
}

TEST_CASE("levels: the module's rule, else the nearest above it, else the default") {
  LogFile file(levels(LogLevel::warn, {{"plugin", LogLevel::info}, {"plugin.jwt", LogLevel::debug}}));
  CHECK(logger("plugin.jwt").enabled(LogLevel::debug));
  CHECK(logger("plugin.jwt.keys").enabled(LogLevel::debug));
  CHECK_FALSE(logger("plugin.jwtx").enabled(LogLevel::debug));
  CHECK(logger("plugin.jwtx").enabled(LogLevel::info));
  CHECK_FALSE(logger("server").enabled(LogLevel::info));
  CHECK(logger("server").enabled(LogLevel::warn));
  CHECK_FALSE(logger("plugins").enabled(LogLevel::info));

  logger("server").write(LogLevel::info, "not written");
  logger("server").write(LogLevel::error, "written");
  CHECK(file.lines().size() == 1);
}

TEST_CASE("set_level changes loggers that exist, and those to come") {
  LogFile file;
  Logger& early = logger("plugin.early");
  set_level("plugin", LogLevel::trace);
  CHECK(early.enabled(LogLevel::trace));
  CHECK(logger("plugin.late").enabled(LogLevel::trace));
  set_level("", LogLevel::error);
  CHECK_FALSE(logger("server").enabled(LogLevel::warn));
  CHECK(&early == &logger("plugin.early"));
}

TEST_CASE("POSTERN_LOG wins over the configuration") {
  Environment environment(" error, plugin.jwt=debug,");
  LogFile file(levels(LogLevel::info, {{"plugin.jwt", LogLevel::warn}, {"server", LogLevel::trace}}));
  CHECK(logger("plugin.jwt").enabled(LogLevel::debug));
  CHECK(logger("server").enabled(LogLevel::trace));
  CHECK_FALSE(logger("control").enabled(LogLevel::warn));
}

TEST_CASE("errors of configuration name the word or the file and change nothing") {
  LogFile file;
  for (const char* bad : {"loud", "server=", "=info", "info,server=loud"}) {
    Environment environment(bad);
    auto configured = configure_logging({});
    REQUIRE_FALSE(configured.has_value());
    CHECK(configured.error().text.find("POSTERN_LOG: \"") == 0);
  }
  LogConfig nowhere;
  nowhere.file = "/proc/nowhere/x.log";
  auto configured = configure_logging(nowhere);
  REQUIRE_FALSE(configured.has_value());
  CHECK(configured.error().text.find("log file \"/proc/nowhere/x.log\"") == 0);
  logger("server").write(LogLevel::info, "still here");
  CHECK(file.lines().size() == 1);
}

TEST_CASE("lines of many threads come whole, and none is lost below the queue's bound") {
  LogFile file;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 500; ++i) logger("server").write(LogLevel::info, "line", {{"thread", t}, {"i", i}});
    });
  }
  for (auto& thread : threads) thread.join();
  auto lines = file.lines();
  CHECK(lines.size() == 2000);
  for (const auto& line : lines) REQUIRE(nlohmann::json::accept(line));
}

TEST_CASE("levels and outputs may change while others write") {
  LogFile file;
  std::atomic<bool> stop = false;
  std::thread writer([&] {
    while (!stop) logger("server").write(LogLevel::info, "line");
  });
  for (int i = 0; i < 20; ++i) {
    set_level("server", i % 2 == 0 ? LogLevel::error : LogLevel::info);
    flush_logging();
  }
  stop = true;
  writer.join();
  for (const auto& line : file.lines()) REQUIRE(nlohmann::json::accept(line));
}

TEST_CASE("after shutdown lines still come out") {
  LogFile file;
  shutdown_logging();
  logger("server").write(LogLevel::info, "last words");
  CHECK(file.lines().size() == 1);
}

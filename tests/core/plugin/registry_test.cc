#include "plugin/registry.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <string>

using namespace postern;
using plugin::Registry;
namespace fs = std::filesystem;

namespace {

// A folder of empty files, gone at the end. Finding does not open them.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "postern-registry-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() { fs::remove_all(path_); }
  void file(const std::string& name) const {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << "";
  }
  std::string at(const std::string& name = "") const { return name.empty() ? path_.string() : (path_ / name).string(); }

 private:
  fs::path path_;
};

std::string refusal(const Registry& registry, const std::string& name) {
  auto found = registry.find(name);
  REQUIRE_FALSE(found);
  return found.error().text;
}

}  // namespace

TEST_CASE("libraries are found by file, scripts by folder and the plugin that hosts them") {
  Folder f;
  f.file("plugins/cors.so");
  f.file("plugins/lua.so");
  f.file("scripts/geo/geo.lua");
  f.file("scripts/geo/README.md");
  Registry registry({f.at("plugins"), f.at("scripts")}, "");
  CHECK(registry.find("cors")->file == f.at("plugins/cors.so"));
  CHECK(registry.find("cors")->script_host == "");
  CHECK(registry.find("geo")->file == f.at("scripts/geo/geo.lua"));
  CHECK(registry.find("geo")->script_host == "lua");
  CHECK(registry.names() == std::vector<std::string>{"cors", "geo", "lua"});
}

TEST_CASE("a name in two places is refused with both") {
  Folder f;
  f.file("a/cors.so");
  f.file("b/cors.so");
  auto text = refusal(Registry({f.at("a"), f.at("b")}, ""), "cors");
  CHECK(text.find(f.at("a/cors.so") + " and " + f.at("b/cors.so")) != std::string::npos);
  CHECK(Registry({f.at("a"), f.at("a") + "/."}, "").find("cors"));  // the same place, written twice
}

TEST_CASE("what is missing is refused with the places searched and the nearest name") {
  Folder f;
  f.file("plugins/rate-limit.so");
  auto text = refusal(Registry({f.at("plugins")}, ""), "ratelimit");
  CHECK(text.find("did you mean \"rate-limit\"?") != std::string::npos);
  CHECK(text.find(f.at("plugins")) != std::string::npos);
}

TEST_CASE("a script without its host is refused with the host's name") {
  Folder f;
  f.file("scripts/geo/geo.lua");
  auto text = refusal(Registry({f.at("scripts")}, ""), "geo");
  CHECK(text.find("there is no plugin \"lua\" to host it") != std::string::npos);
}

TEST_CASE("a name cannot lead out of plugin_path") {
  Folder f;
  f.file("evil.so");
  f.file("plugins/x.so");
  Registry registry({f.at("plugins")}, "");
  for (const auto* name : {"../evil", "", ".", "a/b", "CORS", "a.so"}) CHECK_FALSE(registry.find(name));
}

TEST_CASE("a relative entry that is not below the working directory is one beside the configuration") {
  Folder f;
  f.file("site/policies/cors.so");
  CHECK(Registry({"policies"}, f.at("site")).find("cors")->file == f.at("site/policies/cors.so"));
}

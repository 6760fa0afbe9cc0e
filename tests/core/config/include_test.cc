#include "config/include.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "core/config/loading.h"

using namespace postern::config;
namespace fs = std::filesystem;

namespace {

// A folder of its own that goes with the test.
class Folder {
 public:
  Folder() {
    std::string name = (fs::temp_directory_path() / "postern-include-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  void write(const std::string& name, const std::string& text) {
    fs::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name) << text;
  }
  Loaded load(const std::string& name) {
    Loaded loaded;
    loaded.config = load_file((path_ / name).string(), loaded.problems);
    return loaded;
  }

 private:
  fs::path path_;
};

bool mentions(const Loaded& loaded, const std::string& text) { return loaded.text().find(text) != std::string::npos; }

}  // namespace

TEST_CASE("included files come first, relative to the file that names them") {
  Folder folder;
  folder.write("main.yaml", "include: [parts/a.yaml]\n" + kHead + "plugins: [last]\n");
  folder.write("parts/a.yaml",
               "include: b.yaml\nplugins: [second]\nupstreams: {more: {targets: [\"a:1\"]}}\nlimits: {fields: 5}\n");
  folder.write("parts/b.yaml", "version: 1\nplugins: [first]\n");
  Loaded loaded = folder.load("main.yaml");
  REQUIRE(loaded.text() == "");
  REQUIRE(loaded.config.plugins.size() == 3);
  CHECK(loaded.config.plugins[0].plugin == "first");
  CHECK(loaded.config.plugins[2].plugin == "last");
  CHECK(loaded.config.upstreams.size() == 2);
  CHECK(loaded.config.limits.fields == 5);
}

TEST_CASE("the same key in two files is refused, with both places") {
  Folder folder;
  folder.write("main.yaml", "include: [a.yaml]\n" + kHead + "workers: 2\nplugins: [x]\n");
  folder.write("a.yaml", "workers: 1\nupstreams: {users: {targets: [\"a:1\"]}}\n");
  Loaded loaded = folder.load("main.yaml");
  CHECK(loaded.problems.size() == 2);
  CHECK(mentions(loaded, "a.yaml:2:13"));
  CHECK(mentions(loaded, "upstreams/users: is already written at"));
  CHECK(mentions(loaded, "workers: is already written at"));
}

TEST_CASE("cycles, repetitions, missing and broken files are refused") {
  Folder folder;
  folder.write("cycle.yaml", "include: [cycle2.yaml]\n");
  folder.write("cycle2.yaml", "include: [./cycle.yaml]\n");
  CHECK(mentions(folder.load("cycle.yaml"), "includes itself"));
  folder.write("twice.yaml", "include: [x.yaml, ./x.yaml]\n" + kHead);
  folder.write("x.yaml", "plugins: [x]\n");
  CHECK(mentions(folder.load("twice.yaml"), "is already included, at"));
  folder.write("missing.yaml", "include: [nowhere.yaml]\n" + kHead);
  CHECK(mentions(folder.load("missing.yaml"), "missing.yaml:1:11: include: "));
  CHECK(mentions(folder.load("missing.yaml"), "No such file or directory"));
  folder.write("broken.yaml", "include: [b.yaml]\n" + kHead);
  folder.write("b.yaml", "plugins: [\n");
  CHECK(mentions(folder.load("broken.yaml"), "b.yaml:2:1: not valid YAML"));
  CHECK(mentions(folder.load("nothing.yaml"), "nothing.yaml: No such file or directory"));
  CHECK(mentions(folder.load(""), "is a directory"));
}

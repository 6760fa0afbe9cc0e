// What the documentation shows must load: the examples in config/README.md, config/examples/ and the default.
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "core/config/loading.h"

using namespace postern::config;
namespace fs = std::filesystem;

namespace {

const fs::path kFolder = fs::path(POSTERN_SOURCE_DIR) / "config";

std::string read(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("the examples of the reference load") {
  const std::string text = read(kFolder / "README.md");
  const std::string fence = "```yaml\n";
  int loaded = 0;
  for (std::size_t at = text.find(fence); at != std::string::npos; at = text.find(fence, at)) {
    at += fence.size();
    std::size_t end = text.find("```", at);
    REQUIRE(end != std::string::npos);
    std::string block = text.substr(at, end - at);
    at = end + 3;
    if (!block.starts_with("version:")) continue;
    CAPTURE(block);
    CHECK(load(block).text() == "");
    ++loaded;
  }
  CHECK(loaded > 0);
}

TEST_CASE("the default and the example files load") {
  Problems problems;
  load_file((kFolder / "gateway.yaml").string(), problems);
  for (const auto& entry : fs::directory_iterator(kFolder / "examples"))
    if (entry.path().extension() == ".yaml") load_file(entry.path().string(), problems);
  for (const Problem& problem : problems) FAIL_CHECK(problem.line());
}

#include "line_writer.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace {

constexpr auto kSoon = std::chrono::milliseconds(30);

struct Folder {
  Folder() : path((std::filesystem::temp_directory_path() / "postern-XXXXXX").string()) {
    REQUIRE(mkdtemp(path.data()) != nullptr);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

// Standard output is `fd` while it lives.
struct Redirected {
  explicit Redirected(int fd) : before(dup(STDOUT_FILENO)) { dup2(fd, STDOUT_FILENO); }
  ~Redirected() {
    dup2(before, STDOUT_FILENO);
    close(before);
  }
  int before;
};

// Ends a writer that has far more lines than nobody reads; returns how many it dropped.
std::uint64_t dropped_when_stuck(const std::string& file) {
  std::atomic<std::uint64_t> dropped{0};
  {
    LineWriter writer(
        4 << 20, [&](std::uint64_t lines) { dropped += lines; }, kSoon);
    REQUIRE(writer.open(file) == "");
    const std::string line = std::string(999, 'x') + "\n";
    for (int i = 0; i < 3000; ++i) writer.append(line);
  }
  return dropped;
}

std::string content(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

TEST_CASE("what waits is written before the end") {
  Folder folder;
  const std::string path = folder.path + "/log";
  std::uint64_t dropped = 0;
  {
    LineWriter writer(1 << 20, [&](std::uint64_t lines) { dropped += lines; });
    REQUIRE(writer.open(path) == "");
    writer.append("a\n");
    writer.append("b\n");
  }
  CHECK(content(path) == "a\nb\n");
  CHECK(dropped == 0);
}

TEST_CASE("what does not fit is dropped and counted") {
  Folder folder;
  std::uint64_t dropped = 0;
  LineWriter writer(4, [&](std::uint64_t lines) { dropped += lines; });
  writer.append("abc\n");  // nothing takes it: the file is not open yet
  writer.append("d\n");
  CHECK(dropped == 1);
  CHECK(writer.open(folder.path + "/absent/log") != "");
}

TEST_CASE("a pipe that nobody reads holds up nobody, and its lines are counted") {
  Folder folder;
  const std::string path = folder.path + "/fifo";
  REQUIRE(mkfifo(path.c_str(), 0600) == 0);
  LineWriter without_reader(
      1024, [](std::uint64_t) {}, kSoon);
  CHECK(without_reader.open(path) != "");
  const int reader = open(path.c_str(), O_RDONLY | O_NONBLOCK);
  CHECK(dropped_when_stuck(path) > 2000);
  close(reader);
}

TEST_CASE("nor does standard output, be it a pipe or a socket; its description stays as others want it") {
  int ends[2];
  SUBCASE("pipe") { REQUIRE(pipe(ends) == 0); }
  SUBCASE("socket") { REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0); }
  {
    Redirected to(ends[1]);
    CHECK(dropped_when_stuck("stdout") > 2000);
  }
  CHECK((fcntl(ends[1], F_GETFL) & O_NONBLOCK) == 0);
  close(ends[0]);
  close(ends[1]);
}

TEST_CASE("standard output in a file goes on where the file is") {
  Folder folder;
  const std::string path = folder.path + "/out";
  const int file = open(path.c_str(), O_WRONLY | O_CREAT, 0600);
  REQUIRE(write(file, "before\n", 7) == 7);
  {
    Redirected to(file);
    LineWriter writer(1 << 20, [](std::uint64_t) {});
    REQUIRE(writer.open("stdout") == "");
    writer.append("line\n");
  }
  close(file);
  CHECK(content(path) == "before\nline\n");
}

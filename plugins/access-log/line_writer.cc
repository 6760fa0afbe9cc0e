#include "line_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

namespace {
constexpr std::size_t kWriteSoon = 64 * 1024;                  // that much is written at once
constexpr auto kWriteAnyway = std::chrono::milliseconds(100);  // less than that, after this time
}  // namespace

LineWriter::~LineWriter() {
  if (thread_.joinable()) {
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  if (owns_fd_) close(fd_);
}

std::string LineWriter::open(const std::string& file) {
  if (file == "stdout")
    fd_ = STDOUT_FILENO;
  else if (file == "stderr")
    fd_ = STDERR_FILENO;
  else {
    fd_ = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (fd_ < 0) return "cannot open " + file + ": " + std::strerror(errno);
    owns_fd_ = true;
  }
  thread_ = std::thread([this] { run(); });
  return {};
}

void LineWriter::append(std::string_view line) {
  bool soon;
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() + line.size() > most_) {
      ++dropped_;
      return;
    }
    bool before = waiting_.size() < kWriteSoon;
    waiting_ += line;
    soon = before && waiting_.size() >= kWriteSoon;
  }
  if (soon) wake_.notify_one();
}

std::uint64_t LineWriter::dropped() const {
  std::lock_guard lock(mutex_);
  return dropped_;
}

void LineWriter::run() {
  std::string batch;
  std::unique_lock lock(mutex_);
  while (!ending_ || !waiting_.empty()) {
    wake_.wait_for(lock, kWriteAnyway, [&] { return ending_ || waiting_.size() >= kWriteSoon; });
    std::swap(batch, waiting_);
    lock.unlock();
    write_all(fd_, batch);
    batch.clear();
    lock.lock();
  }
}

void LineWriter::write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    auto written = write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // a full disk loses lines, not requests
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

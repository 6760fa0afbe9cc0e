#include "line_writer.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace {
constexpr std::size_t kWriteSoon = 64 * 1024;                  // that much is written at once
constexpr auto kWriteAnyway = std::chrono::milliseconds(100);  // less than that, after this time
constexpr int kLookAgainMs = 20;                               // whether the end has come, while the file takes nothing

// A description of our own to the same pipe or device. -1: there is none (it is another's, or /proc is missing).
int reopen(int fd) {
  const std::string path = "/proc/self/fd/" + std::to_string(fd);
  return open(path.c_str(), O_WRONLY | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}
}  // namespace

LineWriter::~LineWriter() {
  if (thread_.joinable()) {
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
      deadline_ = std::chrono::steady_clock::now() + last_words_;
    }
    wake_.notify_one();
    thread_.join();
  }
  if (fd_ >= 0) close(fd_);
}

std::string LineWriter::open(const std::string& file) {
  if (file == "stdout")
    open_stream(STDOUT_FILENO);
  else if (file == "stderr")
    open_stream(STDERR_FILENO);
  else
    fd_ = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
  if (fd_ < 0) return "cannot open " + file + ": " + std::strerror(errno);
  thread_ = std::thread([this] { run(); });
  return {};
}

// O_NONBLOCK belongs to the open file description, which other processes share: they would get it too. A regular file is
// not opened again, because it has one offset for all.
void LineWriter::open_stream(int fd) {
  struct stat what {};
  if (fstat(fd, &what) != 0) return;
  is_socket_ = S_ISSOCK(what.st_mode);
  const bool stream = S_ISFIFO(what.st_mode) || S_ISCHR(what.st_mode);
  if (stream) fd_ = reopen(fd);
  if (fd_ >= 0) return;
  fd_ = fcntl(fd, F_DUPFD_CLOEXEC, 0);
  may_block_ = stream;
}

void LineWriter::append(std::string_view line) {
  bool soon;
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() + line.size() > most_) return dropped_(1);
    bool before = waiting_.size() < kWriteSoon;
    waiting_ += line;
    soon = before && waiting_.size() >= kWriteSoon;
  }
  if (soon) wake_.notify_one();
}

void LineWriter::run() {
  std::string batch;
  std::unique_lock lock(mutex_);
  while (!ending_ || !waiting_.empty()) {
    wake_.wait_for(lock, kWriteAnyway, [&] { return ending_ || waiting_.size() >= kWriteSoon; });
    std::swap(batch, waiting_);
    lock.unlock();
    write_batch(batch);
    batch.clear();
    lock.lock();
  }
}

// A line that was cut off does not spoil the next one.
void LineWriter::write_batch(std::string& batch) {
  if (batch.empty()) return;
  if (last_written_ != '\n') batch.insert(batch.begin(), '\n');
  const std::string_view left = write_all(batch);
  if (left.size() < batch.size()) last_written_ = batch[batch.size() - left.size() - 1];
  const auto lost = std::count(left.begin(), left.end(), '\n');
  if (lost > 0) dropped_(static_cast<std::uint64_t>(lost));
}

// Returns what could not be written: a full disk loses lines, not requests.
std::string_view LineWriter::write_all(std::string_view bytes) {
  while (!bytes.empty()) {
    if (may_block_ && !wait_until_writable()) break;
    const auto written = write_some(bytes);
    if (written > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(written));
    } else if (written < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
      if (!wait_until_writable()) break;
    } else if (written == 0 || errno != EINTR) {
      break;
    }
  }
  return bytes;
}

// A pipe that is writable takes PIPE_BUF bytes at once.
std::int64_t LineWriter::write_some(std::string_view bytes) const {
  if (is_socket_) return send(fd_, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  return write(fd_, bytes.data(), may_block_ ? std::min<std::size_t>(bytes.size(), PIPE_BUF) : bytes.size());
}

// False when the end has come and its time is over.
bool LineWriter::wait_until_writable() {
  while (!out_of_time()) {
    pollfd wanted{fd_, POLLOUT, 0};
    if (poll(&wanted, 1, kLookAgainMs) > 0) return true;
  }
  return false;
}

bool LineWriter::out_of_time() {
  std::lock_guard lock(mutex_);
  return ending_ && std::chrono::steady_clock::now() >= deadline_;
}

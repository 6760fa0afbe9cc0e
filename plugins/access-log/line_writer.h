// Writes lines to a file on a thread of its own, so that a slow disk never holds up a request. Any thread may append.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

class LineWriter {
 public:
  // `most`: bytes that may wait; lines beyond it are dropped and counted.
  explicit LineWriter(std::size_t most) : most_(most) {}
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;
  ~LineWriter();  // everything that waits is written first

  // "stdout", "stderr" or a path to append to. An error text, empty when it went well.
  std::string open(const std::string& file);
  void append(std::string_view line);
  std::uint64_t dropped() const;

 private:
  void run();
  static void write_all(int fd, std::string_view bytes);

  const std::size_t most_;
  int fd_ = -1;
  bool owns_fd_ = false;
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::string waiting_;
  std::uint64_t dropped_ = 0;
  bool ending_ = false;
  std::thread thread_;
};

// Writes lines to a file on a thread of its own, so that a slow disk, or a pipe that nobody reads, never holds up a request
// or the end of the gateway. Any thread may append.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

class LineWriter {
 public:
  using Dropped = std::function<void(std::uint64_t lines)>;  // on any thread
  // `most`: bytes that may wait; lines beyond it are dropped and reported. `last_words`: how long the end waits for a file
  // that takes nothing.
  LineWriter(std::size_t most, Dropped dropped, std::chrono::milliseconds last_words = std::chrono::seconds(1))
      : most_(most), dropped_(std::move(dropped)), last_words_(last_words) {}
  LineWriter(const LineWriter&) = delete;
  LineWriter& operator=(const LineWriter&) = delete;
  ~LineWriter();  // what waits is written first, as far as the file takes it

  // "stdout", "stderr" or a path to append to. An error text, empty when it went well.
  std::string open(const std::string& file);
  void append(std::string_view line);

 private:
  void open_stream(int fd);
  void run();
  void write_batch(std::string& batch);
  std::string_view write_all(std::string_view bytes);
  std::int64_t write_some(std::string_view bytes) const;
  bool wait_until_writable();
  bool out_of_time();

  const std::size_t most_;
  const Dropped dropped_;
  const std::chrono::milliseconds last_words_;
  int fd_ = -1;
  bool is_socket_ = false;
  bool may_block_ = false;  // fd_ shares its description with others, who expect it to block
  char last_written_ = '\n';
  std::mutex mutex_;  // of what follows
  std::condition_variable wake_;
  std::string waiting_;
  bool ending_ = false;
  std::chrono::steady_clock::time_point deadline_{};
  std::thread thread_;
};

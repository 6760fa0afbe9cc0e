// The part of a request body that an exchange keeps: until an upstream takes it, and for another attempt. What is kept counts
// in the worker's memory for bodies (limits.body_buffer_total), so that new bodies find less room.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace postern::proxy {

class RequestReplay {
 public:
  // `total`: bytes of bodies that the worker holds; outlives this.
  explicit RequestReplay(std::int64_t& total) noexcept : total_(total) {}
  RequestReplay(const RequestReplay&) = delete;
  RequestReplay& operator=(const RequestReplay&) = delete;
  ~RequestReplay() { drop(); }

  void append(std::string_view bytes) {
    bytes_.append(bytes);
    total_ += static_cast<std::int64_t>(bytes.size());
  }
  void drop() noexcept {
    sent_ = 0;
    if (bytes_.empty()) return;
    total_ -= static_cast<std::int64_t>(bytes_.size());
    std::string().swap(bytes_);
  }

  std::size_t size() const noexcept { return bytes_.size(); }
  void rewind() noexcept { sent_ = 0; }  // another attempt begins
  bool all_sent() const noexcept { return sent_ == bytes_.size(); }
  std::string_view next_piece() noexcept {  // valid until the next call of append() or drop()
    constexpr std::size_t kPiece = 64 * 1024;
    auto piece = std::string_view(bytes_).substr(sent_, kPiece);
    sent_ += piece.size();
    return piece;
  }
  void skip(std::size_t bytes) noexcept { sent_ += bytes; }  // they went to the upstream another way

 private:
  std::int64_t& total_;
  std::string bytes_;
  std::size_t sent_ = 0;
};

}  // namespace postern::proxy

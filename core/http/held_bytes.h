// Bytes of a response that wait for somebody to take them, counted together with others'.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace postern::http {

class HeldBytes {
 public:
  explicit HeldBytes(std::int64_t& total) noexcept : total_(total) {}
  HeldBytes(const HeldBytes&) = delete;
  HeldBytes& operator=(const HeldBytes&) = delete;
  ~HeldBytes() { count_out(); }

  bool empty() const noexcept { return bytes_.empty(); }
  void append(std::string_view bytes) {
    bytes_.append(bytes);
    total_ += static_cast<std::int64_t>(bytes.size());
  }
  std::string take() {
    count_out();
    return std::exchange(bytes_, {});
  }

 private:
  void count_out() noexcept { total_ -= static_cast<std::int64_t>(bytes_.size()); }
  std::int64_t& total_;
  std::string bytes_;
};

}  // namespace postern::http

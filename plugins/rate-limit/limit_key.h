// The key of one count, built without allocating. Knows nothing of the gateway.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

// A prefix and parts. Each part carries its length, so that no choice of values makes two lists of parts look alike.
class LimitKey {
 public:
  static constexpr std::size_t kMaxSize = 1024;  // what a dict takes

  LimitKey() noexcept {}  // leaves the bytes alone: most are never used
  void start(std::string_view prefix) noexcept;
  void add(std::string_view value) noexcept;
  void add_absent() noexcept;  // no value: unlike every value
  // A client's address: IPv6 cut to its prefix, IPv4 inside IPv6 as IPv4, anything else as it is.
  void add_address(std::string_view text, unsigned ipv6_prefix) noexcept;
  // Keys with parts that do not fit are all the same one, that of the prefix with a mark.
  std::string_view text() const noexcept { return {bytes_.data(), size_}; }

 private:
  void add_part(std::uint16_t length, std::string_view bytes) noexcept;

  std::array<char, kMaxSize> bytes_;
  std::size_t size_ = 0;
  std::size_t prefix_size_ = 0;
  bool overlong_ = false;
};

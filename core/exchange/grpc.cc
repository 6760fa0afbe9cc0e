#include "exchange/grpc.h"

#include <postern/grpc.h>
#include <postern/text/percent.h>

namespace postern::proxy {
namespace {

constexpr std::string_view kContentType = "application/grpc";
constexpr std::size_t kTimeoutDigits = 8;

// Nanoseconds; 0: no unit.
std::uint64_t unit_ns(char unit) noexcept {
  switch (unit) {
    case 'H':
      return 3'600'000'000'000;
    case 'M':
      return 60'000'000'000;
    case 'S':
      return 1'000'000'000;
    case 'm':
      return 1'000'000;
    case 'u':
      return 1'000;
    case 'n':
      return 1;
    default:
      return 0;
  }
}

}  // namespace

bool is_grpc(const http::RequestHead& request) noexcept {
  if (request.method != "POST") return false;
  auto type = request.headers.get("Content-Type");
  if (!type || type->size() < kContentType.size()) return false;
  if (!http::same_name(type->substr(0, kContentType.size()), kContentType)) return false;
  std::string_view rest = type->substr(kContentType.size());
  return rest.empty() || rest.front() == '+' || rest.front() == ';' || rest.front() == ' ';
}

std::optional<std::uint64_t> parse_grpc_timeout(std::string_view value) noexcept {
  if (value.size() < 2 || value.size() > kTimeoutDigits + 1) return std::nullopt;
  std::uint64_t unit = unit_ns(value.back());
  std::uint64_t count = 0;
  for (char c : value.substr(0, value.size() - 1)) {
    if (!is_digit(c)) return std::nullopt;
    count = count * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (unit == 0) return std::nullopt;
  constexpr std::uint64_t kMillisecond = 1'000'000;
  return unit >= kMillisecond ? count * (unit / kMillisecond) : (count * unit + kMillisecond - 1) / kMillisecond;
}

std::uint32_t grpc_status_of(std::uint16_t http_status, bool timed_out) noexcept {
  return timed_out ? grpc::deadline_exceeded : grpc::code_of_http(http_status);
}

std::string_view grpc_message(std::string_view message, Arena& arena) {
  auto text = arena.array<char>(message.size() * 3);
  auto stays = [](char c) { return c >= ' ' && c <= '~' && c != '%'; };
  return {text.data(), static_cast<std::size_t>(write_encoded(text.data(), message, stays) - text.data())};
}

}  // namespace postern::proxy

#include "log_line.h"

#include <postern/text.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <ctime>

namespace {

// In any case.
bool decodes_to(std::string_view written, std::string_view name) {
  for (char c : name)
    if (written.empty() || postern::to_lower(postern::take_query_decoded(written)) != postern::to_lower(c))
      return false;
  return written.empty();
}

bool is_secret_parameter(std::string_view written, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return decodes_to(written, n); });
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

constexpr std::size_t kSpare = 4096;  // by which a buffer grows more than it must

constexpr bool plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

constexpr auto kPlain = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 256; ++c) table[c] = plain(static_cast<char>(c));
  return table;
}();

// Sixteen bytes, each handled alike.
using Bytes16 = unsigned char __attribute__((vector_size(16)));

// A byte becomes non-zero when it is not plain.
Bytes16 not_plain(Bytes16 bytes) {
  return reinterpret_cast<Bytes16>((bytes - 0x20 >= 0x7f - 0x20) | (bytes == '"') | (bytes == '\\'));
}

bool none_set(Bytes16 bytes) {
  std::uint64_t words[2];
  std::memcpy(words, &bytes, sizeof words);
  return (words[0] | words[1]) == 0;
}

// Copies Size to 2 * Size bytes, 16 at most: the first ones and the last ones, which may overlap.
template <std::size_t Size>
Bytes16 copy_ends(char* to, const char* from, std::size_t size) {
  Bytes16 bytes = {};
  auto* both = reinterpret_cast<char*>(&bytes);
  std::memcpy(both, from, Size);
  std::memcpy(both + Size, from + size - Size, Size);
  std::memcpy(to, both, Size);
  std::memcpy(to + size - Size, both + Size, Size);
  if constexpr (2 * Size < sizeof bytes) std::memcpy(both + 2 * Size, both, sizeof bytes - 2 * Size);
  return bytes;
}

// False when the text has bytes to escape: then it is copied in vain.
bool copy_plain(char* to, std::string_view text) {
  const char* from = text.data();
  const std::size_t size = text.size();
  if (size < 4) {
    bool good = true;
    for (std::size_t i = 0; i < size; ++i) {
      to[i] = from[i];
      good &= kPlain[static_cast<unsigned char>(from[i])];
    }
    return good;
  }
  if (size < 8) return none_set(not_plain(copy_ends<4>(to, from, size)));
  if (size < 16) return none_set(not_plain(copy_ends<8>(to, from, size)));
  Bytes16 odd = {};
  auto copy_bytes = [&](std::size_t at) {
    Bytes16 bytes;
    std::memcpy(&bytes, from + at, sizeof bytes);
    std::memcpy(to + at, &bytes, sizeof bytes);
    odd |= not_plain(bytes);
  };
  const std::size_t last = size - 16;  // the last sixteen may overlap
  for (std::size_t at = 0; at < last; at += 16) copy_bytes(at);
  copy_bytes(last);
  return none_set(odd);
}

// Nearly every text is plain.
char* put_escaped(char* to, std::string_view text) {
  return copy_plain(to, text) ? to + text.size() : postern::write_json_text(to, text);
}

char* put_digits(char* to, std::uint64_t value) { return std::to_chars(to, to + 20, value).ptr; }

char* put_three_digits(char* to, std::uint64_t value) {
  to[0] = static_cast<char>('0' + value / 100 % 10);
  to[1] = static_cast<char>('0' + value / 10 % 10);
  to[2] = static_cast<char>('0' + value % 10);
  return to + 3;
}

}  // namespace

void LogLine::grow(std::size_t size) { buffer_.resize(size_ + size + kSpare); }

void LogLine::text(const std::string& key, std::string_view value) {
  char* to = make_room(key.size() + value.size() * postern::kMaxJsonGrowth + kPunctuation);
  *to++ = '"';
  to += key.copy(to, key.size());
  *to++ = '"';
  *to++ = ':';
  put_text(to, value);
}

void LogLine::put_text(char* to, std::string_view value) {
  *to++ = '"';
  to = put_escaped(to, value);
  *to++ = '"';
  end_field(to);
}

void LogLine::put_number(char* to, std::uint64_t value) { end_field(put_digits(to, value)); }

void LogLine::put_milliseconds(char* to, std::uint64_t ns) {
  const std::uint64_t us = ns / 1000;
  to = put_digits(to, us / 1000);
  *to++ = '.';
  end_field(put_three_digits(to, us % 1000));
}

// In the place of the last comma; each field has left room for it.
std::string_view LogLine::end() {
  buffer_[size_ - 1] = '}';
  buffer_[size_] = '\n';
  return {buffer_.data(), size_ + 1};
}

std::string escaped(std::string_view text) {
  std::string out(text.size() * postern::kMaxJsonGrowth, '\0');
  out.resize(static_cast<std::size_t>(put_escaped(out.data(), text) - out.data()));
  return out;
}

std::string_view timestamp(std::uint64_t unix_ms) {
  struct Made {
    std::time_t second = -1;
    std::size_t length = 0;
    char text[32] = {};
  };
  thread_local Made made;
  auto now = static_cast<std::time_t>(unix_ms / 1000);
  if (now != made.second) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    made.length = std::strftime(made.text, 24, "%Y-%m-%dT%H:%M:%S.", &parts);
    made.second = now;
  }
  char* end = put_three_digits(made.text + made.length, unix_ms % 1000);
  *end++ = 'Z';
  return {made.text, static_cast<std::size_t>(end - made.text)};
}

std::string_view redact_query(std::string_view query, const std::vector<std::string>& names, std::string& buffer) {
  bool changed = false;
  buffer.clear();
  for (std::string_view rest = query; !rest.empty();) {
    const postern::Pair parameter = postern::take_parameter(rest);
    const bool mask = parameter.has_value && is_secret_parameter(parameter.name, names);
    changed |= mask;
    mask ? buffer.append(parameter.name).append("=***") : buffer.append(parameter.text);
    if (!rest.empty() || query.ends_with('&')) buffer += '&';
  }
  return changed ? std::string_view(buffer) : query;
}

std::string_view redact_target(std::string_view target, const std::vector<std::string>& names, std::string& buffer) {
  const auto mark = target.find('?');
  if (mark == target.npos) return target;
  const auto query = target.substr(mark + 1);
  if (redact_query(query, names, buffer) == query) return target;
  buffer.insert(0, target.substr(0, mark + 1));
  return buffer;
}

Shown shown_of(std::string_view variable, const std::vector<std::string>& names) {
  if (variable == "request.query") return Shown::query;
  if (variable == "request.target") return Shown::target;
  if (take_prefix(variable, "request.header.") || take_prefix(variable, "response.header."))
    return is_secret_header(variable) ? Shown::nothing : Shown::whole;
  if (take_prefix(variable, "request.query."))
    return is_secret_parameter(variable, names) ? Shown::nothing : Shown::whole;
  return variable.starts_with("request.cookie.") ? Shown::nothing : Shown::whole;
}

bool is_secret_header(std::string_view name) {
  static constexpr std::string_view kSecret[] = {"authorization", "proxy-authorization", "cookie", "set-cookie",
                                                 "x-api-key"};
  return std::any_of(std::begin(kSecret), std::end(kSecret),
                     [&](std::string_view s) { return postern::same_ignoring_case(s, name); });
}

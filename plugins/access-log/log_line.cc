#include "log_line.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <ctime>

namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

bool same(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

// The first character of an escaped text, which is taken off.
char take_unescaped(std::string_view& text) {
  char c = text.front();
  const bool escape = c == '%' && text.size() >= 3 && hex_value(text[1]) >= 0 && hex_value(text[2]) >= 0;
  if (escape) c = static_cast<char>(hex_value(text[1]) << 4 | hex_value(text[2]));
  text.remove_prefix(escape ? 3 : 1);
  return c == '+' && !escape ? ' ' : c;
}

bool same_unescaped(std::string_view escaped, std::string_view name) {
  for (char c : name)
    if (escaped.empty() || lower(take_unescaped(escaped)) != lower(c)) return false;
  return escaped.empty();
}

bool is_secret_parameter(std::string_view escaped, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return same_unescaped(escaped, n); });
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

constexpr std::size_t kEscaped = 6;       // the most bytes that one byte of text takes
constexpr std::size_t kNumberBytes = 24;  // the most that a number takes
constexpr std::size_t kSpare = 4096;      // by which a buffer grows more than it must

constexpr bool plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

constexpr auto kPlain = [] {
  std::array<bool, 256> table{};
  for (unsigned c = 0; c < 256; ++c) table[c] = plain(static_cast<char>(c));
  return table;
}();

constexpr std::uint64_t every_byte(char value) { return static_cast<unsigned char>(value) * 0x0101010101010101ull; }

// Sets a byte's top bit when a byte of the word is not plain; which one it is need not be so.
constexpr std::uint64_t not_plain(std::uint64_t word) {
  std::uint64_t outside = word | (word + every_byte(1)) | (word - every_byte(0x20));  // beyond ASCII, DEL, controls
  std::uint64_t quotes = (word ^ every_byte('"')) - every_byte(1);
  std::uint64_t backslashes = (word ^ every_byte('\\')) - every_byte(1);
  return (outside | quotes | backslashes) & every_byte('\x80');
}

// False when the text has bytes to escape: then it is copied in vain.
bool copy_plain(char* to, std::string_view text) {
  const char* from = text.data();
  if (text.size() < 8) {
    bool good = true;
    for (std::size_t i = 0; i < text.size(); ++i) {
      to[i] = from[i];
      good &= kPlain[static_cast<unsigned char>(from[i])];
    }
    return good;
  }
  std::uint64_t odd = 0;
  auto copy_word = [&](std::size_t at) {
    std::uint64_t word;
    std::memcpy(&word, from + at, sizeof word);
    std::memcpy(to + at, &word, sizeof word);
    odd |= not_plain(word);
  };
  const std::size_t last = text.size() - 8;  // the last two words may overlap
  for (std::size_t at = 0; at < last; at += 8) copy_word(at);
  copy_word(last);
  return odd == 0;
}

char* put_escaped(char* to, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  if (copy_plain(to, text)) return to + text.size();
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (!plain(c)) *to++ = '\\';
    if (plain(c) || c == '"' || c == '\\') {
      *to++ = c;
    } else {
      for (char hex : {'u', '0', '0', kHex[byte >> 4], kHex[byte & 15]}) *to++ = hex;
    }
  }
  return to;
}

char* put_number(char* to, std::uint64_t value) { return std::to_chars(to, to + kNumberBytes, value).ptr; }

char* put_three_digits(char* to, std::uint64_t value) {
  for (std::uint64_t unit : {100, 10, 1}) *to++ = static_cast<char>('0' + value / unit % 10);
  return to;
}

}  // namespace

// Room for the value too.
char* LogLine::begin_field(std::string_view key, std::size_t value_size) {
  std::size_t room = key.size() + value_size + 8;  // 8: punctuation
  if (buffer_.size() < size_ + room) buffer_.resize(size_ + room + kSpare);
  char* to = buffer_.data() + size_;
  *to++ = size_ == 0 ? '{' : ',';
  *to++ = '"';
  to += key.copy(to, key.size());
  *to++ = '"';
  *to++ = ':';
  return to;
}

void LogLine::text(std::string_view key, std::string_view value) {
  char* to = begin_field(key, value.size() * kEscaped);
  *to++ = '"';
  to = put_escaped(to, value);
  *to++ = '"';
  end_field(to);
}

void LogLine::number(std::string_view key, std::uint64_t value) {
  end_field(put_number(begin_field(key, kNumberBytes), value));
}

void LogLine::milliseconds(std::string_view key, std::uint64_t ns) {
  char* to = begin_field(key, kNumberBytes);
  std::uint64_t us = ns / 1000;
  to = put_number(to, us / 1000);
  *to++ = '.';
  end_field(put_three_digits(to, us % 1000));
}

// begin_field has left room for it.
std::string_view LogLine::end() {
  buffer_[size_] = '}';
  buffer_[size_ + 1] = '\n';
  return {buffer_.data(), size_ + 2};
}

std::string escaped(std::string_view text) {
  std::string out(text.size() * kEscaped, '\0');
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
    auto end = rest.find('&');
    auto piece = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view{} : rest.substr(end + 1);
    bool mask = piece.find('=') != piece.npos && is_secret_parameter(piece.substr(0, piece.find('=')), names);
    changed |= mask;
    buffer += mask ? piece.substr(0, piece.find('=') + 1) : piece;
    if (mask) buffer += "***";
    if (end != std::string_view::npos) buffer += '&';
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
  return std::any_of(std::begin(kSecret), std::end(kSecret), [&](std::string_view s) { return same(s, name); });
}

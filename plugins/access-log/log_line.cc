#include "log_line.h"

#include <algorithm>
#include <charconv>
#include <ctime>

namespace {

bool same(std::string_view a, std::string_view b) {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [&](char x, char y) { return lower(x) == lower(y); });
}

bool plain(char c) { return c >= 0x20 && c < 0x7f && c != '"' && c != '\\'; }

void append_escaped(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  if (std::all_of(text.begin(), text.end(), plain)) {
    out += text;
    return;
  }
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (plain(c))
      out += c;
    else if (c == '"' || c == '\\')
      (out += '\\') += c;
    else
      ((out += "\\u00") += kHex[byte >> 4]) += kHex[byte & 15];
  }
}

void append_number(std::string& out, std::uint64_t value) {
  char digits[24];
  auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  out.append(digits, static_cast<std::size_t>(end - digits));
}

void append_padded(std::string& out, std::uint64_t value, int width) {
  char digits[8];
  for (int i = width; i-- > 0; value /= 10) digits[i] = static_cast<char>('0' + value % 10);
  out.append(digits, static_cast<std::size_t>(width));
}

}  // namespace

void LogLine::key(std::string_view name) {
  if (!first_) out_ += ',';
  first_ = false;
  out_ += '"';
  append_escaped(out_, name);
  out_ += "\":";
}

void LogLine::text(std::string_view name, std::string_view value) {
  key(name);
  out_ += '"';
  append_escaped(out_, value);
  out_ += '"';
}

void LogLine::number(std::string_view name, std::uint64_t value) {
  key(name);
  append_number(out_, value);
}

void LogLine::milliseconds(std::string_view name, std::uint64_t ns) {
  key(name);
  std::uint64_t us = ns / 1000;
  append_number(out_, us / 1000);
  out_ += '.';
  append_padded(out_, us % 1000, 3);
}

void append_timestamp(std::string& out, std::uint64_t unix_ms) {
  thread_local std::time_t made_for = -1;
  thread_local char seconds[24];
  thread_local std::size_t length = 0;
  auto now = static_cast<std::time_t>(unix_ms / 1000);
  if (now != made_for) {
    std::tm parts{};
    gmtime_r(&now, &parts);
    length = std::strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
    made_for = now;
  }
  out.append(seconds, length);
  out += '.';
  append_padded(out, unix_ms % 1000, 3);
  out += 'Z';
}

std::string_view redact_query(std::string_view query, const std::vector<std::string>& names, std::string& buffer) {
  auto secret = [&](std::string_view piece) {
    auto name = piece.substr(0, piece.find('='));
    return std::any_of(names.begin(), names.end(), [&](const std::string& n) { return same(n, name); });
  };
  bool changed = false;
  buffer.clear();
  for (std::string_view rest = query; !rest.empty();) {
    auto end = rest.find('&');
    auto piece = rest.substr(0, end);
    rest = end == rest.npos ? std::string_view{} : rest.substr(end + 1);
    bool mask = piece.find('=') != piece.npos && secret(piece);
    changed |= mask;
    buffer += mask ? piece.substr(0, piece.find('=') + 1) : piece;
    if (mask) buffer += "***";
    if (end != std::string_view::npos) buffer += '&';
  }
  return changed ? std::string_view(buffer) : query;
}

bool is_secret_header(std::string_view name) {
  static constexpr std::string_view kSecret[] = {"authorization", "proxy-authorization", "cookie", "set-cookie",
                                                 "x-api-key"};
  return std::any_of(std::begin(kSecret), std::end(kSecret), [&](std::string_view s) { return same(s, name); });
}

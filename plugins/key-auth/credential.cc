#include "credential.h"

#include <algorithm>

#include "hex.h"

namespace {

// Takes the next character of a percent-encoded text off its front.
char take_decoded(std::string_view& text) noexcept {
  char c = text.front();
  int high = c == '%' && text.size() > 2 ? hex_value(text[1]) : -1;
  int low = high >= 0 ? hex_value(text[2]) : -1;
  text.remove_prefix(low >= 0 ? 3 : 1);
  return low >= 0 ? static_cast<char>(high << 4 | low) : c;
}

bool decodes_to(std::string_view encoded, std::string_view text) noexcept {
  while (!encoded.empty() && !text.empty()) {
    if (take_decoded(encoded) != text.front()) return false;
    text.remove_prefix(1);
  }
  return encoded.empty() && text.empty();
}

struct Pair {
  std::string_view text, name, value;
};

std::string_view trimmed(std::string_view text) noexcept {
  auto begin = text.find_first_not_of(" \t");
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Calls visit(Pair) for each "name=value" between separators.
template <class Visit>
void each_pair(std::string_view text, char separator, Visit visit) {
  while (!text.empty()) {
    auto end = std::min(text.find(separator), text.size());
    auto pair = separator == ';' ? trimmed(text.substr(0, end)) : text.substr(0, end);
    auto equals = std::min(pair.find('='), pair.size());
    visit(Pair{pair, pair.substr(0, equals), pair.substr(std::min(equals + 1, pair.size()))});
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace

bool same_header_name(std::string_view a, std::string_view b) noexcept {
  auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return x == y || lower(x) == lower(y); });
}

Occurrences find_parameter(std::string_view query, std::string_view name) noexcept {
  Occurrences found;
  each_pair(query, '&', [&](const Pair& pair) {
    if (decodes_to(pair.name, name)) found = {found.count + 1, pair.value};
  });
  return found;
}

std::string_view without_parameter(std::string_view query, std::string_view name, char* out) noexcept {
  std::size_t size = 0;
  bool first = true;
  each_pair(query, '&', [&](const Pair& pair) {
    if (decodes_to(pair.name, name)) return;
    if (!first) out[size++] = '&';
    first = false;
    size += pair.text.copy(out + size, pair.text.size());
  });
  return {out, size};
}

std::optional<std::string_view> decoded(std::string_view value, std::span<char> buffer) noexcept {
  std::size_t size = 0;
  while (!value.empty()) {
    if (size == buffer.size()) return std::nullopt;
    buffer[size++] = take_decoded(value);
  }
  return std::string_view(buffer.data(), size);
}

Occurrences find_cookie(std::string_view header, std::string_view name) noexcept {
  Occurrences found;
  each_pair(header, ';', [&](const Pair& pair) {
    if (trimmed(pair.name) == name) found = {found.count + 1, trimmed(pair.value)};
  });
  return found;
}

void CookiesBut::add(std::string_view header) noexcept {
  each_pair(header, ';', [&](const Pair& pair) {
    if (pair.text.empty() || trimmed(pair.name) == name_) return;
    if (size_ > 0) out_[size_++] = ';', out_[size_++] = ' ';
    size_ += pair.text.copy(out_ + size_, pair.text.size());
  });
}

#include "config/report.h"

#include <postern/text/ascii.h>

namespace postern::config {
namespace {

constexpr std::size_t kKeptProblems = 200;
constexpr std::size_t kShownBytes = 60;

}  // namespace

void add_problem(Problems& problems, Position position, std::string path, std::string text) {
  if (is_full(problems)) return;
  if (problems.size() == kKeptProblems) {
    path.clear();
    text = "there are more problems; mend these first";
  }
  problems.push_back({std::move(position), std::move(path), std::move(text)});
}

bool is_full(const Problems& problems) { return problems.size() > kKeptProblems; }

std::string shown(std::string_view text) {
  std::size_t end = std::min(text.size(), kShownBytes);
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0u) == 0x80u) --end;
  std::string out = "\"";
  for (char c : text.substr(0, end)) {
    unsigned char byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F)
      append_hex(out += "\\x", byte);
    else
      out += c;
  }
  return out + (end < text.size() ? "...\"" : "\"");
}

std::string shown(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
    case Node::Kind::list:
    case Node::Kind::map:
      return std::string(name_of(node.kind));
    case Node::Kind::boolean:
    case Node::Kind::integer:
    case Node::Kind::number:
      return node.secret ? "a secret" : node.string.substr(0, kShownBytes);
    case Node::Kind::string:
      return node.secret ? "a secret" : shown(node.string);
  }
  return {};
}

std::string suggestion(std::string_view word, const std::vector<std::string>& known) {
  std::string near = nearest(word, known);
  return near.empty() ? std::string() : " (did you mean \"" + near + "\"?)";
}

std::string listed(const std::vector<std::string>& words) {
  std::string out;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) out += i + 1 == words.size() ? " or " : ", ";
    out += words[i];
  }
  return out;
}

}  // namespace postern::config

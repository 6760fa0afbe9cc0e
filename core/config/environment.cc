#include "config/environment.h"

#include <postern/text/ascii.h>

#include <cstdlib>

#include "config/report.h"
#include "config/yaml.h"

namespace postern::config {
namespace {

constexpr std::size_t kLongestValue = 1024 * 1024;  // of one scalar after replacing

bool starts_name(char c) { return is_upper(c) || c == '_'; }
bool in_name(char c) { return starts_name(c) || is_digit(c); }

bool names_secret(std::string_view name) {
  for (std::string_view word : {"SECRET", "PASSWORD", "TOKEN", "KEY"})
    if (name.find(word) != std::string_view::npos) return true;
  return false;
}

// A reference at the front of a text.
struct Reference {
  std::string name;
  std::optional<std::string_view> fallback;
  std::size_t length = 0;
};

// `text` begins with "${" and a character that starts a name. False: `problem` says what is wrong.
bool parse_reference(std::string_view text, Reference& reference, std::string& problem) {
  std::size_t end = 2;
  while (end < text.size() && in_name(text[end])) ++end;
  reference.name = text.substr(2, end - 2);
  std::size_t close = text.find('}', end);
  if (close == std::string_view::npos) {
    problem = "the reference ${" + reference.name + " has no closing brace";
    return false;
  }
  reference.length = close + 1;
  std::string_view rest = text.substr(end, close - end);
  if (rest.empty()) return true;
  if (!rest.starts_with(":-") || rest.find("${") != std::string_view::npos) {
    problem = "after the name of an environment variable only \"}\" or \":-default}\" may follow, found " +
              shown(text.substr(0, reference.length)) + "; write $${ for the text itself";
    return false;
  }
  reference.fallback = rest.substr(2);
  return true;
}

class Expander {
 public:
  Expander(const Environment& environment, Problems& problems) : environment_(environment), problems_(problems) {}

  void expand_tree(Node& node) {
    if (node.string.find("${") != std::string::npos) expand_scalar(node);
    for (std::size_t i = 0; i < node.items.size(); ++i) expand_below(std::to_string(i), node.items[i]);
    for (auto& member : node.members) expand_below(member.first, member.second);
  }

 private:
  void expand_below(const std::string& key, Node& node) {
    std::size_t length = path_.size();
    path_.append(length > 0 ? "/" : "").append(key);
    expand_tree(node);
    path_.resize(length);
  }

  void expand_scalar(Node& node) {
    std::string out;
    std::string_view text = node.string;
    bool replaced = false;
    while (!text.empty()) {
      bool escaped = text.size() > 3 && text.starts_with("$${") && starts_name(text[3]);
      bool reference = text.size() > 2 && text.starts_with("${") && starts_name(text[2]);
      if (reference) {
        if (!append_reference(text, out, node)) return;
        replaced = true;
        continue;
      }
      if (escaped) text.remove_prefix(1);
      std::size_t length = escaped ? 2 : 1;
      out += text.substr(0, length);
      text.remove_prefix(length);
    }
    node.string = std::move(out);
    if (replaced && !node.quoted) resolve_plain(node);
  }

  bool append_reference(std::string_view& text, std::string& out, Node& node) {
    Reference reference;
    std::string problem;
    if (!parse_reference(text, reference, problem)) return refuse(node, problem);
    std::optional<std::string> value = environment_(reference.name);
    if (reference.fallback && (!value || value->empty())) value = std::string(*reference.fallback);
    if (!value)
      return refuse(node, "the environment variable " + reference.name + " is not set; set it, or write ${" +
                              reference.name + ":-default}");
    if (out.size() + value->size() > kLongestValue)
      return refuse(node, "the value is longer than 1 MiB with the environment variable " + reference.name);
    if (names_secret(reference.name)) node.secret = true;
    out += *value;
    text.remove_prefix(reference.length);
    return true;
  }

  bool refuse(Node& node, std::string text) {
    node.broken = true;
    add_problem(problems_, node.position, path_, std::move(text));
    return false;
  }

  const Environment& environment_;
  Problems& problems_;
  std::string path_;
};

}  // namespace

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value ? std::optional<std::string>(value) : std::nullopt;
  };
}

void expand_environment(Node& root, const Environment& environment, Problems& problems) {
  Expander(environment, problems).expand_tree(root);
}

}  // namespace postern::config

#include "config/yaml.h"

#include <postern/text/ascii.h>
#include <postern/text/utf8.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <charconv>
#include <cmath>
#include <istream>
#include <map>
#include <streambuf>
#include <unordered_set>

#include "config/report.h"

namespace postern::config {
namespace {

// Ends the parse from inside yaml-cpp's callbacks; never leaves this file.
struct Refused {
  YAML::Mark mark;
  std::string text;
};

// What stands under an anchor, with what copying it costs.
struct Anchored {
  Node node;
  std::size_t nodes = 1;
  std::size_t scalar_bytes = 0;
  int height = 1;
};

// A list or map under construction.
struct Frame {
  Anchored value;
  YAML::anchor_t anchor = 0;
  bool has_key = false;  // maps: `key` waits for its value
  std::string key;
  Position key_position;
  std::unordered_set<std::string> keys;
};

class Builder : public YAML::EventHandler {
 public:
  Builder(std::shared_ptr<const std::string> file, YamlBudget& budget, Problems& problems)
      : file_(std::move(file)), budget_(budget), problems_(problems) {}

  Node take_root() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (expects_key()) throw Refused{mark, "a key cannot be empty or null; write it in quotes if it is meant"};
    Node node;
    node.position = at(mark);
    add(mark, {std::move(node)}, anchor);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& text) override {
    if (expects_key()) return start_member(mark, text);
    Node node;
    node.position = at(mark);
    node.string = text;
    node.quoted = is_text(mark, tag);
    node.kind = Node::Kind::string;
    if (!node.quoted) resolve_plain(node);
    add(mark, {std::move(node), 1, text.size()}, anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    if (expects_key()) throw Refused{mark, "a key cannot be an alias"};
    auto found = anchors_.find(anchor);
    if (found == anchors_.end()) throw Refused{mark, "an alias cannot stand inside its own anchor"};
    if (depth() + found->second.height > YamlBudget::kDepth) throw Refused{mark, kTooDeep};
    charge(mark, found->second);  // before the copy is made
    attach(Anchored(found->second));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::list);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, tag, anchor, Node::Kind::map);
  }
  void OnMapEnd() override { close(); }

 private:
  static constexpr const char* kTooDeep = "nested too deeply (64 levels at most)";

  Position at(const YAML::Mark& mark) const { return {file_, mark.line + 1, mark.column + 1}; }
  int depth() const { return static_cast<int>(frames_.size()); }
  bool expects_key() const {
    return !frames_.empty() && frames_.back().value.node.kind == Node::Kind::map && !frames_.back().has_key;
  }

  // True for text that keeps its kind: quoted, block scalars, !!str.
  static bool is_text(const YAML::Mark& mark, const std::string& tag) {
    if (tag == "!" || tag == "tag:yaml.org,2002:str") return true;
    if (tag.empty() || tag == "?") return false;
    throw unsupported(mark, tag);
  }
  static Refused unsupported(const YAML::Mark& mark, const std::string& tag) {
    return {mark, "the tag " + shown(tag) + " is not supported; write the value without it"};
  }

  void start_member(const YAML::Mark& mark, const std::string& key) {
    if (key == "<<")
      throw Refused{mark, "merge keys (<<) are not supported; write the keys out, or use a stack or an include"};
    Frame& map = frames_.back();
    map.has_key = true;
    map.key = key;
    map.key_position = at(mark);
    if (!map.keys.insert(key).second)
      add_problem(problems_, map.key_position, {}, "the key " + shown(key) + " is repeated");
    charge_bytes(mark, key.size());
  }

  void open(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor, Node::Kind kind) {
    if (expects_key()) throw Refused{mark, "a key must be plain text, found " + std::string(name_of(kind))};
    if (!tag.empty() && tag != "?" && tag != "!") throw unsupported(mark, tag);
    if (depth() >= YamlBudget::kDepth) throw Refused{mark, kTooDeep};
    Frame frame;
    frame.value.node.kind = kind;
    frame.value.node.position = at(mark);
    frame.anchor = anchor;
    charge(mark, frame.value);
    frames_.push_back(std::move(frame));
  }

  void close() {
    Frame done = std::move(frames_.back());
    frames_.pop_back();
    remember(done.anchor, done.value);
    attach(std::move(done.value));
  }

  void add(const YAML::Mark& mark, Anchored&& scalar, YAML::anchor_t anchor) {
    charge(mark, scalar);
    remember(anchor, scalar);
    attach(std::move(scalar));
  }

  // The copy kept for aliases is charged like any other, for anchors may be nested.
  void remember(YAML::anchor_t anchor, const Anchored& value) {
    if (anchor == 0) return;
    charge(YAML::Mark::null_mark(), value);
    anchors_[anchor] = value;
  }

  void attach(Anchored&& child) {
    if (frames_.empty()) {
      root_ = std::move(child.node);
      return;
    }
    Frame& parent = frames_.back();
    parent.value.nodes += child.nodes;
    parent.value.scalar_bytes += child.scalar_bytes;
    parent.value.height = std::max(parent.value.height, child.height + 1);
    if (parent.value.node.kind == Node::Kind::list) {
      parent.value.node.items.push_back(std::move(child.node));
      return;
    }
    parent.value.scalar_bytes += parent.key.size();
    parent.value.node.members.emplace_back(std::move(parent.key), std::move(child.node));
    parent.value.node.key_positions.push_back(parent.key_position);
    parent.has_key = false;
  }

  void charge(const YAML::Mark& mark, const Anchored& what) {
    if (what.nodes > budget_.nodes) throw Refused{mark, "too many values (200,000 at most, copies by aliases counted)"};
    budget_.nodes -= what.nodes;
    charge_bytes(mark, what.scalar_bytes);
  }
  void charge_bytes(const YAML::Mark& mark, std::size_t bytes) {
    if (bytes > budget_.scalar_bytes) throw Refused{mark, "too much text (16 MiB at most, copies by aliases counted)"};
    budget_.scalar_bytes -= bytes;
  }

  std::shared_ptr<const std::string> file_;
  YamlBudget& budget_;
  Problems& problems_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  Node root_;
};

// Reads from memory without a copy.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(std::string_view text) {
    char* begin = const_cast<char*>(text.data());  // streambuf's type; an input buffer is never written
    setg(begin, begin, begin + text.size());
  }
};

// The parser takes byte 4 for the end of its input and repairs bad UTF-8 in silence, so both are refused beforehand.
bool check_bytes(std::string_view text, const std::shared_ptr<const std::string>& file, Problems& problems) {
  Position position{file, 1, 1};
  for (std::size_t i = 0; i < text.size();) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    std::size_t length = front_code_point(text.substr(i)).size;
    bool control = (c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F;
    if (length == 0 || control) {
      add_problem(problems, position, {}, control ? "a control character stands here" : "this is not UTF-8 text");
      return false;
    }
    i += length;
    position.line += c == '\n';
    position.column = c == '\n' ? 1 : position.column + 1;
  }
  return true;
}

bool resolve_integer(Node& node, std::string_view digits) {
  bool leading_zero = digits.size() > 1 && digits[digits[0] == '-'] == '0' && digits != "-0";
  if (leading_zero) return false;  // neither octal nor decimal for certain: stays text
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), node.integer);
  if (error != std::errc() || end != digits.data() + digits.size()) return false;
  node.kind = Node::Kind::integer;
  node.number = static_cast<double>(node.integer);
  return true;
}

bool resolve_number(Node& node, std::string_view text) {
  if (text.find_first_not_of("0123456789.eE+-") != std::string_view::npos) return false;
  if (text.find_first_of(".eE") == std::string_view::npos) return false;
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return false;
  node.kind = Node::Kind::number;
  node.number = value;
  return true;
}

}  // namespace

void resolve_plain(Node& node) {
  std::string_view text = node.string;
  node.kind = Node::Kind::string;
  if (text == "true" || text == "True" || text == "TRUE" || text == "false" || text == "False" || text == "FALSE") {
    node.kind = Node::Kind::boolean;
    node.boolean = (text[0] | 0x20) == 't';
    return;
  }
  if (text.starts_with('+') && text.size() > 1 && is_digit(text[1])) text.remove_prefix(1);
  bool numeric = !text.empty() && (is_digit(text[0]) || ((text[0] == '-' || text[0] == '.') && text.size() > 1));
  if (numeric && !resolve_integer(node, text)) resolve_number(node, text);
}

bool parse_yaml(std::string_view text, const std::string& file, YamlBudget& budget, Node& root, Problems& problems) {
  auto name = std::make_shared<const std::string>(file);
  root = Node();
  root.position = {name, 1, 1};
  if (text.size() > YamlBudget::kFileBytes) {
    add_problem(problems, root.position, {}, "the file is larger than 4 MiB");
    return false;
  }
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  if (!check_bytes(text, name, problems)) return false;
  try {
    ViewBuffer buffer(text);
    std::istream stream(&buffer);
    YAML::Parser parser(stream);
    Builder builder(name, budget, problems);
    if (!parser.HandleNextDocument(builder)) return true;
    root = builder.take_root();
    if (root.position.line == 0) root.position = {name, 1, 1};
    if (parser) throw Refused{YAML::Mark::null_mark(), "one document is expected, a second one follows (---)"};
    return true;
  } catch (const Refused& refused) {
    add_problem(problems, {name, refused.mark.line + 1, refused.mark.column + 1}, {}, refused.text);
  } catch (const YAML::Exception& e) {
    add_problem(problems, {name, e.mark.line + 1, e.mark.column + 1}, {}, "not valid YAML: " + e.msg);
  }
  return false;
}

}  // namespace postern::config

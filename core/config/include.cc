#include "config/include.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>

#include "config/reader.h"
#include "config/report.h"
#include "config/yaml.h"

namespace postern::config {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFiles = 256;
constexpr std::size_t kDeepestInclude = 16;

// One byte more than allowed is enough to see that a file is too large.
bool read_bytes(const std::string& path, std::string& text, std::string& problem) {
  std::error_code error;
  if (fs::is_directory(path, error)) {
    problem = "is a directory";
    return false;
  }
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    problem = errno != 0 ? std::strerror(errno) : "cannot be opened";
    return false;
  }
  text.resize(YamlBudget::kFileBytes + 1);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (!file.bad()) return true;
  problem = "cannot be read";
  return false;
}

class Merger {
 public:
  explicit Merger(Problems& problems) : problems_(problems) {}

  // Joins `from` into `to`, which comes first. Both are roots.
  void merge(Node& to, Node&& from) {
    for (std::size_t i = 0; i < from.members.size(); ++i) {
      auto& [key, value] = from.members[i];
      if (key == "include") continue;
      Node* present = to.find(key);
      if (!present)
        append(to, key, std::move(value), from.key_positions[i]);
      else if (key != "version")  // every file may say it
        merge_section(*present, std::move(value), key, from.key_positions[i]);
    }
  }

 private:
  static void append(Node& map, const std::string& key, Node&& value, const Position& position) {
    map.members.emplace_back(key, std::move(value));
    map.key_positions.push_back(position);
  }

  void merge_section(Node& to, Node&& from, const std::string& key, const Position& position) {
    if (to.kind == Node::Kind::null) {
      to = std::move(from);
    } else if (to.kind == Node::Kind::list && from.kind == Node::Kind::list) {
      std::move(from.items.begin(), from.items.end(), std::back_inserter(to.items));
    } else if (to.kind == Node::Kind::map && from.kind == Node::Kind::map) {
      merge_maps(to, std::move(from), key);
    } else if (from.kind != Node::Kind::null) {
      add_problem(problems_, position, key, "is already written at " + to.position.text());
    }
  }

  void merge_maps(Node& to, Node&& from, const std::string& path) {
    std::map<std::string, Position> present;
    for (std::size_t i = 0; i < to.members.size(); ++i) present.emplace(to.members[i].first, to.key_positions[i]);
    for (std::size_t i = 0; i < from.members.size(); ++i) {
      auto& [key, value] = from.members[i];
      auto [first, fresh] = present.emplace(key, from.key_positions[i]);
      if (fresh)
        append(to, key, std::move(value), from.key_positions[i]);
      else
        add_problem(problems_, from.key_positions[i], path + "/" + key,
                    "is already written at " + first->second.text());
    }
  }

  Problems& problems_;
};

class Files {
 public:
  Files(const Environment& environment, Problems& problems) : environment_(environment), problems_(problems) {}

  // `from` is the place that includes the file; without a file for the first one.
  Node read(const std::string& path, const Position& from) {
    std::string canonical = canonical_name(path);
    if (!may_read(path, canonical, from)) return broken();
    std::string text, problem;
    if (!read_bytes(path, text, problem)) {
      bool first = from.line == 0;
      Position position = first ? Position{std::make_shared<const std::string>(path), 0, 0} : from;
      add_problem(problems_, position, first ? "" : "include", first ? problem : shown(path) + ": " + problem);
      return broken();
    }
    open_.push_back(canonical);
    Node root = read_tree(text, path);
    Node whole = with_includes(std::move(root), fs::path(path).parent_path());
    open_.pop_back();
    return whole;
  }

  Node read_tree(std::string_view text, const std::string& name) {
    Node root;
    if (!parse_yaml(text, name, budget_, root, problems_)) return broken();
    if (root.kind == Node::Kind::null) {
      add_problem(problems_, root.position, {}, "the file is empty");
      root.broken = true;
    } else if (root.kind != Node::Kind::map) {
      Cursor(root, "", problems_).expected("a map of sections");
      root.broken = true;
    }
    expand_environment(root, environment_, problems_);
    return root;
  }

 private:
  static Node broken() {
    Node root;
    root.broken = true;
    return root;
  }

  static std::string canonical_name(const std::string& path) {
    std::error_code error;
    fs::path canonical = fs::weakly_canonical(path, error);
    return error ? path : canonical.string();
  }

  bool may_read(const std::string& path, const std::string& canonical, const Position& from) {
    auto refuse = [&](const std::string& text) {
      add_problem(problems_, from, "include", shown(path) + " " + text);
      return false;
    };
    if (std::find(open_.begin(), open_.end(), canonical) != open_.end()) return refuse("includes itself");
    if (open_.size() >= kDeepestInclude) return refuse("is included too deeply (16 levels at most)");
    if (seen_.size() >= kMaxFiles) return refuse("is one file too many (256 at most)");
    auto [first, fresh] = seen_.emplace(canonical, from);
    return fresh || refuse("is already included, at " + first->second.text());
  }

  Node with_includes(Node&& root, const fs::path& folder) {
    const Node* include = root.kind == Node::Kind::map ? root.find("include") : nullptr;
    if (!include) return std::move(root);
    std::vector<std::string> names;
    Cursor cursor(*include, "include", problems_);
    if (!cursor.read_strings(names)) names.clear();
    Node whole;
    whole.kind = Node::Kind::map;
    whole.position = root.position;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const Position& from = include->kind == Node::Kind::list ? include->items[i].position : include->position;
      Node part = read((folder / names[i]).string(), from);
      whole.broken = whole.broken || part.broken;
      Merger(problems_).merge(whole, std::move(part));
    }
    whole.broken = whole.broken || root.broken;
    Merger(problems_).merge(whole, std::move(root));
    return whole;
  }

  const Environment& environment_;
  Problems& problems_;
  YamlBudget budget_;
  std::vector<std::string> open_;
  std::map<std::string, Position> seen_;
};

}  // namespace

Node read_with_includes(const std::string& path, const Environment& environment, Problems& problems) {
  return Files(environment, problems).read(path, {});
}

Node read_text(std::string_view text, const std::string& name, const Environment& environment, Problems& problems) {
  Node root = Files(environment, problems).read_tree(text, name);
  for (std::size_t i = 0; i < root.members.size(); ++i)
    if (root.members[i].first == "include")
      add_problem(problems, root.key_positions[i], "include", "only a file can include others");
  return root;
}

}  // namespace postern::config

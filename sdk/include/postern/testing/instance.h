// FakeInstance: a plugin with one configuration inside a FakeGateway, and what it declared about itself.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "postern/testing/config.h"
#include "postern/testing/headers.h"

namespace postern::testing {

class FakeGateway;

// A "${...}" text cut into pieces: plain text, and names of variables.
struct FakeTemplate {
  struct Piece {
    bool variable;
    std::string text;
  };
  std::vector<Piece> pieces;
  std::vector<std::string> variables;

  // False with a reason when a "${" is not closed or names nothing.
  bool parse(std::string_view text, std::string& why) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] != '$' || i + 1 == text.size()) {
        plain += text[i];
      } else if (text[i + 1] == '$') {
        plain += '$';
        ++i;
      } else if (text[i + 1] == '{') {
        const std::size_t end = text.find('}', i);
        if (end == std::string_view::npos || end == i + 2) {
          why = "a \"${\" is not closed or names no variable";
          return false;
        }
        if (!plain.empty()) pieces.push_back({false, std::exchange(plain, {})});
        variables.emplace_back(text.substr(i + 2, end - i - 2));
        pieces.push_back({true, variables.back()});
        i = end;
      } else {
        plain += '$';
      }
    }
    if (!plain.empty()) pieces.push_back({false, plain});
    return true;
  }
};

class FakeInstance {
 public:
  struct Problem {
    std::string at;  // the path of the node: "rules[0].name"; empty for the instance itself
    std::string text;
  };
  struct Declared {
    std::string name;
    std::string reason;
    std::uint64_t hook = 0;     // of a variable; 0: the first of the instance
    std::uint32_t version = 0;  // of a service
  };

  // False: it was refused, see problems().
  bool ok() const { return ok_; }
  const std::vector<Problem>& problems() const { return problems_; }
  // "limit: must be at least 1", one line each.
  std::string problem_text() const {
    std::string text;
    for (const Problem& problem : problems_) {
      if (!text.empty()) text += '\n';
      text += problem.at.empty() ? problem.text : problem.at + ": " + problem.text;
    }
    return text;
  }
  const std::string& name() const { return name_; }
  const std::vector<Declared>& provides() const { return provides_; }
  const std::vector<Declared>& consumes() const { return consumes_; }
  const std::vector<Declared>& reads() const { return reads_; }  // what its templates and expressions name not counted
  const std::vector<Declared>& offers() const { return offers_; }
  const std::vector<Declared>& needs() const { return needs_; }
  std::uint32_t refuses() const { return refuses_; }  // POSTERN_REFUSES_*
  const std::vector<Declared>& before() const { return before_; }
  const std::vector<Declared>& after() const { return after_; }
  const postern_body_policy& body_policy(std::uint32_t message) const { return policies_[message]; }
  std::uint64_t hooks() const { return hooks_; }
  bool provides(std::string_view variable) const { return has(provides_, variable); }
  bool consumes(std::string_view variable) const { return has(consumes_, variable); }
  bool reads(std::string_view variable) const { return has(reads_, variable); }
  bool offers(std::string_view service) const { return has(offers_, service); }
  // True while on_configure or on_worker_start has not reported ready().
  bool pending() const { return pending_; }
  void fail_open(bool on = true) { fail_open_ = on; }

  postern_instance raw() const { return reinterpret_cast<postern_instance>(const_cast<FakeInstance*>(this)); }
  static FakeInstance& from(postern_instance raw) { return *reinterpret_cast<FakeInstance*>(raw); }

 private:
  friend class FakeGateway;
  friend class FakeExchange;
  friend struct Tables;
  static bool has(const std::vector<Declared>& list, std::string_view name) {
    return std::any_of(list.begin(), list.end(), [&](const Declared& declared) { return declared.name == name; });
  }

  const postern_plugin* table_ = nullptr;
  void* data_ = nullptr;
  std::string name_, scope_ = "routes/test";
  Config config_;
  bool ok_ = false, pending_ = false, configuring_ = false, fail_open_ = false;
  std::vector<Problem> problems_;
  std::vector<Declared> provides_, consumes_, reads_, before_, after_, offers_, needs_;
  std::uint32_t refuses_ = 0;
  postern_node declared_at_ = nullptr;
  postern_body_policy policies_[2] = {};
  bool policies_said_[2] = {};
  std::vector<std::pair<void (*)(void*), void*>> collectors_;
  std::uint64_t hooks_ = ~0ull;
  std::vector<std::unique_ptr<FakeTemplate>> templates_;
  std::vector<std::unique_ptr<std::string>> expressions_;
  std::string template_error_;
};

}  // namespace postern::testing

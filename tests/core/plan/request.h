// A request head built from a few words, for tests of the request path's parts.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/arena.h"
#include "http/message.h"
#include "plan/variables.h"

namespace postern::proxy {

struct TestRequest {
  BlockPool pool;
  Arena arena{pool};
  http::RequestHead head{arena};

  TestRequest(std::string_view method, std::string_view target, std::string_view authority = "a.test") {
    head.method = arena.copy(method);
    head.path = arena.copy(target.substr(0, target.find('?')));
    head.query = target.find('?') == std::string_view::npos ? "" : arena.copy(target.substr(target.find('?') + 1));
    head.authority = arena.copy(authority);
  }
  TestRequest& with(std::string_view name, std::string_view value) {
    head.headers.add(name, value);
    return *this;
  }
};

// Variables from a table.
class TestVariables final : public VariableReader {
 public:
  TestVariables() = default;
  TestVariables(std::initializer_list<std::pair<const char*, Value>> values) {
    for (const auto& [name, value] : values) set(name, value);
  }
  void set(std::string_view name, Value value) { values_[variable_id(name)] = value; }
  Value variable(VariableId id) const override {
    auto found = values_.find(id);
    return found == values_.end() ? Value() : found->second;
  }

 private:
  std::map<VariableId, Value> values_;
};

}  // namespace postern::proxy

// The variables that mean something in a configuration: those of the gateway itself, and those that an instance provides.
#pragma once

#include <postern/abi.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "config/node.h"
#include "plan/plan.h"

namespace postern::plugin {

class VariableNames {
 public:
  explicit VariableNames(const std::vector<postern_instance>& instances);

  bool knows(std::string_view name) const;
  // `nobody provides "consumer.di"; did you mean "consumer.id"?`
  std::string complaint(std::string_view name) const;

 private:
  std::set<std::string> provided_;  // as declared
};

// Names that nobody provides and the gateway does not know: in `when`, in what instances read, in templates of upstreams and routes.
void check_names(const std::vector<postern_instance>& instances, const VariableNames& names,
                 config::Problems& problems);
void check_names(const proxy::Plan& plan, const VariableNames& names, config::Problems& problems);

}  // namespace postern::plugin

// Environment references in configuration values: ${NAME}, ${NAME:-default}; $${NAME} stands for the text ${NAME}.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "config/node.h"

namespace postern::config {

// Gives a variable's value; the process environment in production.
using Environment = std::function<std::optional<std::string>(const std::string& name)>;
Environment process_environment();

// Replaces references in all scalars of the tree, keys excepted. Only NAMEs of upper-case letters, digits and '_' are
// references: "${request.path}" is a template and stays. The default serves when the variable is unset or empty;
// without one an unset variable is a problem. A plain scalar gets its type again afterwards, a quoted one stays a
// string. Values of variables named like *SECRET*, *PASSWORD*, *TOKEN* or *KEY* are marked secret.
void expand_environment(Node& root, const Environment& environment, Problems& problems);

}  // namespace postern::config

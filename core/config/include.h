// A file and everything it includes, as one tree.
#pragma once

#include <functional>
#include <string>

#include "config/environment.h"
#include "config/node.h"

namespace postern::config {

// Reads `path`, replaces environment references, and merges the files of its `include` list: lists are joined (included
// files first, in the order named), maps are united, a key in two files is a problem. Each file is read once.
Node read_with_includes(const std::string& path, const Environment& environment, Problems& problems);

// The same for a text that may not include anything.
Node read_text(std::string_view text, const std::string& name, const Environment& environment, Problems& problems);

}  // namespace postern::config

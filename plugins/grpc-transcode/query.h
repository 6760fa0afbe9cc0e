// The query of a request as pairs: "a.b=1&c=x+y".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct QueryParameter {
  std::string name, value;  // decoded by the rules of postern/text/percent.h
};

// Nothing when an escape is malformed or there are more than 100. Empty pieces are left out.
std::optional<std::vector<QueryParameter>> read_query(std::string_view query);

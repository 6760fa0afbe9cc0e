// Writes text as JSON, for those who build JSON by hand: log lines, error bodies. Not a parser.
#pragma once

#include <string>
#include <string_view>

namespace postern {

// Appends `text` as a JSON string, quotes included. Control characters (DEL, C1 and the Unicode line separators too)
// are escaped; each byte that is not part of valid UTF-8 becomes U+FFFD. The result is valid UTF-8 on one line.
void append_json_string(std::string& out, std::string_view text);
// The same without the quotes around it and with quotes inside left alone: for plain log text, not for JSON.
void append_escaped_text(std::string& out, std::string_view text);
// Shortest form that reads back the same; `null` for infinities and NaN.
void append_json_number(std::string& out, double number);

}  // namespace postern

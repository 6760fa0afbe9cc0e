// Any field section: ours and llhttp's parser judge alike and find the same fields.
#include <llhttp.h>

#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "http/char_class.h"
#include "http/h1_fields.h"
#include "http/head_reader.h"

namespace {

using namespace postern;
using Fields = std::vector<std::pair<std::string, std::string>>;

Fields& fields_of(llhttp_t* parser) { return *static_cast<Fields*>(parser->data); }

// The fields as llhttp reads them behind a start line; nothing when it refuses them.
std::optional<Fields> read_with_llhttp(std::string_view section) {
  llhttp_settings_t settings{};
  settings.on_header_field = [](llhttp_t* parser, const char* at, std::size_t size) {
    fields_of(parser).push_back({std::string(at, size), {}});
    return 0;
  };
  settings.on_header_value = [](llhttp_t* parser, const char* at, std::size_t size) {
    if (fields_of(parser).empty()) fields_of(parser).push_back({});  // a value without a name
    fields_of(parser).back().second = http::trim({at, size});
    return 0;
  };
  settings.on_headers_complete = [](llhttp_t*) -> int { return HPE_PAUSED; };
  Fields fields;
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &settings);
  parser.data = &fields;
  std::string message = "GET / HTTP/1.1\r\n" + std::string(section);
  auto status = llhttp_execute(&parser, message.data(), message.size());
  bool whole = status == HPE_PAUSED && llhttp_get_error_pos(&parser) == message.data() + message.size();
  return whole ? std::optional(fields) : std::nullopt;
}

// llhttp looks into the values of these.
bool has_meaning(const http::HeaderList& fields) {
  for (const auto& field : fields)
    for (std::string_view name : {"Connection", "Proxy-Connection", "Content-Length", "Transfer-Encoding", "Upgrade"})
      if (http::same_name(field.name, name)) return true;
  return false;
}

void require(bool holds) {
  if (!holds) std::abort();
}

void check(std::string_view section, Arena& arena) {
  http::HeaderList ours(arena);
  bool accepted = http::parse_fields(section, ours).has_value();
  if (has_meaning(ours)) return;
  auto theirs = read_with_llhttp(section);
  if (!accepted) {
    bool nameless = false;
    if (theirs)
      for (const auto& [name, value] : *theirs) nameless = nameless || name.empty();
    return require(!theirs || nameless || section.starts_with(':') || section.find("\n:") != section.npos);
  }
  require(theirs.has_value() && theirs->size() == ours.size());
  for (std::size_t i = 0; i < ours.size(); ++i)
    require(ours.fields()[i].name == (*theirs)[i].first && ours.fields()[i].value == (*theirs)[i].second);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  BlockPool pool;
  Arena arena(pool);
  http::HeadReader reader(http::HeadLimits{});
  reader.start_trailers();
  std::string text(reinterpret_cast<const char*>(data), size);
  if (!text.ends_with("\r\n\r\n")) text += "\r\n\r\n";  // most inputs are to get past the reader
  auto step = reader.read(text, arena);
  if (step.outcome == http::HeadReader::Outcome::complete) check(reader.bytes(), arena);
  return 0;
}

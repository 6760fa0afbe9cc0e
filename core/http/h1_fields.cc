#include "http/h1_fields.h"

#include <llhttp.h>

#include "http/char_class.h"

namespace postern::http {
namespace {

struct Collector {
  HeaderList* fields;
  std::string_view name;
  std::string_view value;
};

Collector& collector_of(llhttp_t* parser) noexcept { return *static_cast<Collector*>(parser->data); }

int on_name(llhttp_t* parser, const char* at, std::size_t length) {
  collector_of(parser).name = {at, length};
  collector_of(parser).value = {};
  return HPE_OK;
}

int on_value(llhttp_t* parser, const char* at, std::size_t length) {
  collector_of(parser).value = {at, length};
  return HPE_OK;
}

int on_field_end(llhttp_t* parser) {
  auto& field = collector_of(parser);
  if (field.name.empty()) {  // llhttp takes ": value"
    llhttp_set_error_reason(parser, "field without a name");
    return HPE_USER;
  }
  field.fields->add_view(field.name, trim(field.value));
  field.name = {};
  return HPE_OK;
}

// llhttp goes no further: what follows is for BodyDecoder.
int on_fields_end(llhttp_t*) { return HPE_PAUSED; }

constexpr llhttp_settings_t make_settings() {
  llhttp_settings_t settings{};
  settings.on_header_field = on_name;
  settings.on_header_value = on_value;
  settings.on_header_value_complete = on_field_end;
  settings.on_headers_complete = on_fields_end;
  return settings;
}

constexpr llhttp_settings_t kSettings = make_settings();

// A parser that has just read a start line. Those are ours to read (start_line.h): llhttp knows a list of methods and
// is generous with spaces and versions.
llhttp_t make_parser() {
  constexpr std::string_view kStartLine = "GET / HTTP/1.1\r\n";
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &kSettings);
  llhttp_execute(&parser, kStartLine.data(), kStartLine.size());
  return parser;
}

}  // namespace

tl::expected<void, const char*> parse_fields(std::string_view section, HeaderList& fields) {
  static const llhttp_t kBehindStartLine = make_parser();
  Collector collector{&fields, {}, {}};
  llhttp_t parser = kBehindStartLine;
  parser.data = &collector;
  auto status = llhttp_execute(&parser, section.data(), section.size());
  if (status == HPE_PAUSED && llhttp_get_error_pos(&parser) == section.data() + section.size()) return {};
  bool failed = status != HPE_OK && status != HPE_PAUSED;
  return tl::unexpected(failed ? llhttp_get_error_reason(&parser) : "malformed field section");
}

}  // namespace postern::http

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

tl::expected<void, FieldsProblem> run(llhttp_t& parser, std::string_view head) {
  auto status = llhttp_execute(&parser, head.data(), head.size());
  if (status == HPE_PAUSED && llhttp_get_error_pos(&parser) == head.data() + head.size()) return {};
  if (status == HPE_INVALID_METHOD) return tl::unexpected(FieldsProblem{HeadFault::unknown_method, "unknown method"});
  bool failed = status != HPE_OK && status != HPE_PAUSED;
  return tl::unexpected(
      FieldsProblem{HeadFault::malformed, failed ? llhttp_get_error_reason(&parser) : "malformed head"});
}

void begin(llhttp_t& parser, HeadOf what, Collector& collector) {
  llhttp_init(&parser, what == HeadOf::request ? HTTP_REQUEST : HTTP_RESPONSE, &kSettings);
  parser.data = &collector;
}

}  // namespace

tl::expected<void, FieldsProblem> parse_head_fields(HeadOf what, std::string_view head, HeaderList& fields) {
  Collector collector{&fields, {}, {}};
  llhttp_t parser;
  begin(parser, what, collector);
  return run(parser, head);
}

tl::expected<void, FieldsProblem> parse_trailer_fields(std::string_view section, HeaderList& fields) {
  constexpr std::string_view kStartLine = "GET / HTTP/1.1\r\n";
  Collector collector{&fields, {}, {}};
  llhttp_t parser;
  begin(parser, HeadOf::request, collector);
  llhttp_execute(&parser, kStartLine.data(), kStartLine.size());
  return run(parser, section);
}

}  // namespace postern::http

#include "http/h1_parser.h"

#include "http/char_class.h"

namespace postern::http {

static_assert(LLHTTP_STRICT_MODE == 1, "in its other mode llhttp takes a lone CR or LF for the end of a line");

// HPE_PAUSED stops llhttp where the parser wants to look at what has come.
struct H1Parser::Callbacks {
  static H1Parser& parser_of(llhttp_t* state) noexcept { return *static_cast<H1Parser*>(state->data); }

  static int on_name(llhttp_t* state, const char* at, std::size_t size) {
    if (size == 0) {  // llhttp takes ": value"
      llhttp_set_error_reason(state, "field without a name");
      return HPE_USER;
    }
    parser_of(state).name_ = {at, size};
    return HPE_OK;
  }

  static int on_value(llhttp_t* state, const char* at, std::size_t size) {
    const H1Parser& parser = parser_of(state);
    parser.fields_->add_view(parser.name_, trim({at, size}));
    return HPE_OK;
  }

  static int on_fields_end(llhttp_t* state) {
    H1Parser& parser = parser_of(state);
    parser.line_.start();
    parser.at_ = (state->flags & F_CHUNKED) != 0 ? At::chunk_line : At::data;
    return HPE_PAUSED;
  }

  static int on_chunk_line_end(llhttp_t* state) {
    const bool last = state->content_length == 0;
    parser_of(state).at_ = last ? At::trailers : At::data;
    return last ? HPE_PAUSED : HPE_OK;
  }

  static int on_data(llhttp_t* state, const char* at, std::size_t size) {
    parser_of(state).data_ = {at, size};
    const bool chunked = (state->flags & F_CHUNKED) != 0;
    return chunked ? HPE_PAUSED : HPE_OK;  // the data counts, whatever is wrong behind it
  }

  static int on_chunk_end(llhttp_t* state) {
    H1Parser& parser = parser_of(state);
    if (parser.at_ == At::trailers) return HPE_OK;  // the last chunk ends behind them
    parser.line_.start();
    parser.at_ = At::chunk_line;
    return HPE_PAUSED;
  }

  static int on_message_end(llhttp_t* state) {
    parser_of(state).at_ = At::end;
    return HPE_PAUSED;
  }

  static constexpr llhttp_settings_t settings() {
    llhttp_settings_t settings{};
    settings.on_header_field = on_name;
    settings.on_header_value = on_value;
    settings.on_headers_complete = on_fields_end;
    settings.on_chunk_header = on_chunk_line_end;
    settings.on_body = on_data;
    settings.on_chunk_complete = on_chunk_end;
    settings.on_message_complete = on_message_end;
    return settings;
  }

  // A state of llhttp that has just read a start line.
  static llhttp_t behind_start_line(llhttp_type_t type, std::string_view line) {
    static constexpr llhttp_settings_t kSettings = settings();
    llhttp_t state;
    llhttp_init(&state, type, &kSettings);
    llhttp_execute(&state, line.data(), line.size());
    return state;
  }
};

tl::expected<void, const char*> H1Parser::read_fields(std::string_view section, HeaderList& fields) {
  static const llhttp_t kBehindRequestLine = Callbacks::behind_start_line(HTTP_REQUEST, "GET / HTTP/1.1\r\n");
  static const llhttp_t kBehindStatusLine = Callbacks::behind_start_line(HTTP_RESPONSE, "HTTP/1.1 200 OK\r\n");
  parser_ = kind_ == Kind::request ? kBehindRequestLine : kBehindStatusLine;
  parser_.data = this;
  at_ = At::fields;
  return read_section(section, fields);
}

bool H1Parser::agrees_with(const BodyFraming& body) const noexcept {
  const unsigned framing = parser_.flags & (F_TRANSFER_ENCODING | F_CHUNKED | F_CONTENT_LENGTH);
  switch (body.kind) {
    case BodyKind::none:
    case BodyKind::until_close:
      return framing == 0;
    case BodyKind::length:
      return framing == F_CONTENT_LENGTH && parser_.content_length == body.length;
    case BodyKind::chunked:
      return framing == (F_TRANSFER_ENCODING | F_CHUNKED);
  }
  return false;
}

tl::expected<H1Parser::Step, const char*> H1Parser::read_body(std::string_view bytes) {
  data_ = {};
  std::size_t taken = 0;
  if (at_ == At::chunk_line) {
    auto line = read_chunk_line(bytes);
    if (!line) return tl::unexpected(line.error());
    taken = *line;
  }
  auto rest = execute(bytes.substr(taken));
  if (!rest) return tl::unexpected(rest.error());
  return Step{taken + *rest, data_};
}

tl::expected<void, const char*> H1Parser::read_trailers(std::string_view section, HeaderList& fields) {
  return read_section(section, fields);
}

// A section is one piece, and llhttp finds its end where HeadReader found it.
tl::expected<void, const char*> H1Parser::read_section(std::string_view section, HeaderList& fields) {
  const At before = at_;
  fields_ = &fields;
  auto taken = execute(section);
  if (!taken) return tl::unexpected(taken.error());
  if (*taken != section.size() || at_ == before) return tl::unexpected<const char*>("malformed field section");
  return {};
}

// llhttp sees the size and the end of the line, and not the extensions between them.
tl::expected<std::size_t, const char*> H1Parser::read_chunk_line(std::string_view bytes) {
  auto size = line_.take_size(bytes);
  if (!size) return size;
  if (auto read = execute(bytes.substr(0, *size)); !read) return read;
  auto extensions = line_.take_extensions(bytes.substr(*size));
  if (!extensions) return extensions;
  return *size + *extensions;
}

tl::expected<std::size_t, const char*> H1Parser::execute(std::string_view bytes) {
  llhttp_resume(&parser_);
  const auto status = llhttp_execute(&parser_, bytes.data(), bytes.size());
  if (status == HPE_OK) return bytes.size();
  if (status != HPE_PAUSED) return tl::unexpected(llhttp_get_error_reason(&parser_));
  return static_cast<std::size_t>(llhttp_get_error_pos(&parser_) - bytes.data());
}

}  // namespace postern::http

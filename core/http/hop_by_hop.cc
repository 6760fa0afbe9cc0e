#include "http/hop_by_hop.h"

#include <iterator>

#include "http/char_class.h"
#include "http/known_fields.h"

namespace postern::http {
namespace {

// Fields that Connection names, other than those that go in any case. Bounded: each is compared with each field.
class NamedFields {
 public:
  bool empty() const noexcept { return count_ == 0; }
  bool full() const noexcept { return count_ == std::size(names_); }
  void add(std::string_view name) noexcept { names_[count_++] = {name.data(), name.size()}; }
  bool contain(std::string_view name) const noexcept {
    for (std::size_t i = 0; i < count_; ++i)
      if (same_name({names_[i].data, names_[i].size}, name)) return true;
    return false;
  }

 private:
  struct Name {  // no string_view: a message that names none should not pay for an array of empty ones
    const char* data;
    std::size_t size;
  };
  Name names_[32];
  std::size_t count_ = 0;
};

void take_once(SingleField& single, std::string_view value) noexcept {
  if (single.count++ == 0) single.value = value;
}

std::string_view read_option(std::string_view option, ConnectionFields& fields, NamedFields& named) noexcept {
  if (option.empty()) return {};  // empty list elements are allowed (RFC 9110 section 5.6.1)
  if (same_name(option, "close")) {
    fields.close = true;
  } else if (same_name(option, "keep-alive")) {
    fields.keep_alive = true;
  } else if (same_name(option, "upgrade")) {
    fields.upgrade = true;
  } else if (!is_token(option)) {
    return "malformed Connection field";
  } else if (named.full()) {
    return "Connection names too many fields";
  } else {
    named.add(option);
  }
  return {};
}

// Returns the reason when it is refused, else nothing.
std::string_view read_options(std::string_view value, ConnectionFields& fields, NamedFields& named) noexcept {
  if (same_name(value, "keep-alive")) {  // what most say, and all that they say
    fields.keep_alive = true;
    return {};
  }
  for (;;) {
    auto comma = value.find(',');
    auto problem = read_option(trim(value.substr(0, comma)), fields, named);
    if (!problem.empty() || comma == std::string_view::npos) return problem;
    value.remove_prefix(comma + 1);
  }
}

// "trailers" stands in the list of transfer codings (RFC 9110 section 10.1.4).
bool takes_trailers(std::string_view value) noexcept {
  for (;;) {
    auto comma = value.find(',');
    if (same_name(trim(value.substr(0, comma)), "trailers")) return true;
    if (comma == std::string_view::npos) return false;
    value.remove_prefix(comma + 1);
  }
}

}  // namespace

tl::expected<ConnectionFields, std::string_view> take_connection_fields(HeaderList& headers) {
  ConnectionFields fields;
  NamedFields named;
  std::string_view problem;
  std::string_view codings;  // of the last TE
  headers.remove_if([&](const Field& field) {
    switch (known_field(field.name)) {
      case KnownField::other:
        return false;
      case KnownField::host:
        take_once(fields.host, field.value);
        return false;
      case KnownField::content_length:
        take_once(fields.content_length, field.value);
        return true;
      case KnownField::transfer_encoding:
        take_once(fields.transfer_encoding, field.value);
        return true;
      case KnownField::expect:
        take_once(fields.expect, field.value);
        return true;
      case KnownField::upgrade:
        take_once(fields.upgrade_protocol, field.value);
        return true;
      case KnownField::connection:
        if (problem.empty()) problem = read_options(field.value, fields, named);
        return true;
      case KnownField::te:
        codings = field.value;
        return true;
      case KnownField::keep_alive:
      case KnownField::proxy_connection:
      case KnownField::trailer:
        return true;
    }
    return false;
  });
  if (!problem.empty()) return tl::unexpected(problem);
  if (!codings.empty()) fields.te_trailers = takes_trailers(codings);
  if (!named.empty()) {
    headers.remove_if(
        [&](const Field& field) { return named.contain(field.name) && known_field(field.name) != KnownField::host; });
  }
  return fields;
}

bool is_proxy_authentication(std::string_view name) noexcept {
  switch (name.size()) {
    case 18:
      return same_name(name, "Proxy-Authenticate");
    case 19:
      return same_name(name, "Proxy-Authorization");
    case 25:
      return same_name(name, "Proxy-Authentication-Info");
    default:
      return false;
  }
}

}  // namespace postern::http

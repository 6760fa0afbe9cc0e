#include "cli/dry_request.h"

#include <fmt/core.h>

#include "http/headers.h"
#include "http/target.h"

namespace postern::cli {
namespace {

using proxy::Value;

Result<void> refuse(std::string text) { return fail(Error::client(ErrorCode::bad_request, std::move(text))); }

}  // namespace

Result<void> DryRequest::parse(std::string_view method, std::string_view url, const std::vector<std::string>& headers) {
  if (!http::is_token(method)) return refuse(fmt::format("\"{}\" is no method", method));
  auto target = http::parse_target(method, url, arena_);
  if (!target) return fail(target.error());
  for (const auto& line : headers)
    if (auto added = add_header(line); !added) return added;
  auto host = target->authority.empty() ? head_.headers.get("host").value_or("localhost") : target->authority;
  auto authority = http::parse_authority(host, arena_);
  if (!authority) return fail(authority.error());
  head_.method = arena_.copy(method);
  head_.target = arena_.copy(target->origin);
  head_.path = arena_.copy(target->path);
  head_.query = arena_.copy(target->query);
  head_.authority = *authority;
  if (!target->scheme.empty()) head_.scheme = target->scheme;
  head_.headers.set("Host", head_.authority);
  return {};
}

Result<void> DryRequest::add_header(std::string_view line) {
  auto colon = line.find(':');
  auto name = line.substr(0, colon);
  auto value = colon == std::string_view::npos ? std::string_view{} : line.substr(colon + 1);
  while (!value.empty() && (value.front() == ' ' || value.front() == '\t')) value.remove_prefix(1);
  while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
  if (colon == std::string_view::npos || !http::is_token(name) || !http::is_field_value(value))
    return refuse(fmt::format("\"{}\" is no header; the form is \"Name: value\"", line));
  head_.headers.add(name, value);
  return {};
}

void DryRequest::matched(std::string_view route, const proxy::PathParameters& parameters) {
  route_ = route;
  parameters_ = parameters;
}

Value DryRequest::variable(proxy::VariableId id) const {
  const auto& info = proxy::variable_info(id);
  return info.builtin != nullptr ? info.builtin->read(*this, info.argument) : Value{};
}

std::string DryRequest::undecidable(const proxy::Condition& condition) const {
  std::string out;
  for (auto id : condition.variables()) {
    const auto* builtin = proxy::variable_info(id).builtin;
    bool known = builtin != nullptr && builtin->kind == proxy::BuiltinVariable::Kind::of_request;
    if (!known) out.append(out.empty() ? "" : ", ").append(proxy::variable_name(id));
  }
  return out;
}

}  // namespace postern::cli

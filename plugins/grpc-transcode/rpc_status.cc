#include "rpc_status.h"

#include <postern/grpc.h>
#include <postern/text.h>

namespace {

std::uint32_t read_code(std::string_view text) {
  bool digits = !text.empty() && text.size() <= 2 && text.find_first_not_of("0123456789") == std::string_view::npos;
  std::uint32_t code = 0;
  for (char c : digits ? text : std::string_view("99")) code = code * 10 + static_cast<std::uint32_t>(c - '0');
  return code <= postern::grpc::unauthenticated ? code : postern::grpc::unknown;
}

}  // namespace

RpcStatus read_status(std::string_view status, std::string_view message) {
  return {read_code(status), postern::decoded(message)};  // what is malformed stays as it is, as the protocol asks for
}

RpcStatus status_of_answer(std::uint32_t http_status, std::string_view content_type) {
  if (http_status != 200)
    return {postern::grpc::code_of_http(http_status),
            "the server answered with HTTP status " + std::to_string(http_status)};
  return {postern::grpc::unknown,
          "the server's answer is no gRPC: its content-type is \"" + std::string(content_type.substr(0, 100)) + '"'};
}

std::string status_json(const RpcStatus& status) {
  return "{\"code\":" + std::to_string(status.code) + ",\"message\":" + postern::json_string(status.message) +
         ",\"details\":[]}";
}

// How a call ended, and how that is told in JSON: google.rpc.Status.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

struct RpcStatus {
  std::uint32_t code = 0;  // postern::grpc::Code
  std::string message;     // UTF-8 as a rule
};

// From grpc-status and grpc-message, which is percent-encoded. What is no code of gRPC's is UNKNOWN.
RpcStatus read_status(std::string_view status, std::string_view message);
// Of an answer that is not gRPC's: by its HTTP status.
RpcStatus status_of_answer(std::uint32_t http_status, std::string_view content_type);
// {"code":5,"message":"no such book","details":[]}
std::string status_json(const RpcStatus& status);

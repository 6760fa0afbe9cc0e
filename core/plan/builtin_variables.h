// The variables that the gateway itself provides: one table of names and of how each is read. Exchanges, `postern explain` and
// the check of names read it.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "http/message.h"
#include "net/tls_info.h"
#include "plan/variables.h"

namespace postern::proxy {

// What built-in variables are read from: an exchange, or a request that is only talked about. What is not overridden is unset.
class VariableSource {
 public:
  virtual const http::RequestHead* request_head() const noexcept { return nullptr; }    // null: not there yet
  virtual const http::ResponseHead* response_head() const noexcept { return nullptr; }  // null: not there yet
  virtual std::string_view response_origin() const noexcept { return {}; }  // "none", "upstream", "local" or "cache"
  virtual std::optional<std::string_view> path_parameter(std::string_view) const noexcept { return std::nullopt; }
  virtual std::optional<std::string_view> client_ip() const noexcept { return std::nullopt; }
  virtual std::optional<std::uint16_t> client_port() const noexcept { return std::nullopt; }
  virtual std::string_view listener() const noexcept { return {}; }
  virtual const net::TlsInfo* client_tls() const noexcept { return nullptr; }
  virtual std::string_view tunnel() const noexcept { return {}; }  // the protocol of an open tunnel
  virtual std::string_view route_id() const noexcept { return {}; }
  virtual std::string_view upstream_name() const noexcept { return {}; }
  virtual std::string_view upstream_target() const noexcept { return {}; }
  virtual std::string_view upstream_latency() const { return {}; }  // "12.3ms"; takes memory of the exchange
  virtual std::string_view latency() const { return {}; }           // the same
  // Of an answer that is an error of the gateway or of a plugin: "TIMEOUT", what the client is told, what the log is told.
  virtual std::string_view error_code() const noexcept { return {}; }
  virtual std::string_view error_message() const noexcept { return {}; }
  virtual std::string_view error_cause() const noexcept { return {}; }
  virtual std::optional<std::uint32_t> attempts() const noexcept { return std::nullopt; }  // begun so far
  virtual std::optional<std::uint64_t> generation_number() const noexcept { return std::nullopt; }
  virtual std::optional<std::uint32_t> worker_index() const noexcept { return std::nullopt; }

 protected:
  ~VariableSource() = default;
};

struct BuiltinVariable {
  using Read = Value (*)(const VariableSource& source, std::string_view argument);
  // When it is known, and what reading it costs.
  enum class Kind : std::uint8_t {
    of_request,    // told by the request alone, before anything has happened
    of_exchange,   // comes with the client, the route's upstream or the response
    made_to_order  // the same, and its text takes memory of the exchange each time it is read
  };
  std::string_view name;  // of a family its prefix, which ends with "."
  Read read;              // `argument`: what stands behind the prefix of a family
  Kind kind = Kind::of_exchange;

  bool is_family() const noexcept { return name.back() == '.'; }
};

std::span<const BuiltinVariable> builtin_variables() noexcept;
const BuiltinVariable* find_builtin_variable(std::string_view name) noexcept;  // null: a plugin's

}  // namespace postern::proxy

// A request that is only talked about: what `postern explain` routes and evaluates conditions with.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/arena.h"
#include "base/result.h"
#include "http/message.h"
#include "plan/builtin_variables.h"
#include "plan/condition.h"
#include "plan/router.h"
#include "plan/variables.h"

namespace postern::cli {

class DryRequest final : public proxy::VariableReader, private proxy::VariableSource {
 public:
  DryRequest(Arena& arena, std::string listener) : arena_(arena), head_(arena), listener_(std::move(listener)) {}

  // Errors say what is malformed. A request without Host is one to "localhost".
  Result<void> parse(std::string_view method, std::string_view url, const std::vector<std::string>& headers);
  void matched(std::string_view route, const proxy::PathParameters& parameters);

  const http::RequestHead& head() const noexcept { return head_; }
  Arena& arena() const noexcept { return arena_; }
  const std::string& listener_name() const noexcept { return listener_; }

  proxy::Value variable(proxy::VariableId id) const override;
  // The variables of a condition that only a real exchange has, "consumer.id, client.ip"; empty when it can be decided.
  std::string undecidable(const proxy::Condition& condition) const;

 private:
  Result<void> add_header(std::string_view line);
  // VariableSource
  const http::RequestHead* request_head() const noexcept override { return &head_; }
  std::optional<std::string_view> path_parameter(std::string_view name) const noexcept override {
    return parameters_.find(name);
  }
  std::string_view listener() const noexcept override { return listener_; }
  std::string_view route_id() const noexcept override { return route_; }

  Arena& arena_;
  http::RequestHead head_;
  std::string listener_;
  std::string_view route_;
  proxy::PathParameters parameters_;
};

}  // namespace postern::cli

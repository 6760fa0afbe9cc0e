// What all parts of an exchange know of it: who asks, on which worker and under which plan, the request and its route.
#pragma once

#include <cstdint>

#include "base/arena.h"
#include "exchange/response_sink.h"
#include "exchange/worker_context.h"
#include "exchange/worker_plan.h"
#include "http/codec.h"
#include "http/message.h"
#include "net/loop.h"
#include "plan/plan.h"
#include "plan/variables.h"

namespace postern::proxy {

// The exchange fills it in as it learns more; its parts read it.
struct ExchangeContext {
  net::Loop& loop() const noexcept { return worker.loop(); }
  const Plan& shared_plan() const noexcept { return plan.plan(); }

  ResponseSink* client;  // null: the client is gone
  const http::StreamId stream;
  bool request_ended = false;  // its body and trailers are there, or it has none
  bool grpc = false;           // a gRPC call
  WorkerContext& worker;
  WorkerPlan& plan;
  const VariableReader& variables;  // what conditions and templates read
  Arena arena;
  std::uint64_t handle = 0;
  http::RequestHead* request = nullptr;  // null until the head is complete
  const RoutePlan* route = nullptr;      // null: not looked for yet, or no route takes the request
  std::uint64_t started_ns = 0;
};

}  // namespace postern::proxy

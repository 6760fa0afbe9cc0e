// An exchange that is put away while its tunnel is open, and comes back when it is asked for: the same visit writes down what
// lasts and reads it again (base/record.h). What is not named here has no meaning for a tunnel, or is always the same.
#include <new>

#include "exchange/exchange.h"
#include "server/worker.h"

namespace postern::proxy {
namespace {

template <class Visitor, class AnyValue>
void visit_value(Visitor& record, AnyValue& value) {
  record.number(value.kind);
  record.number(value.integer);
  record.number(value.number);
  record.text(value.string);
}

}  // namespace

Exchange::Exchange(ClientSession& client, http::StreamId stream, Worker& worker, WorkerPlan& plan, std::uint64_t handle,
                   const Record& record)
    : Exchange(client, stream, worker, plan, handle) {
  stage_ = Stage::relay;
  waiting_ = request_ended_ = head_sent_ = must_close_ = true;
  come_back(record);
}

template <class Visitor>
void Exchange::visit_lasting(Visitor& record) {
  record.pointer(chain_);
  record.pointer(route_);
  record.pointer(upstream_plan_);
  record.pointer(gateway_slots_);
  record.pointer(route_slots_);
  record.number(gateway_slots_size_);
  record.number(reached_);
  record.number(started_ns_);
  record.number(upstream_duration_ns_);
  record.number(upstream_connect_ns_);
  record.number(attempts_);
  record.number(origin_);
  record.pointer(watched_texts_);
  http::visit(record, *request_);
  http::visit(record, *response_);
  record.text(client_ip_);
  record.text(endpoint_text_);
  record.text(upgrade_);
}

Record Exchange::put_away() {
  RecordWriter record;
  visit_lasting(record);
  record.pointer(arena_.take_alone());
  record.number(path_parameters_.size());
  for (const auto& parameter : path_parameters_) {
    record.lasting(parameter.name);
    record.text(parameter.value);
  }
  record.number(variable_count_);
  for (const Variable* v = variables_; v != nullptr; v = v->before) {
    record.number(v->id);
    visit_value(record, v->value);
  }
  record.number(end_callbacks_.size());
  for (const EndCallback& callback : end_callbacks_) {
    record.pointer(callback.run);
    record.pointer(callback.user);
  }
  record.text({reinterpret_cast<const char*>(conditions_.data()), conditions_.size()});
  forwarder_.put_away(record);
  handle_ = 0;  // it stays in the table, for another
  return record.finish();
}

void Exchange::come_back(const Record& from) {
  RecordReader record(from);
  request_ = new (arena_.allocate(sizeof(http::RequestHead))) http::RequestHead(arena_);
  response_ = new (arena_.allocate(sizeof(http::ResponseHead))) http::ResponseHead(arena_);
  visit_lasting(record);
  Arena::Large* alone = nullptr;
  record.pointer(alone);
  arena_.give_alone(alone);
  std::size_t size = 0;
  record.number(size);
  auto parameters = arena_.array<PathParameters::One>(size);
  for (auto& parameter : parameters) {
    record.lasting(parameter.name);
    record.text(parameter.value);
  }
  path_parameters_ = parameters;
  record.number(variable_count_);
  Variable** last = &variables_;
  for (std::uint32_t i = 0; i < variable_count_; ++i, last = &(*last)->before) {
    *last = new (arena_.allocate(sizeof(Variable))) Variable{};
    record.number((*last)->id);
    visit_value(record, (*last)->value);
  }
  record.number(size);
  end_callbacks_.resize(size);
  for (EndCallback& callback : end_callbacks_) {
    record.pointer(callback.run);
    record.pointer(callback.user);
  }
  std::string_view conditions;
  record.text(conditions);
  conditions_.assign(conditions.begin(), conditions.end());
  forwarder_.come_back(record);
}

}  // namespace postern::proxy

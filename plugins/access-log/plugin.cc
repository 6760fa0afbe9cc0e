// access-log: one line for each exchange.
#include <postern/plugin.h>

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "line_writer.h"
#include "log_line.h"

namespace {

constexpr std::string_view kEnds[] = {"ok",      "client_gone", "client_timeout", "upstream",
                                      "aborted", "shutdown",    "bad_request"};

class AccessLog {
 public:
  // The request as the client sent it; other plugins may change it later.
  static postern::Result<std::unique_ptr<AccessLog>> configure(postern::Setup& setup, postern::Node config) {
    auto self = std::make_unique<AccessLog>();
    self->file_ = config["file"].string();
    self->buffer_ = static_cast<std::size_t>(config["buffer"].integer());
    for (auto name : config["redact_query"]) self->redacted_.emplace_back(name.string());
    for (auto name : config["headers"]) {
      self->headers_.push_back({std::string(name.string()), "header." + escaped(name.string())});
    }
    for (auto name : config["variables"]) {
      self->variables_.push_back({escaped(name.string()), setup.reads(name.string(), POSTERN_HOOK_COMPLETE),
                                  shown_of(name.string(), self->redacted_)});
    }
    self->always_ = {setup.variable("request_id"),     setup.variable("correlation_id"),
                     setup.variable("consumer.id"),    setup.variable("client.ip"),
                     setup.variable("request.method"), setup.variable("request.path"),
                     setup.variable("request.query"),  setup.variable("route.id"),
                     setup.variable("upstream.name"),  setup.variable("upstream.target")};
    const postern::MetricOptions by_file{{"file"}, {}, 0};
    self->dropped_ = postern::Family<postern::Counter>(setup.instance(), "postern_access_log_dropped_total",
                                                       "Lines that a file did not take in time.", by_file)
                         .with({self->file_});
    return self;
  }

  // The file is opened when the gateway really serves, not when a configuration is only checked.
  postern::Result<void> on_worker_start(std::uint32_t) {
    std::lock_guard lock(start_);
    if (writer_ != nullptr) return {};
    auto writer = std::make_unique<LineWriter>(
        buffer_, [dropped = dropped_](std::uint64_t lines) { dropped.add(static_cast<double>(lines)); });
    if (auto error = writer->open(file_); !error.empty()) return postern::fail(std::move(error));
    writer_ = std::move(writer);
    return {};
  }

  void on_complete(postern::Exchange& x, const postern::Completion& end) {
    Buffers& buffers = buffers_.mine();
    const auto values = x.get(always_);
    auto text = [&values](Always which) { return values[which].string().value_or(""); };
    LogLine line(buffers.line);
    line.plain("timestamp", timestamp(postern::unix_ms()));
    line.plain("level", end.status >= 500 ? "error" : "info");
    line.text("request_id", text(request_id));
    line.text("correlation_id", text(correlation_id));
    line.text("user_id", text(consumer));
    line.text("client_ip", text(client));
    line.text("method", text(method));
    line.text("path", text(path));
    line.text("query", redact_query(text(query), redacted_, buffers.query));
    line.number("status", end.status);
    line.milliseconds("duration_ms", end.duration_ns);
    line.text("route", text(route));
    line.text("upstream", text(upstream));
    line.text("target", text(target));
    line.milliseconds("upstream_ms", end.upstream_duration_ns);
    line.number("bytes_in", end.request_body_bytes);
    line.number("bytes_out", end.response_body_bytes);
    if (end.end != POSTERN_END_OK) line.text("end", kEnds[end.end]);
    if (end.error_code_view.len > 0) add_error(line, end);
    for (const auto& v : variables_) line.text(v.key, shown(v, x.get(v.variable).string().value_or(""), buffers.query));
    for (const auto& header : headers_) add_header(line, x, header);
    writer_->append(line.end());
  }

 private:
  // The variables that every line has.
  enum Always : std::size_t {
    request_id,
    correlation_id,
    consumer,
    client,
    method,
    path,
    query,
    route,
    upstream,
    target,
    kAlways
  };

  static void add_error(LogLine& line, const postern::Completion& end) {
    line.text("error", {end.error_code_view.ptr, end.error_code_view.len});
    line.text("cause", {end.error_cause_view.ptr, end.error_cause_view.len});
  }
  struct LoggedHeader {
    std::string name, key;
  };
  static void add_header(LogLine& line, postern::Exchange& x, const LoggedHeader& header) {
    auto value = x.request().headers().get(header.name);
    if (value) line.text(header.key, is_secret_header(header.name) ? "***" : *value);
  }

  struct LoggedVariable {
    std::string key;
    postern::Variable variable;
    Shown shown;
  };
  struct Buffers {  // kept from line to line, so that nothing is allocated for one
    std::string line, query;
  };

  std::string_view shown(const LoggedVariable& logged, std::string_view value, std::string& buffer) const {
    switch (logged.shown) {
      case Shown::query:
        return redact_query(value, redacted_, buffer);
      case Shown::target:
        return redact_target(value, redacted_, buffer);
      case Shown::nothing:
        return value.empty() ? value : "***";
      default:
        return value;
    }
  }

  std::string file_;
  std::size_t buffer_ = 0;
  std::vector<std::string> redacted_;
  std::vector<LoggedHeader> headers_;
  std::vector<LoggedVariable> variables_;
  std::array<postern::Variable, kAlways> always_;
  postern::Counter dropped_;
  postern::PerWorker<Buffers> buffers_;
  std::mutex start_;
  std::unique_ptr<LineWriter> writer_;
};

}  // namespace

POSTERN_PLUGIN(AccessLog, "access-log", "1.0.0", on_worker_start, on_complete);

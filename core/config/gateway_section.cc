// The gateway-wide settings: workers, limits, timeouts, log, trusted proxies.
#include "config/names.h"
#include "config/report.h"
#include "config/sections.h"

namespace postern::config {
namespace {

constexpr std::int64_t kKilo = 1024, kMega = 1024 * kKilo, kGiga = 1024 * kMega, kTera = 1024 * kGiga;
constexpr std::int64_t kHour = 3'600'000, kDay = 24 * kHour;

const std::vector<std::string> kLevels = {"trace", "debug", "info", "warn", "error"};

void read_level(const Cursor& value, std::string& level) {
  std::size_t index = 0;
  if (value.read_choice(index, kLevels)) level = kLevels[index];
}

void read_http2(const Cursor& section, Http2Limits& limits) {
  Fields fields(section);
  fields.read_integer("concurrent_streams", limits.concurrent_streams, 1, 10'000);
  fields.read_size("stream_window", limits.stream_window, 16 * kKilo, 16 * kMega);
  fields.read_integer("control_frames", limits.control_frames, 10, 10'000'000);
  fields.read_integer("resets", limits.resets, 1, 10'000'000);
  fields.finish();
}

}  // namespace

void read_workers(const Cursor& value, std::int64_t& workers) {
  if (value.node().string == "auto") {
    workers = 0;
    return;
  }
  const Node& node = value.node();
  if (node.kind == Node::Kind::integer && node.integer >= 1 && node.integer <= kMaxWorkers)
    workers = node.integer;
  else
    value.expected("auto or an integer from 1 to " + std::to_string(kMaxWorkers));
}

void read_limits(const Cursor& section, Limits& limits) {
  Fields fields(section);
  fields.read_size("request_line", limits.request_line, 64, kMega);
  fields.read_size("head", limits.head, 256, 16 * kMega);
  fields.read_integer("fields", limits.fields, 1, 10'000);
  fields.read_size("body", limits.body, 0, kTera);
  fields.read_integer("connections", limits.connections, 1, 10'000'000);
  fields.read_size("exchange_memory", limits.exchange_memory, 128 * kKilo, kTera);
  fields.read_size("body_buffer_total", limits.body_buffer_total, 64 * kKilo, kTera);
  if (auto http2 = fields.find("http2")) read_http2(*http2, limits.http2);
  fields.finish();
}

void read_timeouts(const Cursor& section, Timeouts& timeouts) {
  Fields fields(section);
  fields.read_duration("handshake", timeouts.handshake, 1, kHour);
  fields.read_duration("header_read", timeouts.header_read, 1, kDay);
  fields.read_duration("body_read", timeouts.body_read, 1, kDay);
  fields.read_duration("idle", timeouts.idle, 1, kDay);
  fields.read_duration("write", timeouts.write, 1, kDay);
  fields.read_duration("half_closed", timeouts.half_closed, 0, kHour);
  fields.read_duration("hook", timeouts.hook, 1, kDay);
  fields.read_duration("drain", timeouts.drain, 0, kDay);
  fields.read_duration("drain_delay", timeouts.drain_delay, 0, kHour);
  fields.finish();
}

void read_log(const Cursor& section, Log& log) {
  Fields fields(section);
  if (auto level = fields.find("level")) read_level(*level, log.level);
  if (auto modules = fields.find("modules"); modules && modules->is_map()) {
    for (const auto& [name, level] : modules->node().members)
      read_level(modules->below(level, name), log.modules[name]);
  }
  fields.read("file", log.file);
  fields.read_bool("json", log.json);
  fields.finish();
}

void read_trusted_proxies(const Cursor& section, std::vector<std::string>& blocks) {
  if (!section.is_list()) return;
  for (const Cursor& item : section.items()) {
    std::string block;
    if (!item.read(block)) continue;
    if (is_address_block(block))
      blocks.push_back(std::move(block));
    else
      item.expected("an address or a block, as in \"10.0.0.0/8\" or \"2001:db8::/32\"");
  }
}

}  // namespace postern::config

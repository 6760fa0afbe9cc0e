// The readers of the file's sections: node to struct, with every problem reported. What concerns several sections at
// once is in check.h.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/config.h"
#include "config/reader.h"

namespace postern::config {

void read_workers(const Cursor& value, std::int64_t& workers);
void read_limits(const Cursor& section, Limits& limits);
void read_timeouts(const Cursor& section, Timeouts& timeouts);
void read_log(const Cursor& section, Log& log);
void read_trusted_proxies(const Cursor& section, std::vector<std::string>& blocks);
void read_listener_tls(const Cursor& section, std::optional<ListenerTls>& tls);
// `true`, or a map.
void read_upstream_tls(const Cursor& section, std::optional<UpstreamTls>& tls);
void read_listeners(const Cursor& section, std::vector<Listener>& listeners);
void read_upstreams(const Cursor& section, std::vector<Upstream>& upstreams);
void read_upstream(const Cursor& map, const std::string& name, Upstream& upstream);
void read_match(const Cursor& map, std::vector<Match>& matches);

// Reads plugin lists and expands the stacks they name.
class Chains {
 public:
  // `stacks` of the file; before any list is read.
  void read_stacks(const Cursor& section);
  // A list of plugins and stacks. `streaming` grows to what the stacks demand.
  void read_chain(const Cursor& list, std::vector<PluginUse>& chain, StreamingDemand& streaming);
  // A list of plugins alone (`services`).
  void read_services(const Cursor& list, std::vector<PluginUse>& services);

 private:
  // One line of a list: a plugin, or the name of a stack.
  struct Entry {
    PluginUse use;
    std::size_t nodes = 1;  // of its configuration
    std::string stack;      // of the line `stack: NAME`
    Position position;
    std::string path;
  };
  struct Stack {
    std::vector<Entry> entries;
    Streaming streaming = Streaming::none;
    int height = 1;  // stacks within stacks
    enum class State : std::uint8_t { unseen, open, good, bad } state = State::unseen;
  };

  // What a chain grows by while its list is read.
  struct Expansion {
    std::vector<PluginUse>& chain;
    StreamingDemand& streaming;
  };

  void read_stack(const Cursor& value, Stack& stack);
  std::vector<Entry> read_entries(const Cursor& list);
  bool read_entry(const Cursor& item, Entry& entry);
  bool read_plugin(const Cursor& value, Entry& entry);
  void check_stack(const std::string& name, Stack& stack, int depth, Problems& problems);
  static void problems_too_deep(const std::string& name, const Stack& stack, Problems& problems);
  void expand(const std::vector<Entry>& entries, const std::string& from, Expansion into, Problems& problems);
  Stack* find_stack(const Entry& entry, Problems& problems);

  std::map<std::string, Stack> stacks_;
  std::size_t expanded_ = 0;  // lines and values of all chains together
};

// `none`, `response` or `both`.
void read_streaming(const Cursor& value, Streaming& streaming);
void read_routes(const Cursor& section, Chains& chains, Config& config);

}  // namespace postern::config

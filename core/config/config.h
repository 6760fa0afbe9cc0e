// The whole configuration as plain structs, checked and with defaults filled in. Immutable once loaded.
// The reference for operators is config/README.md; names there and here are the same.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "config/node.h"

namespace postern::config {

using Milliseconds = std::int64_t;
using Bytes = std::int64_t;

inline constexpr std::int64_t kMaxWorkers = 254;  // handles of the plugin ABI have 8 bits for the worker

struct Http2Limits {  // `limits.http2`: of one connection
  std::int64_t concurrent_streams = 128;
  Bytes stream_window = 64 * 1024;      // of a request body, that may come before somebody takes it
  std::int64_t control_frames = 1'000;  // of a kind, in 30 s, besides what streams and data call for; SETTINGS: a tenth
  std::int64_t resets = 100;            // streams broken off in 30 s, besides half of those that were opened
};

struct Limits {                              // `limits`, gateway-wide
  Bytes request_line = 8 * 1024;             // 414 beyond
  Bytes head = 64 * 1024;                    // 431 beyond
  std::int64_t fields = 100;                 // 431 beyond
  Bytes body = 10 * 1024 * 1024;             // 413 beyond; 0: unlimited. Per route too.
  Bytes exchange_memory = 16 * 1024 * 1024;  // what plugins may have copied for one exchange
  std::int64_t connections = 25'000;         // of clients, all workers together; at the limit accepting pauses
  Bytes body_buffer_total =
      256 * 1024 * 1024;  // memory of BUFFER policies, all exchanges of a worker together; 503 beyond
  Http2Limits http2;
};

struct Timeouts {                     // `timeouts`, gateway-wide
  Milliseconds handshake = 10'000;    // from accepting a client to the end of its TLS handshake: closed
  Milliseconds header_read = 10'000;  // from the first byte of a head to its end: 408
  Milliseconds body_read = 30'000;    // between two pieces of a request body: 408
  Milliseconds idle = 60'000;         // a kept-alive client connection between requests: closed
  Milliseconds write = 60'000;        // a client that reads nothing while bytes wait: cut
  Milliseconds half_closed = 750;     // a client that sends no more and gets nothing: counts as gone; 0: at once
  Milliseconds hook = 5'000;          // a suspended hook: 504
  Milliseconds drain = 30'000;        // SIGTERM: in-flight exchanges get this long
  Milliseconds drain_delay = 0;       // SIGTERM: goes on accepting this long, with Connection: close
};

enum class TlsVersion : std::uint8_t { tls12, tls13 };

// Files of TLS are PEM but for `ocsp`. Written relative to the file that names them; here they can be opened as they are.
struct Certificate {
  std::string cert;  // the certificate, then those between it and its root
  std::string key;
  std::string ocsp;  // a response in DER to staple; empty: none
  Position position;
};

struct ClientAuth {  // certificates of clients (mTLS)
  enum class Mode : std::uint8_t { none, optional, required };
  Mode mode = Mode::none;  // optional: a client may have none, but one that it shows must be good
  std::string ca;          // whose certificates are taken
  std::string crl;         // empty: revocation is not looked at
  std::int64_t depth = 4;  // certificates between the client's and the root's
  Position position;
};

struct ListenerTls {
  std::vector<Certificate> certificates;  // chosen by the name that the client asks for; the first when none fits
  ClientAuth client_auth;
  TlsVersion min_version = TlsVersion::tls12;
  bool session_tickets = true;
  Milliseconds session_lifetime = 7'200'000;
  Position position;
};

struct UpstreamTls {
  bool verify = true;
  std::string ca;           // empty: the system's
  std::string server_name;  // for SNI and verification; empty: the target's host
  std::string cert, key;    // what the gateway shows when it is asked; both or none
  TlsVersion min_version = TlsVersion::tls12;
  Position position;
};

struct Listener {
  std::string name;
  std::string address;  // "0.0.0.0:8080", "[::]:80", "unix:/run/postern.sock"; port 0: the kernel chooses
  // What clients may speak, in the order of preference: "h2", "http/1.1".
  std::vector<std::string> protocols = {"h2", "http/1.1"};
  std::optional<ListenerTls> tls;
  bool proxy_protocol = false;               // every connection begins with a PROXY header
  std::vector<std::string> trusted_senders;  // of such headers: addresses and blocks; empty: everybody
  Position position;
};

struct Target {
  std::string address;      // "host:port", "unix:/path"
  std::int64_t weight = 1;  // 1 .. 1000
  Position position;
};

enum class Balance : std::uint8_t {
  round_robin,
  weighted_round_robin,
  least_connections,
  random,
  ip_hash,
  consistent_hash
};

enum class ProxyHeader : std::uint8_t { none, v1, v2 };

enum class Protocol : std::uint8_t { http1, h2, automatic };

struct Upstream {
  std::string name;
  // h2: prior knowledge without TLS, ALPN with it. automatic: what ALPN says, HTTP/1.1 without TLS.
  Protocol protocol = Protocol::automatic;
  Balance balance = Balance::round_robin;
  std::string hash_by;  // consistent_hash: a template, "${request.header.x-user}", "${request.cookie.sid}"
  std::vector<Target> targets;
  struct {
    Milliseconds connect = 5'000;
    Milliseconds response = 30'000;  // from the request sent to the response head: 504; 0: none
    Milliseconds body = 60'000;      // between two pieces of the response body; 0: none
    Milliseconds idle = 90'000;      // an unused pooled connection
  } timeouts;
  struct {
    std::int64_t max_connections = 100;  // per target and worker
    std::int64_t max_waiting = 1'000;    // exchanges waiting for a connection, per target and worker: 503 beyond
    Milliseconds max_wait = 5'000;       // 503 after it
    std::int64_t max_requests = 0;       // per connection; 0: unlimited
    std::int64_t max_streams = 100;      // HTTP/2: requests at the same time, per connection
  } pool;
  struct {
    Milliseconds ping_interval = 0;      // of silence while requests are open, then a PING; 0: none
    Milliseconds ping_timeout = 20'000;  // without a byte after it the connection is dead
  } http2;
  Milliseconds resolve_interval = 10'000;  // how often names are resolved again
  bool preserve_host = true;               // false: Host is the target's name
  std::optional<UpstreamTls> tls;          // none: plaintext
  // Connections begin with a header that names the client: each is for one client, and for one request (max_requests).
  ProxyHeader proxy_protocol = ProxyHeader::none;
  Position position;
};

// A plugin's place in a chain: its name, its own configuration, and the host's keys under `_`.
struct PluginUse {
  std::string plugin;  // the name looked up on plugin_path
  std::string name;    // `_: {name}`, default the plugin's name
  Node config;         // a map (empty when none was written), without `_`
  bool enabled = true;
  std::string when;          // expression; empty: always
  bool fail_open = false;    // on_error: fail_open
  bool shadow = false;       // mode: shadow
  Milliseconds timeout = 0;  // of suspended hooks; 0: timeouts.hook
  std::string stack;         // the stack it came from, or empty
  Position position;         // of its name in the list
};

struct HeaderMatch {  // of a header, query parameter or cookie
  enum class How : std::uint8_t { present, exact, prefix, regex };
  std::string name;
  How how = How::present;
  std::string value;
  bool negate = false;
};

struct Match {
  std::vector<std::string> hosts;  // exact or "*.example.com"; empty: any
  std::string path;                // exact, "{name}" or ":name" parameters, trailing "*"; empty when path_regex is set
  std::string path_regex;
  std::vector<std::string> methods;    // empty: any
  std::vector<std::string> listeners;  // names; empty: any
  std::vector<HeaderMatch> headers, query, cookies;
};

struct Rewrite {
  std::string path;                // template with ${path.NAME}; or
  std::string regex, replacement;  // regular expression and $1 references, on the path
};

struct Tunnel {                         // `tunnel`: what an upgrade has become
  Milliseconds idle_timeout = 300'000;  // without a byte in either direction; 0: never
  std::int64_t max = 0;                 // open ones of the route, all workers together: 503 beyond; 0: unlimited
  Milliseconds ping_interval = 0;       // a WebSocket's client that is silent as long is pinged; 0: never
  Milliseconds reload_close = 30'000;   // after a reload those of before end within this time; 0: they stay
};

// `streaming`: which bodies pass piece by piece, so that no plugin of the chain may wait for a whole one.
enum class Streaming : std::uint8_t { none, response, both };

struct StreamingDemand {  // the strongest one of a chain
  Streaming what = Streaming::none;
  std::string stack;  // whose demand it is; empty: the route's own
};

struct Route {
  std::string id;
  std::vector<Match> matches;  // any of these (one per path)
  std::string strip_prefix;
  Rewrite rewrite;
  std::string upstream;  // empty when a plugin answers; "route:ID" when it was written in place
  Position upstream_position;
  std::optional<Milliseconds> timeout;            // whole exchange until the response head; replaces upstream response
  std::optional<Bytes> body_limit;                // 0: unlimited
  std::optional<Milliseconds> body_read_timeout;  // 0: none
  // Between two pieces of the response body, 0: none. Replaces the upstream's; without it a streamed response has none.
  std::optional<Milliseconds> response_body_timeout;
  StreamingDemand streaming;                         // the gateway-wide chain's too
  std::vector<std::string> upgrade = {"websocket"};  // protocols that clients may change to
  Tunnel tunnel;
  std::vector<PluginUse> plugins;  // stacks expanded
  Position position;
};

struct Log {
  std::string level = "info";                  // trace debug info warn error
  std::map<std::string, std::string> modules;  // "plugin.jwt": "debug"
  std::string file;                            // empty: standard error
  bool json = true;
};

struct Config {
  std::string file;
  std::int64_t workers = 0;  // 1 .. kMaxWorkers; 0: auto, the number of processors
  std::vector<Listener> listeners;
  std::vector<std::string> plugin_path;
  std::vector<std::string> trusted_proxies;  // addresses and CIDR blocks whose X-Forwarded-* is believed
  std::vector<Upstream> upstreams;
  std::vector<PluginUse> services;
  std::vector<PluginUse> plugins;  // the gateway-wide chain
  StreamingDemand streaming;       // of its stacks: counts for every route
  std::vector<Route> routes;
  Limits limits;
  Timeouts timeouts;
  Log log;
  Milliseconds tls_reload_interval = 10'000;  // how often files of TLS are looked at for changes; 0: on reload only
};

// Reads a file and everything it includes. `problems` is empty exactly when the result can be used. What needs more than
// this layer is checked by those who compile it: regular expressions, `when`, templates, the plugins' own keys.
Config load_file(const std::string& path, Problems& problems);
// The same from memory (tests, fuzzing); `name` stands for the file in messages. `include` is refused.
Config load_text(std::string_view text, const std::string& name, Problems& problems);

}  // namespace postern::config

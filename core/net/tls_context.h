// What TLS connections are made from: certificates, trust, protocols. Contexts are built from configuration and never
// change; a TlsSource replaces one by another when its files have changed. Connections keep the one they began with.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/config.h"

struct ssl_st;
struct ssl_ctx_st;
struct x509_st;

namespace postern::net {

struct FileStamp;

// For connections of clients.
class TlsServerContext {
 public:
  // Reads the files. Null when something is wrong: every problem names the file and the reason. What is only suspicious (a
  // key that others can read, a certificate that has expired) is logged as a warning. `path` is the key in the
  // configuration: "listeners/secure/tls".
  // `protocols` are taken by ALPN, in the order of preference.
  static std::shared_ptr<const TlsServerContext> build(const config::ListenerTls& tls,
                                                       const std::vector<std::string>& protocols,
                                                       const std::string& path, config::Problems& problems);
  TlsServerContext(const TlsServerContext&) = delete;
  TlsServerContext& operator=(const TlsServerContext&) = delete;
  ~TlsServerContext();

  // --- For core/net ---
  ssl_st* new_ssl() const;  // the caller's
  // The certificates for a name that a client asks for: exact, then the wildcard of its parent, else the first.
  ssl_ctx_st* choose(std::string_view server_name) const noexcept;
  const std::string& protocols() const noexcept { return protocols_; }  // ALPN in wire format
  // What is stapled to one of its own; empty: nothing that is valid now.
  const std::string& ocsp_of(const x509_st* certificate) const noexcept;

 private:
  friend class ServerContextBuilder;
  struct Entry;
  struct Staple;
  TlsServerContext();

  std::vector<std::unique_ptr<Entry>> entries_;
  std::unordered_map<std::string, ssl_ctx_st*> by_name_;  // "a.example", ".example" for *.example
  std::unordered_map<const x509_st*, std::unique_ptr<Staple>> ocsp_;
  std::string protocols_;
};

// For connections to upstreams.
class TlsClientContext {
 public:
  // `protocols` are offered by ALPN; none: it is left out.
  static std::shared_ptr<const TlsClientContext> build(const config::UpstreamTls& tls,
                                                       const std::vector<std::string>& protocols,
                                                       const std::string& path, config::Problems& problems);
  TlsClientContext(const TlsClientContext&) = delete;
  TlsClientContext& operator=(const TlsClientContext&) = delete;
  ~TlsClientContext();

  // --- For core/net ---
  ssl_st* new_ssl() const;
  bool verifies() const noexcept { return verifies_; }
  const std::string& server_name() const noexcept { return server_name_; }  // empty: the target's host

 private:
  TlsClientContext(ssl_ctx_st* context, const config::UpstreamTls& tls);
  ssl_ctx_st* context_;
  bool verifies_;
  std::string server_name_;
};

// A context that follows its files.
template <class Context>
class TlsSource {
 public:
  using Build = std::function<std::shared_ptr<const Context>(config::Problems&)>;
  // `path` names it in the log; `files` are all that `build` reads.
  TlsSource(std::string path, std::vector<std::string> files, Build build);
  ~TlsSource();

  bool load(config::Problems& problems);            // for the first time; false: there are problems
  std::shared_ptr<const Context> current() const {  // [any thread]
    std::lock_guard lock(mutex_);
    return current_;
  }
  // Builds the context again when a file has changed. What cannot be used is logged, and the one before stays. Not for two
  // threads at a time.
  void refresh();

 private:
  std::vector<FileStamp> stamps() const;

  std::string path_;
  std::vector<std::string> files_;
  Build build_;
  std::vector<FileStamp> seen_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Context> current_;  // shared with the connections that were made from it
};

using TlsServer = TlsSource<TlsServerContext>;
using TlsClient = TlsSource<TlsClientContext>;
std::unique_ptr<TlsServer> tls_server(const config::ListenerTls& tls, std::vector<std::string> protocols,
                                      std::string path);
std::unique_ptr<TlsClient> tls_client(const config::UpstreamTls& tls, std::vector<std::string> protocols,
                                      std::string path);

}  // namespace postern::net

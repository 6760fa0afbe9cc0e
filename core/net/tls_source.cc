// Contexts that follow their files.
#include <utility>

#include "base/log.h"
#include "net/tls_context.h"
#include "net/tls_files.h"

namespace postern::net {

template <class Context>
TlsSource<Context>::TlsSource(std::string path, std::vector<std::string> files, Build build)
    : path_(std::move(path)), files_(std::move(files)), build_(std::move(build)) {}

template <class Context>
TlsSource<Context>::~TlsSource() = default;

template <class Context>
std::vector<FileStamp> TlsSource<Context>::stamps() const {
  std::vector<FileStamp> all;
  for (const auto& file : files_) all.push_back(file.empty() ? FileStamp{} : FileStamp::of(file));
  return all;
}

// The stamps are taken first: what changes while the files are read is seen the next time.
template <class Context>
bool TlsSource<Context>::load(config::Problems& problems) {
  seen_ = stamps();
  auto built = build_(problems);
  if (built == nullptr) return false;
  std::lock_guard lock(mutex_);
  current_ = std::move(built);
  return true;
}

template <class Context>
void TlsSource<Context>::refresh() {
  if (stamps() == seen_) return;
  config::Problems problems;
  if (load(problems))
    return logger("tls").write(LogLevel::info, path_ + ": files have changed and are used from now on");
  std::string reasons;
  for (const auto& problem : problems) reasons += (reasons.empty() ? "" : "; ") + problem.text;
  logger("tls").write(LogLevel::error, path_ + ": files have changed and cannot be used; those before stay",
                      {{"reason", reasons}});
}

template class TlsSource<TlsServerContext>;
template class TlsSource<TlsClientContext>;

std::unique_ptr<TlsServer> tls_server(const config::ListenerTls& tls, std::vector<std::string> protocols,
                                      std::string path) {
  std::vector<std::string> files{tls.client_auth.ca, tls.client_auth.crl};
  for (const auto& one : tls.certificates) files.insert(files.end(), {one.cert, one.key, one.ocsp});
  return std::make_unique<TlsServer>(path, std::move(files), [tls, protocols, path](config::Problems& p) {
    return TlsServerContext::build(tls, protocols, path, p);
  });
}

std::unique_ptr<TlsClient> tls_client(const config::UpstreamTls& tls, std::vector<std::string> protocols,
                                      std::string path) {
  return std::make_unique<TlsClient>(
      path, std::vector<std::string>{tls.ca, tls.cert, tls.key},
      [tls, protocols, path](config::Problems& p) { return TlsClientContext::build(tls, protocols, path, p); });
}

}  // namespace postern::net

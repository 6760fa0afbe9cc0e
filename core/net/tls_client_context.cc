// Contexts for connections to upstreams.
#include <new>

#include "net/tls_context.h"
#include "net/tls_files.h"
#include "net/tls_session.h"
#include "net/tls_settings.h"

namespace postern::net {
namespace {

bool use_authorities(SSL_CTX* context, const std::string& ca, const TlsReport& report) {
  if (ca.empty()) return SSL_CTX_set_default_verify_paths(context) == 1;
  auto all = read_certificates(ca);
  if (!all) {
    report.problem(all.error().text);
    return false;
  }
  for (auto& one : *all) X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one.get());
  return true;
}

}  // namespace

TlsClientContext::TlsClientContext(ssl_ctx_st* context, const config::UpstreamTls& tls)
    : context_(context), verifies_(tls.verify), server_name_(tls.server_name) {}

TlsClientContext::~TlsClientContext() { SSL_CTX_free(context_); }

std::shared_ptr<const TlsClientContext> TlsClientContext::build(const config::UpstreamTls& tls,
                                                                const std::vector<std::string>& protocols,
                                                                const std::string& path, config::Problems& problems) {
  TlsReport report{tls.position, path, problems};
  std::size_t before = problems.size();
  OwnedContext context = new_context(TLS_client_method(), tls.min_version, true);
  if (context == nullptr) {
    report.problem(openssl_reason());
    return nullptr;
  }
  if (tls.verify) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    use_authorities(context.get(), tls.ca, report);
  }
  if (!tls.cert.empty()) use_certificate(context.get(), tls.cert, tls.key, report);
  std::string alpn = alpn_wire(protocols);
  if (!alpn.empty())
    SSL_CTX_set_alpn_protos(context.get(), reinterpret_cast<const unsigned char*>(alpn.data()),
                            static_cast<unsigned int>(alpn.size()));
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(context.get(), TlsSession::keep_session);
  if (problems.size() != before) return nullptr;
  return std::shared_ptr<const TlsClientContext>(new TlsClientContext(context.release(), tls));
}

ssl_st* TlsClientContext::new_ssl() const {
  SSL* ssl = SSL_new(context_);
  if (ssl == nullptr) throw std::bad_alloc();
  SSL_set_connect_state(ssl);
  return ssl;
}

}  // namespace postern::net

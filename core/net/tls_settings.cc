#include "net/tls_settings.h"

#include "base/log.h"
#include "net/tls_files.h"

namespace postern::net {
namespace {

// Forward secrecy and authenticated encryption only. AES-128 first: it is the cheapest for most machines; one without instructions for
// AES says so by asking for ChaCha20 first, and gets it (SSL_OP_PRIORITIZE_CHACHA).
constexpr const char* kCiphers12 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-"
    "SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* kCiphers13 = "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* kGroups = "X25519:P-256:P-384";

void warn(const TlsReport& report, const std::string& text) {
  logger("tls").write(LogLevel::warn, report.position.text() + ": " + report.path + ": " + text);
}

void look_at(X509* certificate, const std::string& path, const TlsReport& report) {
  if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0) warn(report, path + ": the certificate has expired");
  if (X509_cmp_current_time(X509_get0_notBefore(certificate)) > 0)
    warn(report, path + ": the certificate is not valid yet");
}

}  // namespace

OwnedContext new_context(const SSL_METHOD* method, config::TlsVersion min_version, bool session_tickets) {
  OwnedContext context(SSL_CTX_new(method));
  if (context == nullptr) return context;
  SSL_CTX* raw = context.get();
  SSL_CTX_set_min_proto_version(raw, min_version == config::TlsVersion::tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_cipher_list(raw, kCiphers12);
  SSL_CTX_set_ciphersuites(raw, kCiphers13);
  SSL_CTX_set1_groups_list(raw, kGroups);
  SSL_CTX_set_options(raw, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                               SSL_OP_PRIORITIZE_CHACHA | (session_tickets ? 0 : SSL_OP_NO_TICKET));
  SSL_CTX_set_mode(raw, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_session_cache_mode(raw, SSL_SESS_CACHE_OFF);
  return context;
}

bool use_certificate(SSL_CTX* context, const std::string& cert, const std::string& key, const TlsReport& report) {
  auto chain = read_certificates(cert);
  if (!chain) report.problem(chain.error().text);
  auto secret = read_key(key);
  if (!secret) report.problem(secret.error().text);
  if (!chain || !secret) return false;
  X509* own = chain->front().get();
  if (X509_get0_pubkey(own) == nullptr) {
    ERR_clear_error();
    report.problem(cert + ": the certificate's key is of an algorithm or curve that is not known");
    return false;
  }
  if (X509_check_private_key(own, secret->get()) != 1) {
    ERR_clear_error();
    report.problem(key + ": the key does not belong to the certificate in " + cert);
    return false;
  }
  bool good = SSL_CTX_use_certificate(context, own) == 1 && SSL_CTX_use_PrivateKey(context, secret->get()) == 1;
  for (std::size_t i = 1; good && i < chain->size(); ++i)
    good = SSL_CTX_add1_chain_cert(context, (*chain)[i].get()) == 1;
  if (!good) report.problem(cert + ": the certificate cannot be used: " + openssl_reason());
  look_at(own, cert, report);
  if (auto exposure = key_exposure(key); !exposure.empty())
    warn(report, key + ": the key is no secret: " + exposure + "; chmod 600 it");
  return good;
}

std::string alpn_wire(const std::vector<std::string>& protocols) {
  std::string wire;
  for (const auto& name : protocols) {
    wire += static_cast<char>(name.size());
    wire += name;
  }
  return wire;
}

}  // namespace postern::net

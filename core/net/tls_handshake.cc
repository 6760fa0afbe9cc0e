#include "net/tls_handshake.h"

#include <arpa/inet.h>

#include <array>
#include <utility>

#include "net/openssl.h"
#include "net/tls_stream.h"

namespace postern::net {
namespace {

using Reason = TlsFailure::Reason;

Reason reason_of(int code) {
  switch (code) {
    case SSL_R_HTTP_REQUEST:
    case SSL_R_HTTPS_PROXY_REQUEST:
      return Reason::plain_http;
    case SSL_R_UNSUPPORTED_PROTOCOL:
    case SSL_R_VERSION_TOO_LOW:
    case SSL_R_UNKNOWN_PROTOCOL:
    case SSL_R_WRONG_SSL_VERSION:
      return Reason::version;
    case SSL_R_NO_SHARED_CIPHER:
    case SSL_R_NO_SUITABLE_GROUPS:
    case SSL_R_NO_SUITABLE_KEY_SHARE:
    case SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
    case SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM:
    case SSL_R_NO_APPLICATION_PROTOCOL:
      return Reason::parameters;
    case SSL_R_CERTIFICATE_VERIFY_FAILED:
    case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
      return Reason::certificate;
    default:
      return code >= SSL_AD_REASON_OFFSET ? Reason::refused : Reason::protocol;
  }
}

bool is_address(const std::string& host) {
  unsigned char bytes[16];
  return inet_pton(AF_INET, host.c_str(), bytes) == 1 || inet_pton(AF_INET6, host.c_str(), bytes) == 1;
}

// Asks for the certificate of `host`, and accepts no other.
void expect_host(SSL* ssl, const std::string& host, bool verifies) {
  if (host.empty()) return;
  bool address = is_address(host);
  if (!address) SSL_set_tlsext_host_name(ssl, host.c_str());
  if (!verifies) return;
  X509_VERIFY_PARAM* expected = SSL_get0_param(ssl);
  X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  address ? X509_VERIFY_PARAM_set1_ip_asc(expected, host.c_str())
          : X509_VERIFY_PARAM_set1_host(expected, host.c_str(), host.size());
}

// A session that is resumed carries the certificate that was good when it began.
bool has_expired(SSL* ssl) {
  X509* certificate = SSL_session_reused(ssl) == 1 ? SSL_get0_peer_certificate(ssl) : nullptr;
  return certificate != nullptr && X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0;
}

class Shaking final : public TlsHandshake {
 public:
  Shaking(std::unique_ptr<TlsStream> stream, Done done) : stream_(std::move(stream)), done_(std::move(done)) {
    stream_->shake_hands([this](bool good) { finish(good); });
  }

 private:
  void finish(bool good) {
    SSL* ssl = stream_->session().ssl();
    if (good && SSL_get_verify_mode(ssl) != SSL_VERIFY_NONE && has_expired(ssl))
      return report(failure(Reason::certificate, "the certificate of the resumed session has expired"));
    if (!good) return report(why());
    stream_->set_info(std::make_unique<TlsInfo>(stream_->session().info()));
    report(std::unique_ptr<Stream>(std::move(stream_)));
  }

  tl::unexpected<TlsFailure> why() {
    if (!stream_->why().empty()) return failure(Reason::closed, stream_->why());
    TlsSession& session = stream_->session();
    Reason reason = reason_of(session.reason_code());
    long verified = session.verify_result();
    bool is_certificate = session.reason_code() == SSL_R_CERTIFICATE_VERIFY_FAILED && verified != X509_V_OK;
    return failure(reason, is_certificate ? X509_verify_cert_error_string(verified) : session.why());
  }

  tl::unexpected<TlsFailure> failure(Reason reason, std::string text) {
    auto inner = stream_->take_inner();
    inner->flush();
    return tl::unexpected<TlsFailure>(TlsFailure{reason, std::move(text), std::move(inner)});
  }

  // `done` may destroy this.
  void report(Outcome outcome) {
    auto done = std::move(done_);
    done(std::move(outcome));
  }

  std::unique_ptr<TlsStream> stream_;
  Done done_;
};

}  // namespace

std::string_view name_of(TlsFailure::Reason reason) noexcept {
  constexpr std::array<std::string_view, TlsFailure::kReasons> kNames = {
      "closed", "plain_http", "version", "parameters", "certificate", "refused", "protocol"};
  return kNames[static_cast<std::size_t>(reason)];
}

std::unique_ptr<TlsHandshake> TlsHandshake::accept(Loop& loop, std::unique_ptr<Stream> stream,
                                                   std::shared_ptr<const TlsServerContext> context, Done done) {
  SSL* ssl = context->new_ssl();
  auto sealed = std::make_unique<TlsStream>(loop, std::move(stream), Origin::client, ssl, std::move(context), nullptr);
  return std::make_unique<Shaking>(std::move(sealed), std::move(done));
}

std::unique_ptr<TlsHandshake> TlsHandshake::connect(Loop& loop, std::unique_ptr<Stream> stream,
                                                    std::shared_ptr<const TlsClientContext> context,
                                                    const std::string& host, std::shared_ptr<TlsSessionSlot> slot,
                                                    Done done) {
  SSL* ssl = context->new_ssl();
  const std::string& configured = context->server_name();
  expect_host(ssl, configured.empty() ? host : configured, context->verifies());
  if (slot != nullptr && slot->get(SSL_get_SSL_CTX(ssl)) != nullptr)
    SSL_set_session(ssl, slot->get(SSL_get_SSL_CTX(ssl)));
  auto sealed =
      std::make_unique<TlsStream>(loop, std::move(stream), Origin::upstream, ssl, std::move(context), std::move(slot));
  return std::make_unique<Shaking>(std::move(sealed), std::move(done));
}

std::shared_ptr<TlsSessionSlot> TlsHandshake::new_slot() { return std::make_shared<TlsSessionSlot>(); }

}  // namespace postern::net

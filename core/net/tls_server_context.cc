// Contexts for the connections of clients. One SSL_CTX for each set of names, with a certificate of each kind of key that has
// them; they differ in nothing else.
#include <openssl/sha.h>
#include <postern/text/ascii.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <new>
#include <utility>

#include "base/clock.h"
#include "base/log.h"
#include "net/tls_context.h"
#include "net/tls_files.h"
#include "net/tls_settings.h"
#include "net/tls_ticket_keys.h"

namespace postern::net {

struct TlsServerContext::Entry {
  OwnedContext context;
  std::vector<std::string> names;  // sorted
  std::vector<int> key_kinds;      // EVP_PKEY_*: of its certificates
};

// Clients that must have a response refuse one that has run out, and ask elsewhere when there is none.
struct TlsServerContext::Staple {
  Staple(OcspResponse what, std::string from) : response(std::move(what)), path(std::move(from)) {}

  bool is_valid() const {
    constexpr std::int64_t kSkewS = 300;  // between the responder's clock and ours
    auto now_s = static_cast<std::int64_t>(system_clock().unix_ms() / 1000);
    if (now_s + kSkewS >= response.from_s && now_s < response.until_s) return true;
    if (!warned.exchange(true))
      logger("tls").write(LogLevel::warn, path + ": the OCSP response is not valid now; nothing is stapled");
    return false;
  }

  const OcspResponse response;
  const std::string path;
  mutable std::atomic<bool> warned = false;  // once until the file changes
};

namespace {

using Mode = config::ClientAuth::Mode;

std::string_view text_of(const ASN1_STRING* string) {
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(string)),
          static_cast<std::size_t>(ASN1_STRING_length(string))};
}

// The common name counts only where there are no alternative names (RFC 6125 section 6.4.4).
std::vector<std::string> names_of(X509* certificate) {
  std::vector<std::string> names;
  Owned<GENERAL_NAMES, GENERAL_NAMES_free> alternatives(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; i < sk_GENERAL_NAME_num(alternatives.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(alternatives.get(), i);
    if (name->type == GEN_DNS) names.push_back(to_lower(text_of(name->d.dNSName)));
  }
  std::sort(names.begin(), names.end());
  if (alternatives != nullptr) return names;
  const X509_NAME* subject = X509_get_subject_name(certificate);
  int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
  if (at >= 0) names.push_back(to_lower(text_of(X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)))));
  return names;
}

int key_kind(X509* certificate) {
  const EVP_PKEY* key = X509_get0_pubkey(certificate);  // null: of an algorithm or curve that is not known
  return key != nullptr ? EVP_PKEY_get_base_id(key) : EVP_PKEY_NONE;
}

// Lists of the authorities above the client's own are looked at where there are any; that one must have its list.
int on_client_certificate(int good, X509_STORE_CTX* check) {
  bool no_list = good == 0 && X509_STORE_CTX_get_error(check) == X509_V_ERR_UNABLE_TO_GET_CRL;
  if (!no_list || X509_STORE_CTX_get_error_depth(check) == 0) return good;
  X509_STORE_CTX_set_error(check, X509_V_OK);
  return 1;
}

int on_server_name(SSL* ssl, int*, void* raw) {
  const char* name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  if (name == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_CTX* chosen = static_cast<const TlsServerContext*>(raw)->choose(name);
  if (chosen != SSL_get_SSL_CTX(ssl) && SSL_set_SSL_CTX(ssl, chosen) == nullptr) return SSL_TLSEXT_ERR_ALERT_FATAL;
  return SSL_TLSEXT_ERR_OK;
}

// A client that speaks none of our protocols is told so (RFC 7301 section 3.2).
int on_protocols(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                 unsigned int offered_size, void* raw) {
  const std::string& ours = static_cast<const TlsServerContext*>(raw)->protocols();
  unsigned char* chosen = nullptr;
  int found = SSL_select_next_proto(&chosen, out_size, reinterpret_cast<const unsigned char*>(ours.data()),
                                    static_cast<unsigned int>(ours.size()), offered, offered_size);
  *out = chosen;
  return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

int on_status_request(SSL* ssl, void* raw) {
  const std::string& response = static_cast<const TlsServerContext*>(raw)->ocsp_of(SSL_get_certificate(ssl));
  if (response.empty()) return SSL_TLSEXT_ERR_NOACK;
  void* copy = OPENSSL_memdup(response.data(), response.size());
  if (copy == nullptr) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_tlsext_status_ocsp_resp(ssl, copy, static_cast<long>(response.size()));  // takes it over
  return SSL_TLSEXT_ERR_OK;
}

}  // namespace

class ServerContextBuilder {
 public:
  ServerContextBuilder(const config::ListenerTls& tls, const std::vector<std::string>& protocols, std::string path,
                       config::Problems& problems)
      : tls_(tls),
        protocols_(protocols),
        path_(std::move(path)),
        problems_(problems),
        result_(new TlsServerContext()) {}

  std::shared_ptr<const TlsServerContext> build() {
    std::size_t before = problems_.size();
    result_->protocols_ = alpn_wire(protocols_);
    if (tls_.client_auth.mode != Mode::none) read_trust();
    for (const auto& certificate : tls_.certificates) add(certificate);
    return problems_.size() == before && !result_->entries_.empty() ? std::move(result_) : nullptr;
  }

 private:
  void read_trust() {
    const config::ClientAuth& auth = tls_.client_auth;
    TlsReport report{auth.position, path_ + "/client_auth", problems_};
    store_.reset(X509_STORE_new());
    if (auto all = read_certificates(auth.ca)) {
      for (auto& one : *all) X509_STORE_add_cert(store_.get(), one.get());
      authorities_ = std::move(*all);
    } else {
      report.problem(all.error().text);
    }
    if (auth.crl.empty()) return;
    if (auto all = read_crls(auth.crl)) {
      for (auto& one : *all) X509_STORE_add_crl(store_.get(), one.get());
      X509_STORE_set_flags(store_.get(), X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL);
    } else {
      report.problem(all.error().text);
    }
  }

  void add(const config::Certificate& certificate) {
    TlsReport report{certificate.position, path_ + "/certificates", problems_};
    TlsServerContext::Entry* entry = entry_for(certificate, report);
    if (entry == nullptr) return;
    SSL_CTX* raw = entry->context.get();
    if (!use_certificate(raw, certificate.cert, certificate.key, report)) return;
    X509* own = SSL_CTX_get0_certificate(raw);
    entry->key_kinds.push_back(key_kind(own));
    if (!certificate.ocsp.empty()) {
      auto response = read_ocsp_response(certificate.ocsp, own);
      if (!response) return report.problem(response.error().text);
      result_->ocsp_[own] = std::make_unique<TlsServerContext::Staple>(std::move(*response), certificate.ocsp);
      result_->ocsp_of(own);  // warns
    }
    for (const auto& name : entry->names)
      result_->by_name_.emplace(name.starts_with("*.") ? name.substr(1) : name, raw);
  }

  // The one of the same names that has no certificate of this kind yet, else a new one.
  TlsServerContext::Entry* entry_for(const config::Certificate& certificate, const TlsReport& report) {
    std::vector<std::string> names;
    if (auto chain = read_certificates(certificate.cert)) {
      X509* own = chain->front().get();
      names = names_of(own);
      for (const auto& entry : result_->entries_) {
        const auto& kinds = entry->key_kinds;
        bool taken = std::find(kinds.begin(), kinds.end(), key_kind(own)) != kinds.end();
        if (!names.empty() && entry->names == names && !taken) return entry.get();
      }
    }
    auto entry = std::make_unique<TlsServerContext::Entry>();
    entry->context = new_context(TLS_server_method(), tls_.min_version, tls_.session_tickets);
    if (entry->context == nullptr) {
      report.problem(openssl_reason());
      return nullptr;
    }
    entry->names = std::move(names);
    set_up(entry->context.get());
    return result_->entries_.emplace_back(std::move(entry)).get();
  }

  void set_up(SSL_CTX* context) {
    SSL_CTX_set_tlsext_servername_callback(context, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(context, result_.get());
    SSL_CTX_set_tlsext_status_cb(context, on_status_request);
    SSL_CTX_set_tlsext_status_arg(context, result_.get());
    if (!protocols_.empty()) SSL_CTX_set_alpn_select_cb(context, on_protocols, result_.get());
    SSL_CTX_set_timeout(context, static_cast<long>(tls_.session_lifetime / 1000));
    SSL_CTX_set_num_tickets(context, tls_.session_tickets ? 1 : 0);
    use_ticket_keys(context);
    set_up_clients(context);
  }

  void set_up_clients(SSL_CTX* context) {
    auto scope = session_scope();
    SSL_CTX_set_session_id_context(context, scope.data(), static_cast<unsigned int>(scope.size()));
    const config::ClientAuth& auth = tls_.client_auth;
    if (auth.mode == Mode::none || store_ == nullptr) return;
    int required = auth.mode == Mode::required ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0;
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | required, on_client_certificate);
    SSL_CTX_set_verify_depth(context, static_cast<int>(auth.depth));
    SSL_CTX_set1_cert_store(context, store_.get());
    for (const auto& one : authorities_) SSL_CTX_add_client_CA(context, one.get());
  }

  // A session stands for a certificate that was verified: it must not come back where other authorities, or another list of
  // revoked certificates, decide.
  std::array<unsigned char, SHA256_DIGEST_LENGTH> session_scope() const {
    const config::ClientAuth& auth = tls_.client_auth;
    std::string all = std::to_string(static_cast<int>(auth.mode)) + ":" + std::to_string(auth.depth);
    if (auth.mode != Mode::none) all += ":" + read_whole(auth.ca).value_or("");
    if (auth.mode != Mode::none && !auth.crl.empty()) all += ":" + read_whole(auth.crl).value_or("");
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(all.data()), all.size(), digest.data());
    return digest;
  }

  const config::ListenerTls& tls_;
  const std::vector<std::string>& protocols_;
  std::string path_;
  config::Problems& problems_;
  OwnedStore store_;
  std::vector<OwnedX509> authorities_;
  std::shared_ptr<TlsServerContext> result_;
};

TlsServerContext::TlsServerContext() = default;
TlsServerContext::~TlsServerContext() = default;

std::shared_ptr<const TlsServerContext> TlsServerContext::build(const config::ListenerTls& tls,
                                                                const std::vector<std::string>& protocols,
                                                                const std::string& path, config::Problems& problems) {
  return ServerContextBuilder(tls, protocols, path, problems).build();
}

ssl_st* TlsServerContext::new_ssl() const {
  SSL* ssl = SSL_new(entries_.front()->context.get());
  if (ssl == nullptr) throw std::bad_alloc();
  SSL_set_accept_state(ssl);
  return ssl;
}

ssl_ctx_st* TlsServerContext::choose(std::string_view server_name) const noexcept {
  std::string name = to_lower(server_name);
  if (auto found = by_name_.find(name); found != by_name_.end()) return found->second;
  std::size_t dot = name.find('.');
  auto found = dot == std::string::npos || dot == 0 ? by_name_.end() : by_name_.find(name.substr(dot));
  return found != by_name_.end() ? found->second : entries_.front()->context.get();
}

const std::string& TlsServerContext::ocsp_of(const x509_st* certificate) const noexcept {
  static const std::string kNone;
  auto found = ocsp_.find(certificate);
  return found != ocsp_.end() && found->second->is_valid() ? found->second->response.der : kNone;
}

}  // namespace postern::net

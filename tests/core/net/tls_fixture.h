// Certificates made while a test runs, and pairs of streams that speak TLS.
#pragma once

#include <openssl/evp.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <sys/stat.h>

#include <cstdio>
#include <functional>
#include <string>

#include "net/openssl.h"
#include "net/tls_handshake.h"
#include "net_fixture.h"

namespace postern::net::test {

struct Issued {
  OwnedX509 certificate;
  OwnedKey key;
};

struct Wish {
  std::string subject = "localhost";
  std::string names = "DNS:localhost,IP:127.0.0.1";  // empty: none
  bool authority = false;
  long from_s = -3600;
  long to_s = 3600;
};

inline OwnedKey make_key() { return OwnedKey(EVP_EC_gen("P-256")); }

inline void add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* made = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  REQUIRE(made != nullptr);
  X509_add_ext(certificate, made, -1);
  X509_EXTENSION_free(made);
}

// Signed by `by`, or by itself.
inline Issued issue(const Wish& wish, const Issued* by = nullptr) {
  static long serial = 0x1000;
  Issued made{OwnedX509(X509_new()), make_key()};
  X509* x = made.certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
  X509_gmtime_adj(X509_getm_notBefore(x), wish.from_s);
  X509_gmtime_adj(X509_getm_notAfter(x), wish.to_s);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_UTF8,
                             reinterpret_cast<const unsigned char*>(wish.subject.c_str()), -1, -1, 0);
  X509* issuer = by != nullptr ? by->certificate.get() : x;
  X509_set_issuer_name(x, X509_get_subject_name(issuer));
  X509_set_pubkey(x, made.key.get());
  if (wish.authority) add_extension(x, issuer, NID_basic_constraints, "critical,CA:TRUE");
  if (wish.authority) add_extension(x, issuer, NID_key_usage, "critical,keyCertSign,cRLSign");
  if (!wish.names.empty()) add_extension(x, issuer, NID_subject_alt_name, wish.names);
  REQUIRE(X509_sign(x, (by != nullptr ? by->key : made.key).get(), EVP_sha256()) > 0);
  return made;
}

// Files of a scratch folder.
class Pki {
 public:
  std::string file(const std::string& name) const { return folder_.file(name); }
  std::string write(const std::string& name, const std::string& text) const {
    std::FILE* f = std::fopen(file(name).c_str(), "w");
    REQUIRE(f != nullptr);
    std::fwrite(text.data(), 1, text.size(), f);
    std::fclose(f);
    return file(name);
  }
  std::string write(const std::string& name, X509* certificate) const {
    std::FILE* f = std::fopen(file(name).c_str(), "w");
    REQUIRE(f != nullptr);
    PEM_write_X509(f, certificate);
    std::fclose(f);
    return file(name);
  }
  std::string write(const std::string& name, EVP_PKEY* key) const {
    std::FILE* f = std::fopen(file(name).c_str(), "w");
    REQUIRE(f != nullptr);
    REQUIRE(fchmod(fileno(f), 0600) == 0);
    PEM_write_PrivateKey(f, key, nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(f);
    return file(name);
  }
  config::Certificate pair(const std::string& name, const Issued& issued) const {
    config::Certificate files;
    files.cert = write(name + ".pem", issued.certificate.get());
    files.key = write(name + ".key", issued.key.get());
    return files;
  }
  // A revocation list of `by` with this serial number in it.
  std::string revoke(const std::string& name, const Issued& by, const Issued& revoked) const {
    OwnedCrl crl(X509_CRL_new());
    X509_CRL_set_version(crl.get(), 1);
    X509_CRL_set_issuer_name(crl.get(), X509_get_subject_name(by.certificate.get()));
    Owned<ASN1_TIME, ASN1_TIME_free> now(X509_gmtime_adj(nullptr, -60)), later(X509_gmtime_adj(nullptr, 3600));
    X509_CRL_set1_lastUpdate(crl.get(), now.get());
    X509_CRL_set1_nextUpdate(crl.get(), later.get());
    X509_REVOKED* entry = X509_REVOKED_new();
    X509_REVOKED_set_serialNumber(entry, X509_get_serialNumber(revoked.certificate.get()));
    X509_REVOKED_set_revocationDate(entry, now.get());
    X509_CRL_add0_revoked(crl.get(), entry);
    X509_CRL_sort(crl.get());
    REQUIRE(X509_CRL_sign(crl.get(), by.key.get(), EVP_sha256()) > 0);
    std::FILE* f = std::fopen(file(name).c_str(), "w");
    REQUIRE(f != nullptr);
    PEM_write_X509_CRL(f, crl.get());
    std::fclose(f);
    return file(name);
  }
  // What `by` says of `about`: that it is good, from and to so many seconds from now.
  std::string ocsp(const std::string& name, const Issued& by, const Issued& about, long from_s, long to_s) const {
    Owned<OCSP_BASICRESP, OCSP_BASICRESP_free> basic(OCSP_BASICRESP_new());
    Owned<ASN1_TIME, ASN1_TIME_free> from(X509_gmtime_adj(nullptr, from_s)), to(X509_gmtime_adj(nullptr, to_s));
    Owned<OCSP_CERTID, OCSP_CERTID_free> id(OCSP_cert_to_id(nullptr, about.certificate.get(), by.certificate.get()));
    OCSP_basic_add1_status(basic.get(), id.get(), V_OCSP_CERTSTATUS_GOOD, 0, nullptr, from.get(), to.get());
    REQUIRE(OCSP_basic_sign(basic.get(), by.certificate.get(), by.key.get(), EVP_sha256(), nullptr, 0) == 1);
    Owned<OCSP_RESPONSE, OCSP_RESPONSE_free> response(
        OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic.get()));
    unsigned char* der = nullptr;
    int size = i2d_OCSP_RESPONSE(response.get(), &der);
    REQUIRE(size > 0);
    std::string text(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
    OPENSSL_free(der);
    return write(name, text);
  }

 private:
  ScratchFolder folder_;
};

inline std::string text_of(const config::Problems& problems) {
  std::string all;
  for (const auto& p : problems) all += p.text + "\n";
  return all;
}

inline std::shared_ptr<const TlsServerContext> server_context(const config::ListenerTls& tls) {
  config::Problems problems;
  auto context = TlsServerContext::build(tls, {"http/1.1"}, "listeners/test/tls", problems);
  INFO(text_of(problems));
  REQUIRE(context != nullptr);
  return context;
}

inline std::shared_ptr<const TlsClientContext> client_context(const config::UpstreamTls& tls,
                                                              const std::vector<std::string>& protocols = {}) {
  config::Problems problems;
  auto context = TlsClientContext::build(tls, protocols, "upstreams/test/tls", problems);
  INFO(text_of(problems));
  REQUIRE(context != nullptr);
  return context;
}

// Both sides of one connection after their handshakes. `server` and `client` stay null where the handshake failed.
struct TlsPair {
  Pair raw;
  std::unique_ptr<TlsHandshake> accepting, connecting;
  std::unique_ptr<Stream> server, client;
  Recorder server_sees, client_sees;
  std::string server_failure, client_failure;
  TlsFailure::Reason server_reason{}, client_reason{};
  bool server_done = false, client_done = false;

  TlsPair(Loop& loop, std::shared_ptr<const TlsServerContext> for_server,
          std::shared_ptr<const TlsClientContext> for_client, const std::string& host = "localhost",
          std::shared_ptr<TlsSessionSlot> slot = nullptr,
          const std::function<std::unique_ptr<Stream>(std::unique_ptr<Stream>)>& below_server = nullptr)
      : raw(loop) {
    if (below_server) raw.server = below_server(std::move(raw.server));
    accepting = TlsHandshake::accept(loop, std::move(raw.server), std::move(for_server), [this](auto outcome) {
      server_done = true;
      if (outcome) return take(server, std::move(*outcome), server_sees);
      server_failure = outcome.error().text;
      server_reason = outcome.error().reason;
      left.push_back(std::move(outcome.error().stream));
    });
    connecting =
        TlsHandshake::connect(loop, std::move(raw.client), std::move(for_client), host, slot, [this](auto outcome) {
          client_done = true;
          if (outcome) return take(client, std::move(*outcome), client_sees);
          client_failure = outcome.error().text;
          client_reason = outcome.error().reason;
        });
    run_until(loop, [this] { return server_done && client_done; });
  }

 private:
  std::vector<std::unique_ptr<Stream>> left;
  static void take(std::unique_ptr<Stream>& to, std::unique_ptr<Stream> stream, Recorder& owner) {
    to = std::move(stream);
    to->set_owner(&owner);
    to->start_reading();
  }
};

}  // namespace postern::net::test

#include <sys/stat.h>

#include <filesystem>

#include "net/tls_session.h"
#include "tls_fixture.h"

using namespace postern;
using namespace postern::net;
using namespace postern::net::test;

namespace {

using Mode = config::ClientAuth::Mode;
using Reason = TlsFailure::Reason;

struct World {
  Pki pki;
  Issued authority = issue({.subject = "test CA", .names = "", .authority = true});
  Issued stranger = issue({.subject = "other CA", .names = "", .authority = true});
  std::string ca = pki.write("ca.pem", authority.certificate.get());
  std::string other_ca = pki.write("other-ca.pem", stranger.certificate.get());
  config::ListenerTls listener;
  config::UpstreamTls upstream;
  Loop loop;

  World() {
    listener.certificates = {pki.pair("first", issue({}, &authority))};
    upstream.ca = ca;
  }
  config::UpstreamTls client_with(const Issued& issued) {
    config::UpstreamTls tls = upstream;
    auto files = pki.pair("client", issued);
    tls.cert = files.cert;
    tls.key = files.key;
    return tls;
  }
  void ask_clients(Mode mode) {
    listener.client_auth.mode = mode;
    listener.client_auth.ca = ca;
  }
  std::string problem() {
    config::Problems problems;
    CHECK(TlsServerContext::build(listener, {"http/1.1"}, "listeners/x/tls", problems) == nullptr);
    REQUIRE(problems.size() == 1);
    return problems[0].text;
  }
};

std::string subject_seen(const TlsPair& pair) {
  return pair.client != nullptr && pair.client->tls()->peer ? pair.client->tls()->peer->subject : "";
}

}  // namespace

TEST_CASE("the certificate is chosen by the name that the client asks for") {
  World w;
  w.listener.certificates = {
      w.pki.pair("a", issue({.subject = "first", .names = "DNS:a.example,DNS:A2.example"}, &w.authority)),
      w.pki.pair("b", issue({.subject = "wild", .names = "DNS:*.b.example"}, &w.authority)),
      w.pki.pair("c", issue({.subject = "exact", .names = "DNS:c.b.example"}, &w.authority))};
  w.upstream.verify = false;
  auto server = server_context(w.listener);
  struct Row {
    std::string host, subject;
  };
  for (const Row& row : {Row{"a.example", "CN=first"}, Row{"a2.EXAMPLE", "CN=first"}, Row{"x.b.example", "CN=wild"},
                         Row{"c.b.example", "CN=exact"}, Row{"x.y.b.example", "CN=first"}, Row{"b.example", "CN=first"},
                         Row{"unknown.example", "CN=first"}, Row{"127.0.0.1", "CN=first"}}) {
    CAPTURE(row.host);
    TlsPair pair(w.loop, server, client_context(w.upstream), row.host);
    CHECK(subject_seen(pair) == row.subject);
    CHECK_FALSE(pair.client->tls()->peer->verified);
  }
}

TEST_CASE("a pair that cannot be used is a problem that names the file and the reason") {
  World w;
  auto& files = w.listener.certificates[0];
  SUBCASE("the key of another certificate") {
    files.key = w.pki.write("other.key", w.stranger.key.get());
    CHECK(w.problem() == files.key + ": the key does not belong to the certificate in " + files.cert);
  }
  SUBCASE("no such file") {
    files.cert = w.pki.file("absent.pem");
    CHECK(w.problem() == "cannot read " + files.cert + ": No such file or directory");
  }
  SUBCASE("a folder") {
    files.cert = std::filesystem::path(files.cert).parent_path().string();
    CHECK(w.problem() == files.cert + ": is not a file");
  }
  SUBCASE("no certificate inside") {
    files.cert = w.pki.write("empty.pem", "nothing\n");
    CHECK(w.problem() == files.cert + ": holds no certificate in PEM (-----BEGIN CERTIFICATE-----)");
  }
  SUBCASE("half a certificate") {
    files.cert = w.pki.write("half.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
    CHECK(w.problem().starts_with(files.cert + ": holds a broken certificate"));
  }
  SUBCASE("an encrypted key") {
    OwnedBio out(BIO_new(BIO_s_mem()));
    PEM_write_bio_PKCS8PrivateKey(out.get(), w.stranger.key.get(), EVP_aes_128_cbc(), "secret", 6, nullptr, nullptr);
    char* text = nullptr;
    long size = BIO_get_mem_data(out.get(), &text);
    files.key = w.pki.write("sealed.key", std::string(text, static_cast<std::size_t>(size)));
    CHECK(w.problem() == files.key + ": the key is encrypted; write it without a pass phrase");
  }
  SUBCASE("a response that is none") {
    files.ocsp = w.pki.write("response.der", "nothing");
    CHECK(w.problem().starts_with(files.ocsp + ": holds no OCSP response in DER"));
  }
  SUBCASE("a response for another certificate") {
    files.ocsp = w.pki.ocsp("other.der", w.authority, issue({}, &w.authority), -60, 3600);
    CHECK(w.problem() == files.ocsp + ": the OCSP response says nothing of the certificate");
  }
  SUBCASE("authorities that are missing") {
    w.ask_clients(Mode::required);
    w.listener.client_auth.ca = w.pki.file("absent.pem");
    CHECK(w.problem().find("absent.pem") != std::string::npos);
  }
}

TEST_CASE("a certificate whose key is of no kind that is known is a problem, beside others of its names too") {
  World w;
  Issued broken = issue({}, &w.authority);
  unsigned char* der = nullptr;
  int size = i2d_X509(broken.certificate.get(), &der);
  std::string bytes(reinterpret_cast<const char*>(der), static_cast<std::size_t>(size));
  OPENSSL_free(der);
  const std::string kEcPublicKey = "\x2a\x86\x48\xce\x3d\x02\x01";
  bytes[bytes.find(kEcPublicKey) + kEcPublicKey.size() - 1] = '\x7f';
  const auto* at = reinterpret_cast<const unsigned char*>(bytes.data());
  broken.certificate.reset(d2i_X509(nullptr, &at, static_cast<long>(bytes.size())));
  REQUIRE(broken.certificate != nullptr);
  w.listener.certificates.push_back(w.pki.pair("broken", broken));
  CHECK(w.problem() ==
        w.listener.certificates[1].cert + ": the certificate's key is of an algorithm or curve that is not known");
}

TEST_CASE("an OCSP response is stapled while it is valid") {
  const struct {
    long from_s, to_s;
    bool stapled;
  } cases[] = {{-60, 3600, true}, {-7200, -3600, false}, {3600, 7200, false}};
  for (auto [from_s, to_s, stapled] : cases) {
    World w;
    Issued own = issue({}, &w.authority);
    w.listener.certificates = {w.pki.pair("own", own)};
    w.listener.certificates[0].ocsp = w.pki.ocsp("own.der", w.authority, own, from_s, to_s);
    auto context = server_context(w.listener);
    OwnedSsl ssl(context->new_ssl());
    CHECK(context->ocsp_of(SSL_get_certificate(ssl.get())).empty() != stapled);
  }
}

TEST_CASE("clients show certificates as the listener asks") {
  World w;
  Issued alice = issue({.subject = "alice", .names = "DNS:alice.example,email:alice@example.com"}, &w.authority);
  SUBCASE("required, and good") {
    w.ask_clients(Mode::required);
    TlsPair pair(w.loop, server_context(w.listener), client_context(w.client_with(alice)));
    REQUIRE(pair.server != nullptr);
    const TlsPeer& peer = *pair.server->tls()->peer;
    CHECK(peer.subject == "CN=alice");
    CHECK(peer.issuer == "CN=test CA");
    CHECK(peer.names == "DNS:alice.example,email:alice@example.com");
    CHECK(peer.fingerprint.size() == 64);
    CHECK(peer.pem.starts_with("-----BEGIN CERTIFICATE-----\n"));
    CHECK(peer.not_after.size() == 20);
    CHECK(peer.verified);
  }
  SUBCASE("required, and none") {
    w.ask_clients(Mode::required);
    TlsPair pair(w.loop, server_context(w.listener), client_context(w.upstream));
    CHECK(pair.server == nullptr);
    CHECK(pair.server_reason == Reason::certificate);
  }
  SUBCASE("optional, and none") {
    w.ask_clients(Mode::optional);
    TlsPair pair(w.loop, server_context(w.listener), client_context(w.upstream));
    REQUIRE(pair.server != nullptr);
    CHECK(pair.server->tls()->peer == nullptr);
  }
  SUBCASE("optional, and of a stranger") {
    w.ask_clients(Mode::optional);
    Issued mallory = issue({.subject = "alice"}, &w.stranger);
    TlsPair pair(w.loop, server_context(w.listener), client_context(w.client_with(mallory)));
    CHECK(pair.server == nullptr);
    CHECK(pair.server_reason == Reason::certificate);
    CHECK(pair.server_failure.find("local issuer") != std::string::npos);
  }
  SUBCASE("expired") {
    w.ask_clients(Mode::required);
    Issued old = issue({.subject = "alice", .from_s = -7200, .to_s = -3600}, &w.authority);
    TlsPair pair(w.loop, server_context(w.listener), client_context(w.client_with(old)));
    CHECK(pair.server_failure == "certificate has expired");
  }
  SUBCASE("revoked") {
    w.ask_clients(Mode::required);
    w.listener.client_auth.crl = w.pki.revoke("crl.pem", w.authority, alice);
    TlsPair pair(w.loop, server_context(w.listener), client_context(w.client_with(alice)));
    CHECK(pair.server_failure == "certificate revoked");
    Issued bob = issue({.subject = "bob"}, &w.authority);
    TlsPair other(w.loop, server_context(w.listener), client_context(w.client_with(bob)));
    CHECK(other.server != nullptr);
  }
}

TEST_CASE("the certificate of an upstream must be good, and for the host that was asked for") {
  World w;
  auto server = server_context(w.listener);
  CHECK(TlsPair(w.loop, server, client_context(w.upstream), "127.0.0.1").client != nullptr);
  CHECK(TlsPair(w.loop, server, client_context(w.upstream), "127.0.0.2").client_failure == "IP address mismatch");
  CHECK(TlsPair(w.loop, server, client_context(w.upstream), "other.example").client_failure == "hostname mismatch");
  config::UpstreamTls named = w.upstream;
  named.server_name = "localhost";
  CHECK(TlsPair(w.loop, server, client_context(named), "10.0.0.1").client != nullptr);
  config::UpstreamTls wrong = w.upstream;
  wrong.ca = w.other_ca;
  TlsPair refused(w.loop, server, client_context(wrong));
  CHECK(refused.client_reason == Reason::certificate);
  CHECK(refused.client_failure == "unable to get local issuer certificate");
  CHECK(refused.server_reason == Reason::refused);
}

TEST_CASE("sessions come back, to other contexts too, and not where clients are judged differently") {
  World w;
  Issued alice = issue({.subject = "alice"}, &w.authority);
  w.ask_clients(Mode::required);
  auto client = client_context(w.client_with(alice));
  auto slot = TlsHandshake::new_slot();
  auto resumes = [&](const config::ListenerTls& listener) {
    TlsPair pair(w.loop, server_context(listener), client, "localhost", slot);
    REQUIRE(pair.server != nullptr);
    CHECK(pair.server->tls()->peer->subject == "CN=alice");
    pair.server->append("x");  // the ticket comes before it
    run_until(w.loop, [&] { return pair.client_sees.received == "x"; });
    return pair.server->tls()->resumed;
  };
  CHECK_FALSE(resumes(w.listener));
  CHECK(resumes(w.listener));
  CHECK(resumes(w.listener));
  SUBCASE("other authorities") {
    std::string both = w.pki.write("both.pem", w.authority.certificate.get());
    w.listener.client_auth.ca = both;
    w.listener.client_auth.depth = 2;
    CHECK_FALSE(resumes(w.listener));
  }
  SUBCASE("no tickets") {
    w.listener.session_tickets = false;
    CHECK_FALSE(resumes(w.listener));
  }
}

// Another context at the same address would pass for the one that verified the session.
TEST_CASE("a kept session keeps the context that it was verified in") {
  static int freed = 0;
  auto on_free = [](void*, void* mine, CRYPTO_EX_DATA*, int, long, void*) { freed += mine != nullptr ? 1 : 0; };
  static const int index = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, on_free);
  freed = 0;
  TlsSessionSlot slot;
  auto keep_one = [&] {
    OwnedContext context(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_ex_data(context.get(), index, &freed);
    slot.keep(OwnedSession(SSL_SESSION_new()), context.get());
    CHECK(slot.get(context.get()) != nullptr);
  };
  keep_one();
  CHECK(freed == 0);
  keep_one();
  CHECK(freed == 1);
}

TEST_CASE("both sides agree on a protocol, or part") {
  World w;
  auto server = server_context(w.listener);
  CHECK(TlsPair(w.loop, server, client_context(w.upstream, {"spdy/1", "http/1.1"})).client->tls()->alpn == "http/1.1");
  CHECK(TlsPair(w.loop, server, client_context(w.upstream)).client->tls()->alpn.empty());
  TlsPair none(w.loop, server, client_context(w.upstream, {"spdy/1"}));
  CHECK(none.server_reason == Reason::parameters);
  CHECK(none.client_reason == Reason::refused);
}

TEST_CASE("a listener may ask for TLS 1.3") {
  World w;
  w.listener.min_version = config::TlsVersion::tls13;
  CHECK(TlsPair(w.loop, server_context(w.listener), client_context(w.upstream)).client->tls()->version == "TLSv1.3");
}

TEST_CASE("files that change are used from the next look on, and bad ones are not") {
  World w;
  auto source = tls_server(w.listener, {"http/1.1"}, "listeners/x/tls");
  config::Problems problems;
  REQUIRE(source->load(problems));
  auto first = source->current();
  source->refresh();
  CHECK(source->current() == first);
  Issued next = issue({.subject = "renewed"}, &w.authority);
  w.pki.pair("first", next);
  source->refresh();
  auto second = source->current();
  CHECK(second != first);
  w.upstream.verify = false;
  CHECK(subject_seen(TlsPair(w.loop, second, client_context(w.upstream))) == "CN=renewed");
  CHECK(subject_seen(TlsPair(w.loop, first, client_context(w.upstream))) == "CN=localhost");
  w.pki.write("first.pem", "torn");
  source->refresh();
  CHECK(source->current() == second);
}

#include "net/tls_peer.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <postern/text/ascii.h>

#include <cstdio>
#include <ctime>

namespace postern::net {
namespace {

constexpr std::size_t kMaxNames = 8 * 1024;  // bytes; further names are left out

std::string text_of(const X509_NAME* name) {
  OwnedBio out(BIO_new(BIO_s_mem()));
  // RFC 2253, but names in UTF-8 stay readable; controls are escaped.
  X509_NAME_print_ex(out.get(), name, 0, XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  char* text = nullptr;
  long size = BIO_get_mem_data(out.get(), &text);
  return size > 0 ? std::string(text, static_cast<std::size_t>(size)) : std::string();
}

// Whoever signs certificates decides what stands in a name: it must not look like two.
std::string escaped(const ASN1_STRING* string) {
  const unsigned char* data = ASN1_STRING_get0_data(string);
  std::string out;
  for (int i = 0; i < ASN1_STRING_length(string); ++i) {
    unsigned char c = data[i];
    if (c > 0x20 && c < 0x7f && c != ',' && c != '\\' && c != '"') {
      out += static_cast<char>(c);
    } else {
      append_hex(out += '\\', c);
    }
  }
  return out;
}

std::string address_text(const ASN1_OCTET_STRING* bytes) {
  char text[INET6_ADDRSTRLEN];
  int family = ASN1_STRING_length(bytes) == 4 ? AF_INET : AF_INET6;
  if (family == AF_INET6 && ASN1_STRING_length(bytes) != 16) return {};
  return inet_ntop(family, ASN1_STRING_get0_data(bytes), text, sizeof text) != nullptr ? text : "";
}

std::string text_of(const GENERAL_NAME* name) {
  switch (name->type) {
    case GEN_DNS:
      return "DNS:" + escaped(name->d.dNSName);
    case GEN_URI:
      return "URI:" + escaped(name->d.uniformResourceIdentifier);
    case GEN_EMAIL:
      return "email:" + escaped(name->d.rfc822Name);
    case GEN_IPADD:
      return "IP:" + address_text(name->d.iPAddress);
    default:
      return {};
  }
}

std::string names_of(X509* certificate) {
  Owned<GENERAL_NAMES, GENERAL_NAMES_free> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  std::string all;
  for (int i = 0; i < sk_GENERAL_NAME_num(names.get()); ++i) {
    std::string one = text_of(sk_GENERAL_NAME_value(names.get(), i));
    if (one.empty() || all.size() + one.size() > kMaxNames) continue;
    all += (all.empty() ? "" : ",") + one;
  }
  return all;
}

std::string fingerprint_of(X509* certificate) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1) return {};
  std::string text;
  for (unsigned int i = 0; i < size; ++i) append_hex(text, digest[i]);
  return text;
}

std::string serial_of(X509* certificate) {
  Owned<BIGNUM, BN_free> number(ASN1_INTEGER_to_BN(X509_get0_serialNumber(certificate), nullptr));
  char* text = number != nullptr ? BN_bn2hex(number.get()) : nullptr;
  std::string serial = text != nullptr ? text : "";
  OPENSSL_free(text);
  return serial;
}

std::string pem_of(X509* certificate) {
  OwnedBio out(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(out.get(), certificate) != 1) return {};
  char* text = nullptr;
  long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

std::string time_text(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return {};
  char text[32];
  std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, size};
}

}  // namespace

TlsPeer describe(X509* certificate) {
  TlsPeer peer;
  peer.subject = text_of(X509_get_subject_name(certificate));
  peer.issuer = text_of(X509_get_issuer_name(certificate));
  peer.names = names_of(certificate);
  peer.fingerprint = fingerprint_of(certificate);
  peer.serial = serial_of(certificate);
  peer.not_before = time_text(X509_get0_notBefore(certificate));
  peer.not_after = time_text(X509_get0_notAfter(certificate));
  peer.pem = pem_of(certificate);
  return peer;
}

}  // namespace postern::net

// OpenSSL's objects as owners, and its error queue as text. Internal to core/net, which alone speaks OpenSSL's SSL API.
#pragma once

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <memory>
#include <string>

namespace postern::net {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* object) const noexcept {
    Free(object);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, FreeWith<Free>>;

using OwnedBio = Owned<BIO, BIO_free_all>;
using OwnedContext = Owned<SSL_CTX, SSL_CTX_free>;
using OwnedSsl = Owned<SSL, SSL_free>;
using OwnedSession = Owned<SSL_SESSION, SSL_SESSION_free>;
using OwnedX509 = Owned<X509, X509_free>;
using OwnedCrl = Owned<X509_CRL, X509_CRL_free>;
using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using OwnedStore = Owned<X509_STORE, X509_STORE_free>;

// The reason of the last error that OpenSSL has queued, in its words ("wrong version number"); empties the queue.
std::string openssl_reason();

}  // namespace postern::net

#include "net/tls_ticket_keys.h"

#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/rand.h>

#include <array>
#include <chrono>
#include <cstring>
#include <mutex>
#include <optional>

namespace postern::net {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kRotation = std::chrono::hours(12);
constexpr std::size_t kNameSize = 16;  // as OpenSSL writes it into a ticket

struct Keys {
  std::array<unsigned char, kNameSize> name;
  std::array<unsigned char, 32> cipher;
  std::array<unsigned char, 32> mac;

  static std::optional<Keys> make() {
    Keys keys;
    bool good = RAND_bytes(keys.name.data(), static_cast<int>(keys.name.size())) == 1 &&
                RAND_priv_bytes(keys.cipher.data(), static_cast<int>(keys.cipher.size())) == 1 &&
                RAND_priv_bytes(keys.mac.data(), static_cast<int>(keys.mac.size())) == 1;
    return good ? std::optional(keys) : std::nullopt;
  }
};

class TicketKeys {
 public:
  // To seal with; changes them when it is time.
  std::optional<Keys> current() {
    std::lock_guard lock(mutex_);
    rotate();
    return current_;
  }
  // To open with. `old`: the client should get a new ticket.
  std::optional<Keys> find(const unsigned char* name, bool& old) {
    std::lock_guard lock(mutex_);
    rotate();
    for (const auto* keys : {&current_, &before_}) {
      if (!*keys || std::memcmp((*keys)->name.data(), name, kNameSize) != 0) continue;
      old = keys == &before_;
      return *keys;
    }
    return std::nullopt;
  }

 private:
  void rotate() {
    auto age = Clock::now() - made_;
    if (current_ && age < kRotation) return;
    before_ = age < 2 * kRotation ? current_ : std::nullopt;
    current_ = Keys::make();
    made_ = Clock::now();
  }

  std::mutex mutex_;
  std::optional<Keys> current_, before_;
  Clock::time_point made_;
};

TicketKeys& ticket_keys() {
  static TicketKeys keys;
  return keys;
}

// Fetched once: looking an algorithm up costs more than using it.
const EVP_CIPHER* ticket_cipher() {
  static const Owned<EVP_CIPHER, EVP_CIPHER_free> cipher(EVP_CIPHER_fetch(nullptr, "AES-256-CBC", nullptr));
  return cipher.get();
}

bool set_mac(EVP_MAC_CTX* mac, Keys& keys) {
  char digest[] = "SHA256";
  OSSL_PARAM params[] = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, keys.mac.data(), keys.mac.size()),
                         OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
                         OSSL_PARAM_construct_end()};
  return EVP_MAC_CTX_set_params(mac, params) == 1;
}

// OpenSSL's answers: 1 go on, 2 go on and send a new ticket, 0 no such keys, -1 failure.
int seal(unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac) {
  auto keys = ticket_keys().current();
  if (!keys || RAND_bytes(iv, EVP_CIPHER_get_iv_length(ticket_cipher())) != 1) return -1;
  std::memcpy(name, keys->name.data(), kNameSize);
  bool good =
      EVP_EncryptInit_ex2(cipher, ticket_cipher(), keys->cipher.data(), iv, nullptr) == 1 && set_mac(mac, *keys);
  return good ? 1 : -1;
}

// A ticket of TLS 1.3 is for one use (RFC 8446 appendix C.4): a client that uses one gets the next.
int open(bool single_use, const unsigned char* name, const unsigned char* iv, EVP_CIPHER_CTX* cipher,
         EVP_MAC_CTX* mac) {
  bool old = false;
  auto keys = ticket_keys().find(name, old);
  if (!keys) return 0;
  bool good =
      set_mac(mac, *keys) && EVP_DecryptInit_ex2(cipher, ticket_cipher(), keys->cipher.data(), iv, nullptr) == 1;
  if (!good) return -1;
  return old || single_use ? 2 : 1;
}

int on_ticket(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac, int sealing) {
  return sealing == 1 ? seal(name, iv, cipher, mac) : open(SSL_version(ssl) == TLS1_3_VERSION, name, iv, cipher, mac);
}

}  // namespace

void use_ticket_keys(SSL_CTX* context) { SSL_CTX_set_tlsext_ticket_key_evp_cb(context, on_ticket); }

}  // namespace postern::net

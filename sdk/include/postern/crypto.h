// SHA-256, HMAC-SHA-256, and comparing secrets. Link Postern::crypto: this is libcrypto's (Debian: libssl-dev).
#pragma once

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>
#include <climits>
#include <stdexcept>
#include <string>
#include <string_view>

#include "postern/text/ascii.h"

namespace postern {

// 32 bytes.
class Digest {
 public:
  static constexpr std::size_t kSize = 32;
  std::string_view bytes() const { return {reinterpret_cast<const char*>(bytes_.data()), kSize}; }
  std::string hex() const {  // lower case
    std::string text;
    for (const unsigned char byte : bytes_) append_hex(text, byte);
    return text;
  }
  unsigned char* data() { return bytes_.data(); }

 private:
  std::array<unsigned char, kSize> bytes_{};
};

// They throw when libcrypto cannot (no memory): a hook answers ERROR then.
inline Digest sha256(std::string_view data) {
  Digest digest;
  if (EVP_Digest(data.data(), data.size(), digest.data(), nullptr, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("libcrypto made no SHA-256");
  return digest;
}

inline Digest hmac_sha256(std::string_view key, std::string_view data) {
  Digest digest;
  const auto* bytes = reinterpret_cast<const unsigned char*>(data.data());
  const bool fits = key.size() <= INT_MAX;
  const int key_size = fits ? static_cast<int>(key.size()) : 0;
  if (!fits || HMAC(EVP_sha256(), key.empty() ? "" : key.data(), key_size, bytes, data.size(), digest.data(),
                    nullptr) == nullptr)
    throw std::runtime_error("libcrypto made no HMAC");
  return digest;
}

// Takes the same time wherever two texts of one length differ: for signatures and digests of secrets.
inline bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace postern

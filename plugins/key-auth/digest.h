// SHA-256 by libcrypto, without an allocation for each digest. Knows nothing of the gateway.
#pragma once

#include <openssl/evp.h>

#include <array>
#include <memory>
#include <optional>
#include <string_view>

using Digest = std::array<unsigned char, 32>;

// 64 hexadecimal digits of either case; nothing else is a digest.
std::optional<Digest> digest_from_hex(std::string_view text) noexcept;

// Looks the algorithm up once and reuses its context. For one thread at a time.
class Sha256 {
 public:
  Sha256();
  // None when libcrypto fails: it has no SHA-256, or no memory.
  std::optional<Digest> of(std::string_view bytes) noexcept;

 private:
  struct Free {
    void operator()(EVP_MD* algorithm) const noexcept { EVP_MD_free(algorithm); }
    void operator()(EVP_MD_CTX* context) const noexcept { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD, Free> algorithm_;
  std::unique_ptr<EVP_MD_CTX, Free> context_;
};

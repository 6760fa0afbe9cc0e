#include "digest.h"

#include <postern/text/ascii.h>

std::optional<Digest> digest_from_hex(std::string_view text) noexcept {
  Digest digest;
  if (text.size() != 2 * digest.size()) return std::nullopt;
  for (std::size_t i = 0; i < digest.size(); ++i) {
    int high = postern::hex_value(text[2 * i]);
    int low = postern::hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    digest[i] = static_cast<unsigned char>(high << 4 | low);
  }
  return digest;
}

// The one-shot SHA256() of OpenSSL 3 fetches the algorithm anew each time, which costs more than the digest.
Sha256::Sha256() : algorithm_(EVP_MD_fetch(nullptr, "SHA256", nullptr)), context_(EVP_MD_CTX_new()) {}

std::optional<Digest> Sha256::of(std::string_view bytes) noexcept {
  Digest digest;
  if (!algorithm_ || !context_ || EVP_DigestInit_ex2(context_.get(), algorithm_.get(), nullptr) != 1 ||
      EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) != 1 ||
      EVP_DigestFinal_ex(context_.get(), digest.data(), nullptr) != 1) {
    return std::nullopt;
  }
  return digest;
}

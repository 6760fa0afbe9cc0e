// postern.crypto: digests, HMAC, comparison that takes the same time wherever two texts differ, random bytes.
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <postern/text/ascii.h>

#include "api/api.h"
#include "api/values.h"
#include "budget.h"

namespace postern::lua {
namespace {

constexpr std::size_t kSha256Size = 32;
constexpr lua_Integer kMaxRandom = 1'024;

const unsigned char* bytes_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// Lower-case hex, or the bytes themselves when the argument at `raw_index` is true.
int push_digest(lua_State* L, const unsigned char* digest, int raw_index) {
  if (lua_toboolean(L, raw_index)) {
    lua_pushlstring(L, reinterpret_cast<const char*>(digest), kSha256Size);
    return 1;
  }
  char text[2 * kSha256Size];
  for (std::size_t i = 0; i < kSha256Size; ++i) write_hex(text + 2 * i, digest[i]);
  lua_pushlstring(L, text, sizeof text);
  return 1;
}

// crypto.sha256(data [, raw])
int sha256(lua_State* L) {
  const std::string_view data = check_text(L, 1);
  charge(L, data.size() / 16);
  unsigned char digest[kSha256Size];
  if (EVP_Digest(data.data(), data.size(), digest, nullptr, EVP_sha256(), nullptr) != 1)
    return return_error(L, "failed");
  return push_digest(L, digest, 2);
}

// crypto.hmac_sha256(key, data [, raw])
int hmac_sha256(lua_State* L) {
  const std::string_view key = check_text(L, 1), data = check_text(L, 2);
  charge(L, (key.size() + data.size()) / 16);
  luaL_argcheck(L, key.size() <= INT32_MAX, 1, "too long");
  unsigned char digest[kSha256Size];
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), bytes_of(data), data.size(), digest, nullptr) ==
      nullptr)
    return return_error(L, "failed");
  return push_digest(L, digest, 3);
}

// crypto.equal(a, b): for secrets
int equal(lua_State* L) {
  const std::string_view a = check_text(L, 1), b = check_text(L, 2);
  charge(L, a.size() / 64);
  lua_pushboolean(L, a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0);
  return 1;
}

// crypto.random(count): so many random bytes
int random_bytes(lua_State* L) {
  const lua_Integer count = luaL_checkinteger(L, 1);
  luaL_argcheck(L, count >= 1 && count <= kMaxRandom, 1, "1 to 1024");
  unsigned char bytes[kMaxRandom];
  if (RAND_bytes(bytes, static_cast<int>(count)) != 1) return return_error(L, "failed");
  lua_pushlstring(L, reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(count));
  return 1;
}

}  // namespace

void push_crypto_table(lua_State* L) {
  lua_newtable(L);
  set_function(L, "sha256", sha256);
  set_function(L, "hmac_sha256", hmac_sha256);
  set_function(L, "equal", equal);
  set_function(L, "random", random_bytes);
}

}  // namespace postern::lua

#include "key_table.h"

#include <doctest/doctest.h>

#include <string>

TEST_CASE("digests are what FIPS 180-4 says, again and again") {
  Sha256 sha;
  for (int i = 0; i < 3; ++i) {
    CHECK(sha.of("abc") == digest_from_hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
    CHECK(sha.of("") == digest_from_hex("E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855"));
  }
}

TEST_CASE("only 64 hexadecimal digits are a digest") {
  CHECK_FALSE(digest_from_hex("").has_value());
  CHECK_FALSE(digest_from_hex(std::string(63, 'a')).has_value());
  CHECK_FALSE(digest_from_hex(std::string(65, 'a')).has_value());
  CHECK_FALSE(digest_from_hex(std::string(63, 'a') + "g").has_value());
}

TEST_CASE("a key is found by all of its digest") {
  Sha256 sha;
  KeyTable keys;
  Digest abc = *sha.of("abc");
  CHECK(keys.add(abc, {"alice", "gold"}));
  CHECK_FALSE(keys.add(abc, {"bob", ""}));
  REQUIRE(keys.find(abc) != nullptr);
  CHECK(keys.find(abc)->id == "alice");
  for (std::size_t i = 0; i < abc.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      Digest near = abc;
      near[i] = static_cast<unsigned char>(near[i] ^ (1 << bit));
      CHECK(keys.find(near) == nullptr);
    }
  }
}

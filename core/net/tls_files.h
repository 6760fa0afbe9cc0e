// What stands in the files of TLS: certificates, keys, revocation lists, stapled responses. Internal to core/net.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "net/openssl.h"

namespace postern::net {

// A successful OCSP response, and when it counts. Seconds of Unix time.
struct OcspResponse {
  std::string der;
  std::int64_t from_s = 0;
  std::int64_t until_s = 0;  // for ever, when the responder names no time
};

// Errors name the file and the reason.
Result<std::vector<OwnedX509>> read_certificates(const std::string& path);  // at least one
Result<OwnedKey> read_key(const std::string& path);                         // never asks for a pass phrase
Result<std::vector<OwnedCrl>> read_crls(const std::string& path);
// An error, too, when it says nothing of `certificate`.
Result<OcspResponse> read_ocsp_response(const std::string& path, const X509* certificate);
Result<std::string> read_whole(const std::string& path);

// Why the key is nobody's secret ("others can read it"); empty: only its owner can.
std::string key_exposure(const std::string& path);

// Changes whenever the file is written or replaced.
struct FileStamp {
  std::uint64_t device = 0, inode = 0, size = 0;
  std::int64_t changed_ns = 0;
  int error = 0;
  static FileStamp of(const std::string& path) noexcept;
  bool operator==(const FileStamp&) const = default;
};

}  // namespace postern::net

#include "net/tls_files.h"

#include <fcntl.h>
#include <openssl/ocsp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <limits>
#include <utility>

namespace postern::net {
namespace {

constexpr std::size_t kMaxBytes = 64 * 1024 * 1024;  // revocation lists can be long

tl::unexpected<Error> refuse(const std::string& path, const std::string& reason) {
  return fail(Error::gateway(path + ": " + reason));
}

tl::unexpected<Error> cannot_read(const std::string& path, int error) {
  return fail(Error::gateway("cannot read " + path + ": " + std::strerror(error)));
}

class File {
 public:
  explicit File(const std::string& path) noexcept : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  int fd() const noexcept { return fd_; }

 private:
  int fd_;
};

OwnedBio memory(const std::string& text) {
  return OwnedBio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

bool ends_here() {
  bool end = ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE;
  if (end) ERR_clear_error();
  return end;
}

int no_pass_phrase(char*, int, int, void*) { return -1; }

}  // namespace

Result<std::string> read_whole(const std::string& path) {
  File file(path);
  struct stat state {};
  if (file.fd() < 0 || ::fstat(file.fd(), &state) != 0) return cannot_read(path, errno);
  if (!S_ISREG(state.st_mode)) return refuse(path, "is not a file");
  std::string text;
  char buffer[16 * 1024];
  for (;;) {
    ssize_t count = ::read(file.fd(), buffer, sizeof buffer);
    if (count < 0) return cannot_read(path, errno);
    if (count == 0) return text;
    text.append(buffer, static_cast<std::size_t>(count));
    if (text.size() > kMaxBytes) return refuse(path, "is larger than 64 MiB");
  }
}

Result<std::vector<OwnedX509>> read_certificates(const std::string& path) {
  auto text = read_whole(path);
  if (!text) return fail(text.error());
  ERR_clear_error();
  OwnedBio bio = memory(*text);
  std::vector<OwnedX509> all;
  while (X509* one = PEM_read_bio_X509_AUX(bio.get(), nullptr, no_pass_phrase, nullptr)) all.emplace_back(one);
  if (!ends_here()) return refuse(path, "holds a broken certificate: " + openssl_reason());
  if (all.empty()) return refuse(path, "holds no certificate in PEM (-----BEGIN CERTIFICATE-----)");
  return all;
}

Result<OwnedKey> read_key(const std::string& path) {
  auto text = read_whole(path);
  if (!text) return fail(text.error());
  ERR_clear_error();
  OwnedBio bio = memory(*text);
  OwnedKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_pass_phrase, nullptr));
  bool encrypted = text->find("ENCRYPTED") != std::string::npos;
  OPENSSL_cleanse(text->data(), text->size());
  if (key != nullptr) return key;
  if (encrypted) return refuse(path, "the key is encrypted; write it without a pass phrase");
  if (ends_here()) return refuse(path, "holds no private key in PEM");
  return refuse(path, "holds no private key that can be used: " + openssl_reason());
}

Result<std::vector<OwnedCrl>> read_crls(const std::string& path) {
  auto text = read_whole(path);
  if (!text) return fail(text.error());
  ERR_clear_error();
  OwnedBio bio = memory(*text);
  std::vector<OwnedCrl> all;
  while (X509_CRL* one = PEM_read_bio_X509_CRL(bio.get(), nullptr, no_pass_phrase, nullptr)) all.emplace_back(one);
  if (!ends_here()) return refuse(path, "holds a broken revocation list: " + openssl_reason());
  if (all.empty()) return refuse(path, "holds no revocation list in PEM (-----BEGIN X509 CRL-----)");
  return all;
}

namespace {

// What the response says of the certificate with this number; null: nothing.
OCSP_SINGLERESP* about(OCSP_BASICRESP* response, const ASN1_INTEGER* serial) {
  for (int i = 0; i < OCSP_resp_count(response); ++i) {
    OCSP_SINGLERESP* one = OCSP_resp_get0(response, i);
    ASN1_INTEGER* number = nullptr;
    auto* id = const_cast<OCSP_CERTID*>(OCSP_SINGLERESP_get0_id(one));
    OCSP_id_get0_info(nullptr, nullptr, nullptr, &number, id);
    if (number != nullptr && ASN1_INTEGER_cmp(number, serial) == 0) return one;
  }
  return nullptr;
}

std::int64_t unix_time_of(const ASN1_GENERALIZEDTIME* time, std::int64_t otherwise) {
  tm parts{};
  return time != nullptr && ASN1_TIME_to_tm(time, &parts) == 1 ? ::timegm(&parts) : otherwise;
}

}  // namespace

Result<OcspResponse> read_ocsp_response(const std::string& path, const X509* certificate) {
  auto der = read_whole(path);
  if (!der) return fail(der.error());
  ERR_clear_error();
  const auto* at = reinterpret_cast<const unsigned char*>(der->data());
  Owned<OCSP_RESPONSE, OCSP_RESPONSE_free> response(d2i_OCSP_RESPONSE(nullptr, &at, static_cast<long>(der->size())));
  if (response == nullptr) return refuse(path, "holds no OCSP response in DER: " + openssl_reason());
  int status = OCSP_response_status(response.get());
  if (status != OCSP_RESPONSE_STATUS_SUCCESSFUL)
    return refuse(path, std::string("the OCSP response says \"") + OCSP_response_status_str(status) + "\"");
  Owned<OCSP_BASICRESP, OCSP_BASICRESP_free> basic(OCSP_response_get1_basic(response.get()));
  if (basic == nullptr) return refuse(path, "holds an OCSP response of an unknown kind");
  OCSP_SINGLERESP* one = about(basic.get(), X509_get0_serialNumber(certificate));
  if (one == nullptr) return refuse(path, "the OCSP response says nothing of the certificate");
  ASN1_GENERALIZEDTIME *from = nullptr, *until = nullptr;
  OCSP_single_get0_status(one, nullptr, nullptr, &from, &until);
  constexpr auto kNever = std::numeric_limits<std::int64_t>::max();
  return OcspResponse{std::move(*der), unix_time_of(from, kNever), unix_time_of(until, kNever)};
}

std::string key_exposure(const std::string& path) {
  struct stat state {};
  if (::stat(path.c_str(), &state) != 0) return {};
  if ((state.st_mode & S_IROTH) != 0) return "everybody can read it";
  if ((state.st_mode & S_IRGRP) != 0) return "its group can read it";
  return {};
}

FileStamp FileStamp::of(const std::string& path) noexcept {
  struct stat state {};
  FileStamp stamp;
  if (::stat(path.c_str(), &state) != 0) {
    stamp.error = errno;
    return stamp;
  }
  stamp.device = state.st_dev;
  stamp.inode = state.st_ino;
  stamp.size = static_cast<std::uint64_t>(state.st_size);
  stamp.changed_ns = static_cast<std::int64_t>(state.st_mtim.tv_sec) * 1'000'000'000 + state.st_mtim.tv_nsec;
  return stamp;
}

}  // namespace postern::net

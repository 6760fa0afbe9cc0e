#include "net/tls_session.h"

#include <postern/text/ascii.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "net/tls_peer.h"

namespace postern::net {

// OpenSSL's view of the socket.
struct SessionBio {
  static TlsSession& of(BIO* bio) { return *static_cast<TlsSession*>(BIO_get_data(bio)); }

  static int read(BIO* bio, char* to, int size) {
    BIO_clear_retry_flags(bio);
    std::string_view& input = of(bio).input_;
    if (input.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    std::size_t count = std::min(input.size(), static_cast<std::size_t>(std::max(size, 0)));
    std::memcpy(to, input.data(), count);
    input.remove_prefix(count);
    return static_cast<int>(count);
  }
  static int write(BIO* bio, const char* from, int size) {
    BIO_clear_retry_flags(bio);
    if (size > 0) of(bio).send({from, static_cast<std::size_t>(size)});
    return size;
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* method() {
    static const Owned<BIO_METHOD, BIO_meth_free> made = [] {
      Owned<BIO_METHOD, BIO_meth_free> m(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream"));
      BIO_meth_set_read(m.get(), read);
      BIO_meth_set_write(m.get(), write);
      BIO_meth_set_ctrl(m.get(), control);
      return m;
    }();
    return made.get();
  }
};

void TlsSessionSlot::keep(OwnedSession session, SSL_CTX* context) noexcept {
  session_ = std::move(session);
  if (context == context_.get()) return;
  SSL_CTX_up_ref(context);
  context_.reset(context);
}

TlsSession::TlsSession(Loop& loop, SSL* ssl, Stream& sealed, std::shared_ptr<TlsSessionSlot> slot)
    : loop_(loop), out_(sealed), slot_(std::move(slot)), ssl_(ssl) {
  BIO* bio = BIO_new(SessionBio::method());
  BIO_set_data(bio, this);
  BIO_set_init(bio, 1);
  SSL_set_bio(ssl, bio, bio);
  SSL_set_app_data(ssl, reinterpret_cast<char*>(this));
  if (SSL_is_server(ssl) != 0) SSL_set_info_callback(ssl, on_info);
}

// A session that ends without close_notify would count as bad, and those who resumed it could not any more.
TlsSession::~TlsSession() { SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN); }

// OpenSSL refuses a renegotiation with a warning and goes on. A peer that asks for one again and again without reading the answers would fill memory.
void TlsSession::on_info(const SSL* ssl, int where, int value) {
  if (where == SSL_CB_WRITE_ALERT && (value & 0xff) == SSL_AD_NO_RENEGOTIATION)
    reinterpret_cast<TlsSession*>(SSL_get_app_data(ssl))->renegotiates_ = true;
}

int TlsSession::keep_session(SSL* ssl, SSL_SESSION* session) {
  auto* self = reinterpret_cast<TlsSession*>(SSL_get_app_data(ssl));
  if (self == nullptr || self->slot_ == nullptr) return 0;
  self->slot_->keep(OwnedSession(session), SSL_get_SSL_CTX(ssl));
  return 1;  // the reference is ours
}

// ---- Sealed bytes ------------------------------------------------------------------------------------------------------

// Records are gathered until the call into OpenSSL ends: a large body would cost a system call for each 16 KiB otherwise.
void TlsSession::send(std::string_view sealed) {
  auto space = loop_.sealed_buffer();
  if (sealed_ + sealed.size() > space.size()) deliver();
  if (sealed.size() > space.size()) return out_.append(sealed);
  std::memcpy(space.data() + sealed_, sealed.data(), sealed.size());
  sealed_ += sealed.size();
}

void TlsSession::deliver() {
  if (sealed_ == 0) return;
  out_.append({loop_.sealed_buffer().data(), std::exchange(sealed_, 0)});
}

// ---- Calls into OpenSSL ------------------------------------------------------------------------------------------------

TlsSession::Step TlsSession::handshake() {
  ERR_clear_error();
  return outcome(SSL_do_handshake(ssl_.get()));
}

TlsSession::Step TlsSession::read(std::span<char> to, std::size_t& size) {
  ERR_clear_error();
  size = 0;
  Step step = outcome(SSL_read_ex(ssl_.get(), to.data(), to.size(), &size));
  return renegotiates_ ? failed("asked for a renegotiation, which is refused") : step;
}

bool TlsSession::write(std::string_view plain) {
  ERR_clear_error();
  std::size_t written = 0;
  return outcome(SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written)) == Step::done;
}

void TlsSession::say_end() {
  ERR_clear_error();
  SSL_shutdown(ssl_.get());
  deliver();
}

TlsSession::Step TlsSession::outcome(int result) {
  deliver();
  if (result == 1) return Step::done;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return Step::wants_more;
    case SSL_ERROR_ZERO_RETURN:
      return Step::ended;
    default:
      reason_code_ = ERR_GET_REASON(ERR_peek_last_error());
      return failed(openssl_reason());
  }
}

TlsSession::Step TlsSession::failed(std::string why) {
  why_ = std::move(why);
  return Step::failed;
}

// ---- What was agreed on ------------------------------------------------------------------------------------------------

namespace {

// What a client asks for is any bytes; what is shown and compared is a host name.
std::string host_name(const char* name) {
  std::string host;
  for (; name != nullptr && *name != '\0'; ++name) {
    const char c = to_lower(*name);
    bool good = is_lower(c) || is_digit(c) || c == '-' || c == '.' || c == '_';
    if (!good) return {};
    host += c;
  }
  return host;
}

}  // namespace

TlsInfo TlsSession::info() const {
  TlsInfo info;
  info.version = SSL_get_version(ssl_.get());
  info.cipher = SSL_get_cipher_name(ssl_.get());
  const unsigned char* alpn = nullptr;
  unsigned int alpn_size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &alpn, &alpn_size);
  if (alpn_size > 0) info.alpn.assign(reinterpret_cast<const char*>(alpn), alpn_size);
  info.server_name = host_name(SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name));
  info.resumed = SSL_session_reused(ssl_.get()) == 1;
  if (X509* certificate = SSL_get0_peer_certificate(ssl_.get()); certificate != nullptr) {
    auto peer = std::make_unique<TlsPeer>(describe(certificate));
    bool asked = SSL_get_verify_mode(ssl_.get()) != SSL_VERIFY_NONE;
    peer->verified = asked && verify_result() == X509_V_OK;
    info.peer = std::move(peer);
  }
  return info;
}

}  // namespace postern::net

// A connected stream on its way to become an encrypted one.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <tl/expected.hpp>

#include "net/loop.h"
#include "net/stream.h"
#include "net/tls_context.h"
#include "net/tls_info.h"

namespace postern::net {

class TlsSessionSlot;

struct TlsFailure {
  enum class Reason : std::uint8_t {
    closed,       // the peer went away
    plain_http,   // it speaks HTTP without TLS
    version,      // no version of TLS in common
    parameters,   // no cipher, group or protocol (ALPN) in common
    certificate,  // the peer's was missing or is not good
    refused,      // the peer sent an alert: our certificate, mostly
    protocol      // anything else that is not TLS as it should be
  };
  static constexpr std::size_t kReasons = 7;
  Reason reason = Reason::protocol;
  std::string text;                // "self-signed certificate", "wrong version number"
  std::unique_ptr<Stream> stream;  // what is left of the connection; what OpenSSL had to say is on its way
};
std::string_view name_of(TlsFailure::Reason reason) noexcept;

class TlsHandshake {
 public:
  // The stream that comes out has its tls() and no owner.
  using Outcome = tl::expected<std::unique_ptr<Stream>, TlsFailure>;
  // Called later, exactly once unless the handshake is destroyed first; may destroy it.
  using Done = std::function<void(Outcome)>;

  // We are the server. How long it may take is the caller's to limit.
  static std::unique_ptr<TlsHandshake> accept(Loop& loop, std::unique_ptr<Stream> stream,
                                              std::shared_ptr<const TlsServerContext> context, Done done);
  // We are the client. `host` is what the certificate must be for, unless the context knows better: a name, or an address.
  // `slot` keeps the session for the next handshake.
  static std::unique_ptr<TlsHandshake> connect(Loop& loop, std::unique_ptr<Stream> stream,
                                               std::shared_ptr<const TlsClientContext> context, const std::string& host,
                                               std::shared_ptr<TlsSessionSlot> slot, Done done);
  static std::shared_ptr<TlsSessionSlot> new_slot();
  virtual ~TlsHandshake() = default;  // closes the connection
};

}  // namespace postern::net

#include "exchange/tls_values.h"

namespace postern::proxy {
namespace {

postern_str view_of(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

void fill_tls_info(const net::TlsInfo* info, postern_connection_info& out) {
  if (info == nullptr) return;
  out.tls = 1;
  out.server_name_view = view_of(info->server_name);
  out.alpn_view = view_of(info->alpn);
  out.tls_version_view = view_of(info->version);
  out.tls_cipher_view = view_of(info->cipher);
  out.tls_resumed = info->resumed ? 1 : 0;
  if (info->peer == nullptr) return;
  const net::TlsPeer& peer = *info->peer;
  out.client_verified = peer.verified ? 1 : 0;
  out.client_subject_view = view_of(peer.subject);
  out.client_issuer_view = view_of(peer.issuer);
  out.client_names_view = view_of(peer.names);
  out.client_fingerprint_view = view_of(peer.fingerprint);
  out.client_serial_view = view_of(peer.serial);
  out.client_not_before_view = view_of(peer.not_before);
  out.client_not_after_view = view_of(peer.not_after);
  out.client_certificate_view = view_of(peer.pem);
}

}  // namespace postern::proxy

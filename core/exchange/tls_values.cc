#include "exchange/tls_values.h"

namespace postern::proxy {
namespace {

Value text_or_unset(std::string_view text) { return text.empty() ? Value{} : Value::of(text); }

postern_str view_of(std::string_view text) { return {text.data(), text.size()}; }

Value peer_value(Builtin name, const net::TlsPeer& peer) {
  switch (name) {
    case Builtin::client_cert_subject:
      return text_or_unset(peer.subject);
    case Builtin::client_cert_issuer:
      return text_or_unset(peer.issuer);
    case Builtin::client_cert_san:
      return text_or_unset(peer.names);
    case Builtin::client_cert_fingerprint:
      return text_or_unset(peer.fingerprint);
    case Builtin::client_cert_serial:
      return text_or_unset(peer.serial);
    case Builtin::client_cert_not_before:
      return text_or_unset(peer.not_before);
    case Builtin::client_cert_not_after:
      return text_or_unset(peer.not_after);
    case Builtin::client_cert_verified:
      return Value::of(peer.verified);
    default:
      return {};
  }
}

}  // namespace

Value tls_value(Builtin name, const net::TlsInfo* info) {
  if (info == nullptr) return {};
  switch (name) {
    case Builtin::tls_version:
      return Value::of(info->version);
    case Builtin::tls_cipher:
      return Value::of(info->cipher);
    case Builtin::tls_sni:
      return text_or_unset(info->server_name);
    case Builtin::tls_alpn:
      return text_or_unset(info->alpn);
    case Builtin::tls_resumed:
      return Value::of(info->resumed);
    default:
      return info->peer != nullptr ? peer_value(name, *info->peer) : Value{};
  }
}

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
}

}  // namespace postern::proxy

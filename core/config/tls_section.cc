// What listeners and upstreams say of TLS. Whether the files can be used is for core/net to say, which loads them.
#include <filesystem>

#include "config/names.h"
#include "config/report.h"
#include "config/sections.h"

namespace postern::config {
namespace {

constexpr Milliseconds kMinute = 60'000, kHalfDay = 12 * 3'600'000;
constexpr std::size_t kMaxCertificates = 1'000;
constexpr std::int64_t kDeepest = 16;

const std::vector<std::string> kVersions = {"1.2", "1.3"};                 // in the order of TlsVersion
const std::vector<std::string> kModes = {"none", "optional", "required"};  // in the order of ClientAuth::Mode

// Relative to the file that says so.
void read_path(Fields& fields, std::string_view key, std::string& to) {
  auto value = fields.find(key);
  if (!value || !value->read(to)) return;
  const Position& at = value->position();
  if (at.file != nullptr) to = (std::filesystem::path(*at.file).parent_path() / to).string();
}

void read_version(Fields& fields, TlsVersion& to) {
  std::size_t index = 0;
  if (auto value = fields.find("min_version"); value && value->read_choice(index, kVersions))
    to = static_cast<TlsVersion>(index);
}

void require_file(const Cursor& map, const std::string& path, std::string_view key) {
  if (path.empty()) map.problem("\"" + std::string(key) + "\" is missing");
}

void read_certificates(const Cursor& list, std::vector<Certificate>& certificates) {
  if (!list.is_list()) return;
  if (list.node().items.empty() || list.node().items.size() > kMaxCertificates)
    list.problem("expected 1 to 1000 certificates, found " + std::to_string(list.node().items.size()));
  for (const Cursor& item : list.items()) {
    Certificate& certificate = certificates.emplace_back();
    certificate.position = item.position();
    Fields fields(item);
    read_path(fields, "cert", certificate.cert);
    read_path(fields, "key", certificate.key);
    read_path(fields, "ocsp", certificate.ocsp);
    fields.finish();
    if (item.node().kind != Node::Kind::map) continue;
    require_file(item, certificate.cert, "cert");
    require_file(item, certificate.key, "key");
  }
}

void read_client_auth(const Cursor& map, ClientAuth& auth) {
  auth.position = map.position();
  Fields fields(map);
  std::size_t mode = 0;
  if (auto value = fields.require("mode"); value && value->read_choice(mode, kModes))
    auth.mode = static_cast<ClientAuth::Mode>(mode);
  read_path(fields, "ca", auth.ca);
  read_path(fields, "crl", auth.crl);
  fields.read_integer("depth", auth.depth, 0, kDeepest);
  fields.finish();
  if (auth.mode != ClientAuth::Mode::none) require_file(map, auth.ca, "ca");
}

}  // namespace

void read_listener_tls(const Cursor& section, std::optional<ListenerTls>& tls) {
  ListenerTls& to = tls.emplace();
  to.position = section.position();
  Fields fields(section);
  if (auto list = fields.require("certificates")) read_certificates(*list, to.certificates);
  if (auto auth = fields.find("client_auth")) read_client_auth(*auth, to.client_auth);
  read_version(fields, to.min_version);
  fields.read_bool("session_tickets", to.session_tickets);
  fields.read_duration("session_lifetime", to.session_lifetime, kMinute, kHalfDay);
  fields.finish();
}

void read_upstream_tls(const Cursor& section, std::optional<UpstreamTls>& tls) {
  const Node& node = section.node();
  if (node.kind == Node::Kind::boolean) {
    if (node.boolean) tls.emplace().position = section.position();
    return;
  }
  UpstreamTls& to = tls.emplace();
  to.position = section.position();
  Fields fields(section);
  fields.read_bool("verify", to.verify);
  read_path(fields, "ca", to.ca);
  fields.read("server_name", to.server_name);
  read_path(fields, "cert", to.cert);
  read_path(fields, "key", to.key);
  read_version(fields, to.min_version);
  fields.finish();
  if (to.cert.empty() != to.key.empty()) section.problem("\"cert\" and \"key\" go together");
}

}  // namespace postern::config

#include "config.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::int64_t kMaxMemory = 16;  // bytes for each that a message may have

// Beside the file that names it: "FILE:line:column".
std::filesystem::path beside(std::string_view position, std::string_view file) {
  for (int i = 0; i < 2; ++i) position = position.substr(0, std::min(position.rfind(':'), position.size()));
  return std::filesystem::path(position).parent_path() / file;
}

std::optional<std::string> read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  return file.good() || file.eof() ? std::optional(std::move(bytes)) : std::nullopt;
}

Options read_options(postern::Node config) {
  auto print = config["print"];
  Options options;
  options.always_print_primitive_fields = print["always_print_primitive_fields"].boolean();
  options.preserve_proto_field_names = print["preserve_proto_field_names"].boolean();
  options.always_print_enums_as_ints = print["always_print_enums_as_ints"].boolean();
  options.message_memory = kMaxMemory * config["response_limit"].integer();
  return options;
}

}  // namespace

Settings read_settings(postern::Setup& setup, postern::Node config) {
  Settings settings;
  settings.refuses_unmatched = config["unmatched"].string() == "refuse";
  settings.request_limit = static_cast<std::uint64_t>(config["request_limit"].integer());
  settings.response_limit = static_cast<std::uint64_t>(config["response_limit"].integer());
  std::vector<std::string> services;
  for (auto service : config["services"]) services.emplace_back(service.string());
  auto file = config["descriptors"];
  auto path = beside(file.position(), file.string());
  auto bytes = read_file(path);
  if (!bytes) {
    setup.error(file, "cannot read " + path.string());
    return settings;
  }
  std::vector<std::string> problems;
  settings.transcoder = Transcoder::make(*bytes, services, read_options(config), problems);
  for (const auto& problem : problems) setup.error(file, path.string() + ": " + problem);
  return settings;
}

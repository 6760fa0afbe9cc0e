#include "file.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace postern::lua {
namespace {

namespace fs = std::filesystem;

bool is_inside(const fs::path& folder, const fs::path& file) {
  const fs::path relative = file.lexically_relative(folder);
  return !relative.empty() && *relative.begin() != "..";
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
  std::error_code failure;
  if (!fs::is_regular_file(path, failure)) return tl::unexpected<std::string>("no such file");
  if (fs::file_size(path, failure) > kMaxScriptSize) return tl::unexpected<std::string>("larger than 1 MiB");
  std::ifstream file(path, std::ios::binary);
  if (!file) return tl::unexpected(std::string("cannot be read: ") + std::strerror(errno));
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Result<std::string> read_inside(const std::string& folder, const std::string& relative) {
  std::error_code failure;
  const fs::path base = fs::canonical(folder, failure);
  if (failure) return tl::unexpected("the script's folder: " + failure.message());
  const fs::path file = fs::canonical(base / relative, failure);
  if (failure) return tl::unexpected("no file " + relative + " in the script's folder");
  if (!is_inside(base, file)) return tl::unexpected(relative + " leads out of the script's folder");
  return read_file(file.string());
}

}  // namespace postern::lua

#include "plugin/registry.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <postern/text/ascii.h>

#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "config/report.h"
#include "plugin/fence.h"

namespace postern::plugin {
namespace {

namespace fs = std::filesystem;

Error refusal(std::string text) { return {ErrorCode::internal_error, Origin::plugin, std::move(text)}; }

bool is_file(const fs::path& path) {
  std::error_code ignored;  // whatever keeps it from being looked at also keeps it from being loaded
  return fs::is_regular_file(path, ignored);
}

bool well_formed(std::string_view name) {
  return !name.empty() && name.size() < sizeof(postern_note::name) &&
         std::all_of(name.begin(), name.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '-'; });
}

std::vector<fs::path> entries(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    out.push_back(at->path());
  std::sort(out.begin(), out.end());
  return out;
}

// Files NAME/NAME.EXT for any EXT: what may be scripts.
std::vector<fs::path> candidates(const fs::path& folder, const std::string& name) {
  std::vector<fs::path> out;
  for (const auto& path : entries(folder / name))
    if (path.stem() == name && path.has_extension() && is_file(path)) out.push_back(path);
  return out;
}

std::string extension(const fs::path& path) { return path.extension().string().substr(1); }

}  // namespace

Plugin::Plugin(std::shared_ptr<Library> library, std::string file)
    : library_(std::move(library)), file_(std::move(file)), name_(library_->note().name), table_(library_->table()) {
  version_ = view(table_.plugin_version);
}

Plugin::Plugin(std::shared_ptr<Library> host, std::string file, std::string name, const postern_plugin* script)
    : library_(std::move(host)), file_(std::move(file)), name_(std::move(name)), script_(script) {
  if (normalise(*script, table_)) version_ = view(table_.plugin_version);
}

Plugin::~Plugin() {
  if (script_ == nullptr) return;
  const auto& host = library_->table();
  if (host.script_close == nullptr) return;
  if (auto thrown = fence(library_->code_of("script_close"), [&] { host.script_close(host.context, script_); }))
    logger("plugin." + library_->note().name).write(LogLevel::error, file_ + ": " + *thrown);
}

Registry::Registry(std::vector<std::string> plugin_path, const std::string& config_folder) {
  for (auto& entry : plugin_path) {
    std::error_code ignored;
    fs::path beside = fs::path(config_folder) / entry;
    bool here = fs::path(entry).is_absolute() || fs::is_directory(entry, ignored) || !fs::is_directory(beside, ignored);
    auto folder = here ? std::move(entry) : beside.lexically_normal().string();
    bool repeated = std::any_of(folders_.begin(), folders_.end(),
                                [&](const auto& known) { return fs::equivalent(known, folder, ignored); });
    if (!repeated) folders_.push_back(std::move(folder));
  }
}

bool Registry::has_library(const std::string& name) const {
  return std::any_of(folders_.begin(), folders_.end(),
                     [&](const auto& folder) { return is_file(fs::path(folder) / (name + ".so")); });
}

std::vector<Registry::Found> Registry::matches(const std::string& name, std::vector<std::string>& hostless) const {
  std::vector<Found> out;
  for (const auto& folder : folders_) {
    if (auto library = fs::path(folder) / (name + ".so"); is_file(library)) out.push_back({library.string(), {}});
    for (const auto& script : candidates(folder, name)) {
      auto host = extension(script);
      if (well_formed(host) && host != "so" && has_library(host))
        out.push_back({script.string(), host});
      else
        hostless.push_back(script.string());
    }
  }
  return out;
}

Result<Registry::Found> Registry::find(const std::string& name) const {
  if (!well_formed(name))
    return fail(refusal(fmt::format("\"{}\" is no plugin's name: lower-case letters, digits and '-', up to 63", name)));
  std::vector<std::string> hostless;
  auto found = matches(name, hostless);
  if (found.empty()) return fail(absent(name, hostless));
  if (found.size() == 1) return found.front();
  return fail(refusal(fmt::format("\"{}\" is there twice: {} and {}; remove one, or take its folder off plugin_path",
                                  name, found[0].file, found[1].file)));
}

Error Registry::absent(const std::string& name, const std::vector<std::string>& hostless) const {
  std::vector<std::string> places;
  for (const auto& folder : folders_) {
    std::error_code ignored;
    places.push_back(folder + (fs::is_directory(folder, ignored) ? "" : " (no such folder)"));
  }
  auto text = fmt::format(
      "there is no plugin \"{}\"{}: no {}.so and no script {}/{}.* in {}", name, config::suggestion(name, names()),
      name, name, name, folders_.empty() ? "plugin_path, which is empty" : fmt::format("{}", fmt::join(places, ", ")));
  for (const auto& file : hostless)
    text += fmt::format("; {} is no script, because there is no plugin \"{}\" to host it", file, extension(file));
  return refusal(std::move(text));
}

std::vector<std::string> Registry::names() const {
  std::vector<std::string> out;
  for (const auto& folder : folders_) {
    for (const auto& path : entries(folder)) {
      auto stem = path.stem().string();
      std::vector<std::string> ignored;
      bool library = path.extension() == ".so" && is_file(path);
      if (well_formed(stem) && (library || !matches(path.filename().string(), ignored).empty())) out.push_back(stem);
    }
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

Result<std::shared_ptr<Plugin>> Registry::get(const std::string& name) {
  auto known = known_.find(name);
  if (known == known_.end()) known = known_.emplace(name, load(name)).first;
  return known->second;
}

Result<std::shared_ptr<Plugin>> Registry::load(const std::string& name) {
  auto found = find(name);
  if (!found) return fail(found.error());
  std::shared_ptr<Plugin> plugin;
  if (found->script_host.empty()) {
    auto library = Library::load(found->file, name);
    if (!library) return fail(library.error());
    plugin = std::make_shared<Plugin>(*library, found->file);
  } else {
    auto script = load_script(name, *found);
    if (!script) return script;
    plugin = *script;
  }
  auto schema = Schema::parse(view(plugin->table().schema));
  if (!schema) return fail(refusal(fmt::format("{}: {}", plugin->file(), schema.error().text)));
  plugin->set_schema(std::move(*schema));
  return plugin;
}

Result<std::shared_ptr<Plugin>> Registry::load_script(const std::string& name, const Found& found) {
  auto refuse = [&](std::string_view why) { return fail(refusal(fmt::format("{}: {}", found.file, why))); };
  auto host = get(found.script_host);
  if (!host) return refuse(host.error().text);
  const auto& library = (*host)->library();
  if (!library->hosts_scripts()) return refuse(fmt::format("{} hosts no scripts", library->file()));

  const auto& table = library->table();
  postern_str error{};
  const postern_plugin* script = nullptr;
  if (auto thrown = fence(library->code_of("script_open"),
                          [&] { script = table.script_open(table.context, str(found.file), &error); }))
    return refuse(library->file() + ": " + *thrown);
  if (script == nullptr) return refuse(error.len != 0 ? view(error) : "the script cannot be read");
  auto plugin = std::make_shared<Plugin>(library, found.file, name, script);
  if (plugin->table().struct_size == 0) return refuse("the script's host gave a table that is too short");
  if (view(plugin->table().name) != name)
    return refuse(
        fmt::format("says that its name is \"{}\", but its file is named \"{}\"", view(plugin->table().name), name));
  return plugin;
}

}  // namespace postern::plugin

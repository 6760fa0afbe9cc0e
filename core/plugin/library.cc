#include "plugin/library.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <system_error>
#include <utility>

#include "base/log.h"
#include "plan/chain.h"
#include "plugin/fence.h"

namespace postern::plugin {
namespace {

constexpr std::uint64_t kMaxFile = 512ull * 1024 * 1024;
constexpr std::uint64_t kMaxSlot = 64 * 1024;

std::string system_reason(int error) { return std::generic_category().message(error); }

class File {
 public:
  explicit File(int fd) noexcept : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const noexcept { return fd_; }
  int release() noexcept { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

Result<std::string> read_file(const std::string& path) {
  auto refuse = [&](const std::string& why) {
    return fail(Error{ErrorCode::internal_error, Origin::plugin, path + " cannot be read: " + why});
  };
  File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat info {};
  if (file.get() < 0 || ::fstat(file.get(), &info) != 0) return refuse(system_reason(errno));
  if (!S_ISREG(info.st_mode)) return refuse("it is not a regular file");
  if (static_cast<std::uint64_t>(info.st_size) > kMaxFile) return refuse("it is larger than 512 MiB");
  std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
  for (std::size_t done = 0; done < bytes.size();) {
    ssize_t n = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return refuse(system_reason(errno));
    if (n == 0) return refuse("it became shorter while it was read");
    done += static_cast<std::size_t>(n);
  }
  return bytes;
}

bool write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

// Tells builds apart; nobody gains by a collision, since whoever writes the file writes the code.
std::string content_hash(std::string_view bytes) {
  std::uint64_t a = 0x9e3779b97f4a7c15ull ^ bytes.size();
  std::uint64_t b = 0xc2b2ae3d27d4eb4full;
  for (std::size_t i = 0; i < bytes.size(); i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + i, std::min(sizeof(word), bytes.size() - i));
    a = (a ^ word) * 0x100000001b3ull;
    a ^= a >> 29;
    b = ((b << 27) | (b >> 37)) + (word ^ (a * 0xff51afd7ed558ccdull));
  }
  return fmt::format("{:016x}{:016x}", a, b);
}

// The dynamic linker takes a path that it has seen for the library that it has, even when a number of /proc/PID/fd has come to
// mean another file (after a dlclose that could not unload). So each path is spelled differently: a counter's bits choose
// between "/" and "/./", which name the same place.
std::string unique_path(int fd) {
  static std::uint64_t counter = 0;
  std::string path = fmt::format("/proc/{}/fd", ::getpid());
  for (std::uint64_t bits = ++counter; bits > 1; bits >>= 1) path += (bits & 1) != 0 ? "/." : "/";
  return path + "/" + std::to_string(fd);
}

// Libraries in use, by name and content.
struct Loaded {
  std::mutex mutex;
  std::map<std::pair<std::string, std::string>, std::weak_ptr<Library>> by_content;
};
Loaded& loaded() {
  static auto* all = new Loaded;  // libraries may outlive static destruction
  return *all;
}

template <class F>
std::uint64_t bit(F* hook, std::uint64_t mask) {
  return hook != nullptr ? mask : 0;
}

std::string hook_names(std::uint64_t hooks) {
  std::string out;
  for (std::size_t i = 0; i < proxy::kHooks; ++i)
    if ((hooks & (1ull << i)) != 0)
      out.append(out.empty() ? "" : ", ").append(proxy::name_of(static_cast<proxy::Hook>(i)));
  return out;
}

}  // namespace

bool normalise(const postern_plugin& given, postern_plugin& out) noexcept {
  if (given.struct_size < offsetof(postern_plugin, on_load)) return false;
  out = {};
  std::memcpy(static_cast<void*>(&out), &given, std::min<std::size_t>(given.struct_size, sizeof(out)));
  out.struct_size = sizeof(out);
  return true;
}

std::uint64_t hooks_of(const postern_plugin& t) noexcept {
  return bit(t.on_connection, POSTERN_HOOK_CONNECTION) | bit(t.on_request_early, POSTERN_HOOK_REQUEST_EARLY) |
         bit(t.on_request, POSTERN_HOOK_REQUEST) | bit(t.on_request_body, POSTERN_HOOK_REQUEST_BODY) |
         bit(t.on_upstream_select, POSTERN_HOOK_UPSTREAM_SELECT) |
         bit(t.on_upstream_request, POSTERN_HOOK_UPSTREAM_REQUEST) |
         bit(t.on_upstream_result, POSTERN_HOOK_UPSTREAM_RESULT) | bit(t.on_response, POSTERN_HOOK_RESPONSE) |
         bit(t.on_response_body, POSTERN_HOOK_RESPONSE_BODY) | bit(t.on_complete, POSTERN_HOOK_COMPLETE);
}

Result<std::shared_ptr<Library>> Library::load(const std::string& file, const std::string& name) {
  auto bytes = read_file(file);
  if (!bytes) return fail(bytes.error());
  auto note = preflight(*bytes, file, name, Offer{.tables = host_tables()});
  if (!note) return fail(note.error());
  auto hash = content_hash(*bytes);

  std::lock_guard lock(loaded().mutex);
  std::erase_if(loaded().by_content, [](const auto& entry) { return entry.second.expired(); });
  auto& known = loaded().by_content[{name, hash}];
  if (auto library = known.lock()) return library;
  std::shared_ptr<Library> library(new Library(file, hash, std::move(*note)));
  if (auto opened = library->open(*bytes); !opened) return fail(opened.error());
  known = library;
  if (library->note_.ends_with_threads)
    logger("plugin." + name)
        .write(LogLevel::warn, file +
                                   " has thread_local variables with destructors, which may keep it in memory after it "
                                   "was replaced; keep such state in the instance, one for each worker");
  return library;
}

tl::unexpected<Error> Library::refuse(std::string_view what) const {
  return fail({ErrorCode::internal_error, Origin::plugin, fmt::format("{} {}", file_, what)});
}

Result<void> Library::open(std::string_view bytes) {
  File copy(::memfd_create(fmt::format("{}-{}", note_.name, hash_.substr(0, 8)).c_str(), MFD_CLOEXEC));
  if (copy.get() < 0 || !write_all(copy.get(), bytes))
    return refuse("cannot be copied to memory: " + system_reason(errno));
  copy_ = copy.release();
  path_ = unique_path(copy_);
  {
    proxy::PluginCode constructors = code_of("a static constructor");  // no fence: the dynamic linker bears no throw
    proxy::PluginFrame frame(constructors);
    code_ = ::dlopen(path_.c_str(), RTLD_NOW | RTLD_LOCAL);
  }
  if (code_ == nullptr) {
    const char* why = ::dlerror();
    return refuse(fmt::format("cannot be loaded: {}", why != nullptr ? why : "no reason given"));
  }
  const std::string build = note_.build_id.empty() ? hash_ : note_.build_id;
  module_ = std::make_unique<ModuleEntry>(code_, LoadedModule{0, 0, path_, note_.name, note_.version, build});
  return query();
}

Result<void> Library::query() {
  auto entry = reinterpret_cast<postern_query_fn>(::dlsym(code_, POSTERN_QUERY_SYMBOL));
  if (entry == nullptr) return refuse("does not export the function " POSTERN_QUERY_SYMBOL);
  const postern_plugin* given = nullptr;
  if (auto thrown = fence(code_of(POSTERN_QUERY_SYMBOL), [&] { given = entry(host()); }))
    return refuse("cannot be used: " + *thrown);
  if (auto good = check_table(given); !good) return good;
  if (table_.on_load != nullptr) {
    postern_status status = POSTERN_OK;
    if (auto thrown = fence(code_of("on_load"), [&] { status = table_.on_load(table_.context); }))
      return refuse("cannot be used: " + *thrown);
    if (status != POSTERN_OK)
      return refuse(fmt::format("failed in on_load (status {}); its own log lines say more", status));
  }
  loaded_ = true;
  return {};
}

Result<void> Library::check_table(const postern_plugin* given) {
  if (given == nullptr) return refuse("refused to work with this gateway: its entry function returned nothing");
  if (!normalise(*given, table_))
    return refuse(fmt::format("gives a table of {} bytes, too short to be a plugin's; rebuild it with the SDK",
                              given->struct_size));
  if (view(table_.name) != note_.name)
    return refuse(fmt::format("calls itself \"{}\" in its table but \"{}\" in its note; rebuild it with the SDK",
                              view(table_.name), note_.name));
  if (table_.slot_size > kMaxSlot)
    return refuse(fmt::format("wants {} bytes for each exchange; at most {} are given", table_.slot_size, kMaxSlot));
  // Hooks that came with a later minor version are not called by this gateway, whatever note and table say of them.
  constexpr std::uint64_t kKnown = (1ull << POSTERN_HOOK_COUNT) - 1;
  auto announced = note_.hooks & kKnown;
  auto hooks = hooks_of(table_);
  if (hooks == announced) return {};
  auto missing = announced & ~hooks;
  return refuse(fmt::format("has a table that disagrees with its note: {} {}; rebuild it with the SDK",
                            hook_names(missing != 0 ? missing : hooks & ~announced),
                            missing != 0 ? "is missing" : "is not announced"));
}

Library::~Library() {
  if (loaded_ && table_.on_unload != nullptr) {
    if (auto thrown = fence(code_of("on_unload"), [&] { table_.on_unload(table_.context); }))
      logger("plugin." + note_.name).write(LogLevel::error, *thrown);
  }
  if (code_ != nullptr) close();
  if (copy_ >= 0) ::close(copy_);
}

// Not everything that is closed goes: the C library keeps what threads will still call when they end, and what others link to.
void Library::close() noexcept {
  {
    proxy::PluginCode destructors = code_of("a static destructor");
    proxy::PluginFrame frame(destructors);
    ::dlclose(code_);
  }
  module_.reset();
  void* still = ::dlopen(path_.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  if (still == nullptr) return;
  ::dlclose(still);
  logger("plugin." + note_.name)
      .write(LogLevel::warn,
             file_ +
                 " could not be unloaded and stays in memory; the usual reason is a thread_local variable with a "
                 "destructor, or a library that it is linked to and that asks to stay",
             {{"version", note_.version}});
}

}  // namespace postern::plugin

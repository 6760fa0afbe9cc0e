#include "net/resolver.h"

#include <uv.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "net/socket_address.h"
#include "net/timer.h"
#include "net/uv_error.h"

namespace postern::net {
namespace {

class UvLookup final : public Lookup {
 public:
  UvLookup(Loop& loop, std::string name, std::uint16_t port, Done done)
      : loop_(loop), name_(std::move(name)), port_(port), done_(std::move(done)) {}

  // The request finds its way back through its data, which is null once the lookup is gone.
  ~UvLookup() override {
    if (request_ == nullptr) return;
    request_->data = nullptr;
    uv_cancel(reinterpret_cast<uv_req_t*>(request_));  // false while a pool thread is at it: it ends by itself
  }

  void start() {
    addrinfo hints{};
    hints.ai_family = AF_UNSPEC;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    auto request = std::make_unique<uv_getaddrinfo_t>();
    request->data = this;
    int status = uv_getaddrinfo(loop_.raw(), request.get(), on_found, name_.c_str(), nullptr, &hints);
    if (status != 0) {
      late_ = Timer::start(loop_, 0, 0, [this, status] { report(fail(error_of(status))); });
      return;
    }
    request_ = request.release();  // on_found's
  }

 private:
  static void on_found(uv_getaddrinfo_t* raw, int status, addrinfo* found) {
    std::unique_ptr<uv_getaddrinfo_t> request(raw);
    std::unique_ptr<addrinfo, decltype(&uv_freeaddrinfo)> list(found, uv_freeaddrinfo);
    auto* lookup = static_cast<UvLookup*>(raw->data);
    if (lookup == nullptr) return;
    EventScope event(lookup->loop_);
    lookup->finish(status, found);
  }

  void finish(int status, const addrinfo* found) {
    request_ = nullptr;
    if (status != 0) return report(fail(error_of(status)));
    report(addresses_in(found));
  }

  // `done` may destroy this.
  void report(Result<std::vector<Address>> result) {
    auto done = std::move(done_);
    done(std::move(result));
  }

  std::vector<Address> addresses_in(const addrinfo* found) const {
    std::vector<Address> all;
    for (; found != nullptr; found = found->ai_next) {
      if (found->ai_addr == nullptr || found->ai_addrlen > sizeof(sockaddr_storage)) continue;
      SocketAddress from;
      std::memcpy(&from.storage, found->ai_addr, found->ai_addrlen);
      Address address = address_of(from);
      address.port = port_;
      if (address.kind == Address::Kind::ip) all.push_back(std::move(address));
    }
    std::sort(all.begin(), all.end(), [](const Address& a, const Address& b) { return a.host < b.host; });
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
  }

  Error error_of(int status) const {
    return uv_error(status, "resolve " + name_, ErrorCode::proxy_error, Origin::upstream);
  }

  Loop& loop_;
  std::string name_;
  std::uint16_t port_;
  Done done_;
  uv_getaddrinfo_t* request_ = nullptr;  // while it is under way
  std::unique_ptr<Timer> late_;
};

}  // namespace

std::unique_ptr<Lookup> Lookup::start(Loop& loop, const std::string& name, std::uint16_t port, Done done) {
  auto lookup = std::make_unique<UvLookup>(loop, name, port, std::move(done));
  lookup->start();
  return lookup;
}

}  // namespace postern::net

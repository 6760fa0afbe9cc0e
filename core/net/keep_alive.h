// TCP keep-alive: a peer that is gone without a word, its machine or the way to it, is noticed after two minutes of silence.
// Without it a stream on which nobody speaks would stay for ever.
#pragma once

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace postern::net {

// False: errno says why. Sockets accepted from a listening one inherit it.
inline bool keep_alive(int fd) noexcept {
  auto set = [fd](int level, int option, int value) {
    return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
  };
  constexpr int kSilenceS = 60, kBetweenProbesS = 15, kProbes = 4;
  return set(SOL_SOCKET, SO_KEEPALIVE, 1) && set(IPPROTO_TCP, TCP_KEEPIDLE, kSilenceS) &&
         set(IPPROTO_TCP, TCP_KEEPINTVL, kBetweenProbesS) && set(IPPROTO_TCP, TCP_KEEPCNT, kProbes);
}

}  // namespace postern::net

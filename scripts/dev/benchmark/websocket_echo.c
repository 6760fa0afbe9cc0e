// A WebSocket server that sends back each message: the backend of the benchmark's WebSocket rows.
// Usage: websocket_echo PORT
#include <openssl/evp.h>

#include "websocket.h"

struct Peer {
  int fd;
  int open;     // the handshake is done
  size_t size;  // bytes kept: of a head or a frame that is not whole yet
  char bytes[2048];
};

static struct Peer* accept_one(int listener) {
  int fd = accept(listener, NULL, NULL);
  if (fd < 0) return NULL;
  no_delay(fd);
  struct Peer* peer = calloc(1, sizeof *peer);
  if (peer == NULL) die("calloc");
  peer->fd = fd;
  return peer;
}

static void drop(struct Peer* peer) {
  close(peer->fd);
  free(peer);
}

// RFC 6455 section 4.2.2: what the answer to a key is.
static void accept_of(const char* key, size_t size, char* out) {
  static const char kGuid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  char text[128];
  unsigned char hash[EVP_MAX_MD_SIZE];
  int length = snprintf(text, sizeof text, "%.*s%s", (int)size, key, kGuid);
  EVP_Digest(text, (size_t)length, hash, NULL, EVP_sha1(), NULL);
  EVP_EncodeBlock((unsigned char*)out, hash, 20);
}

// How many bytes the head took; 0: it is not whole yet, -1: it is none.
static ssize_t shake_hands(struct Peer* peer) {
  peer->bytes[peer->size] = 0;
  char* end = strstr(peer->bytes, "\r\n\r\n");
  if (end == NULL) return peer->size + 1 < sizeof peer->bytes ? 0 : -1;
  char* key = strcasestr(peer->bytes, "\r\nsec-websocket-key:");
  if (key == NULL) return -1;
  key += strlen("\r\nsec-websocket-key:");
  key += strspn(key, " ");
  char accepted[32], answer[256];
  accept_of(key, strcspn(key, " \r"), accepted);
  int size = snprintf(answer, sizeof answer,
                      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: %s\r\n\r\n",
                      accepted);
  send_all(peer->fd, answer, (size_t)size);
  peer->open = 1;
  return end + 4 - peer->bytes;
}

// As above, for one frame; -1 also for a Close, which is answered by the end of the connection.
static ssize_t echo(struct Peer* peer, size_t at) {
  unsigned char* frame = (unsigned char*)peer->bytes + at;
  size_t left = peer->size - at;
  if (left < 2) return 0;
  size_t payload = frame[1] & 0x7f;
  if (payload > kMaxPayload || (frame[1] & kMasked) == 0 || (frame[0] & 0x0f) == kClose) return -1;
  if (left < 6 + payload) return 0;
  unsigned char answer[2 + kMaxPayload] = {frame[0], (unsigned char)payload};
  for (size_t i = 0; i < payload; ++i) answer[2 + i] = frame[6 + i] ^ frame[2 + i % 4];
  send_all(peer->fd, answer, 2 + payload);
  return (ssize_t)(6 + payload);
}

static void on_readable(struct Peer* peer) {
  ssize_t got = recv(peer->fd, peer->bytes + peer->size, sizeof peer->bytes - 1 - peer->size, 0);
  if (got <= 0) return drop(peer);
  peer->size += (size_t)got;
  size_t at = 0;
  while (at < peer->size) {
    ssize_t taken = peer->open ? echo(peer, at) : shake_hands(peer);
    if (taken < 0) return drop(peer);
    if (taken == 0) break;
    at += (size_t)taken;
  }
  peer->size -= at;
  memmove(peer->bytes, peer->bytes + at, peer->size);
}

int main(int count, char** arguments) {
  if (count != 2) return 2;
  allow_many_files();
  struct sockaddr_in address = loopback(atoi(arguments[1]));
  int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0), events = epoll_create1(0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr*)&address, sizeof address) != 0 || listen(listener, 4096) != 0) die("listen");
  struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = NULL}, ready[kEvents];
  epoll_ctl(events, EPOLL_CTL_ADD, listener, &wanted);
  for (;;) {
    int many = epoll_wait(events, ready, kEvents, -1);
    for (int i = 0; i < many; ++i) {
      if (ready[i].data.ptr != NULL) {
        on_readable(ready[i].data.ptr);
      } else if ((wanted.data.ptr = accept_one(listener)) != NULL) {
        epoll_ctl(events, EPOLL_CTL_ADD, ((struct Peer*)wanted.data.ptr)->fd, &wanted);
      }
    }
  }
}

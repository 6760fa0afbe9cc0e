// Opens WebSockets that each send a message, wait for it to come back, and send the next. Prints how many came back.
// Usage: websocket_load PORT CONNECTIONS SECONDS PAYLOAD_BYTES
#include <time.h>

#include "websocket.h"

struct Socket {
  int fd;
  size_t missing;  // bytes of the echo
};

static unsigned char frame[6 + kMaxPayload];
static size_t frame_size, echo_size;

// The mask is not zero, so that whoever stands between cannot tell the payload without work.
static void make_frame(size_t payload) {
  static const unsigned char kMask[4] = {0x37, 0xfa, 0x21, 0x3d};
  frame[0] = 0x80 | kText;
  frame[1] = (unsigned char)(kMasked | payload);
  memcpy(frame + 2, kMask, sizeof kMask);
  for (size_t i = 0; i < payload; ++i) frame[6 + i] = (unsigned char)('a' + i % 26) ^ kMask[i % 4];
  frame_size = 6 + payload;
  echo_size = 2 + payload;
}

static void say(struct Socket* one) {
  send_all(one->fd, frame, frame_size);
  one->missing = echo_size;
}

static void open_one(struct Socket* one, int port) {
  static const char kRequest[] =
      "GET /ws HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
  struct sockaddr_in address = loopback(port);
  one->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(one->fd, (struct sockaddr*)&address, sizeof address) != 0) die("connect");
  no_delay(one->fd);
  send_all(one->fd, kRequest, sizeof kRequest - 1);
  char head[2048] = {0};
  for (size_t size = 0; strstr(head, "\r\n\r\n") == NULL;) {
    ssize_t got = recv(one->fd, head + size, sizeof head - 1 - size, 0);
    if (got <= 0) die("handshake");
    size += (size_t)got;
  }
  if (strncmp(head, "HTTP/1.1 101", 12) != 0) {
    fprintf(stderr, "the handshake was answered with %s\n", head);
    exit(1);
  }
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// How many messages this completed.
static long hear(struct Socket* one) {
  static char bytes[kBuffer];
  ssize_t got = recv(one->fd, bytes, sizeof bytes, 0);
  if (got <= 0) die("recv");
  if ((size_t)got > one->missing) {
    fprintf(stderr, "more came back than was sent\n");
    exit(1);
  }
  one->missing -= (size_t)got;
  if (one->missing > 0) return 0;
  say(one);
  return 1;
}

int main(int count, char** arguments) {
  if (count != 5) return 2;
  allow_many_files();
  int port = atoi(arguments[1]), many = atoi(arguments[2]), events = epoll_create1(0);
  make_frame((size_t)atoi(arguments[4]) % (kMaxPayload + 1));
  struct Socket* sockets = calloc((size_t)many, sizeof *sockets);
  if (sockets == NULL) die("calloc");
  for (int i = 0; i < many; ++i) {
    open_one(&sockets[i], port);
    struct epoll_event wanted = {.events = EPOLLIN, .data.ptr = &sockets[i]};
    epoll_ctl(events, EPOLL_CTL_ADD, sockets[i].fd, &wanted);
  }
  for (int i = 0; i < many; ++i) say(&sockets[i]);
  struct epoll_event ready[kEvents];
  long messages = 0;
  for (double end = now() + atof(arguments[3]); now() < end;) {
    int woken = epoll_wait(events, ready, kEvents, 100);
    for (int i = 0; i < woken; ++i) messages += hear(ready[i].data.ptr);
  }
  printf("%ld\n", messages);
  return 0;
}

/* Passing descriptors between the processes of a plan, and to sockets of others: unix(7). The loopback device: netdevice(7). */
#include <linux/errno.h>
#include "native.h"
#include "socket.h"
#include "system.h"

#define SIOCSIFFLAGS 0x8914
#define SIOCGIFINDEX 0x8933
#define IFF_UP 1
#define NLMSG_ERROR 2
#define MESSAGE_SIZE 512

struct control {
  u64 length;
  int level, type;
  int fd, padding;
};

/* All of the parts, which it changes; the descriptor comes with their first byte. */
long send_with_descriptor(int socket, int fd, struct part *parts, u32 count) {
  struct control control = {.length = 20, .level = SOL_SOCKET, .type = SCM_RIGHTS, .fd = fd};
  struct message message = {.parts = parts, .part_count = count, .control = &control, .control_length = sizeof control};
  while (message.part_count > 0) {
    long sent = SYS_3(__NR_sendmsg, socket, &message, MSG_NOSIGNAL);
    if (sent == -EINTR) continue;
    if (sent < 0) return sent;
    /* a stream takes what there is room for */
    message.control = 0;
    message.control_length = 0;
    struct part *part = message.parts;
    for (; message.part_count > 0 && (u64)sent >= part->length; part++, message.part_count--) sent -= (long)part->length;
    if (message.part_count > 0) {
      part->base = (u8 *)part->base + sent;
      part->length -= (u64)sent;
    }
    message.parts = part;
  }
  return 0;
}

long send_descriptor(int socket, int fd) {
  char byte = 'd';
  struct part part = {&byte, 1};
  return send_with_descriptor(socket, fd, &part, 1);
}

long receive_descriptor(int socket) {
  char byte;
  struct part part = {&byte, 1};
  struct control control = {0};
  struct message message = {.parts = &part, .part_count = 1, .control = &control, .control_length = sizeof control};
  long received;
  do received = SYS_3(__NR_recvmsg, socket, &message, MSG_CMSG_CLOEXEC);
  while (received == -EINTR);
  if (received < 0) return received;
  if (received == 0 || control.type != SCM_RIGHTS || control.length != 20) return -EPIPE;
  return control.fd;
}

/* An error, and no SIGPIPE, when the peer has gone. */
long send_byte(int socket, u8 byte) { return SYS_6(__NR_sendto, socket, &byte, 1, MSG_NOSIGNAL, 0, 0); }

/* Without waiting for a peer that does not read. */
long send_now(int socket, const void *data, u64 size) {
  return SYS_6(__NR_sendto, socket, data, size, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
}

/* Returns the address's length, which says where a path ends that fills it. */
long unix_address(struct unix_address *address, const char *path) {
  u64 length = length_of(path);
  if (length > sizeof address->path) return -ENAMETOOLONG;
  address->family = AF_UNIX;
  for (u64 i = 0; i < length; i++) address->path[i] = path[i];
  return (long)(sizeof address->family + length);
}

/* Returns the socket, or closes it. */
static long unless_failed(long fd, long result) {
  if (result >= 0) return fd;
  SYS_1(__NR_close, fd);
  return result;
}

long connect_unix(const char *path, int type) {
  struct unix_address address;
  long length = unix_address(&address, path);
  if (length < 0) return length;
  long fd = SYS_3(__NR_socket, AF_UNIX, type | SOCK_CLOEXEC, 0);
  return fd < 0 ? fd : unless_failed(fd, SYS_3(__NR_connect, fd, &address, length));
}

/* A socket for packets by a name in the file system that is not there yet. */
long listen_unix(const char *path) {
  struct unix_address address;
  long length = unix_address(&address, path);
  if (length < 0) return length;
  long fd = SYS_3(__NR_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fd;
  long result = SYS_3(__NR_bind, fd, &address, length);
  return unless_failed(fd, result < 0 ? result : SYS_2(__NR_listen, fd, 64));
}

long loopback_up(void) {
  struct {
    char name[16];
    u16 flags;
    char rest[22];
  } request = {.name = "lo", .flags = IFF_UP};
  long fd = SYS_3(__NR_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  long result = SYS_3(__NR_ioctl, fd, SIOCSIFFLAGS, &request);
  SYS_1(__NR_close, fd);
  return result;
}

/* Of the device by that name, in this network namespace: netdevice(7). */
long interface_number(const char *name) {
  struct {
    char name[16];
    int number;
    char rest[20];
  } request = {0};
  if (length_of(name) > 15) return -ENAMETOOLONG;
  for (u64 i = 0; name[i] != 0; i++) request.name[i] = name[i];
  long fd = SYS_3(__NR_socket, AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  long result = SYS_3(__NR_ioctl, fd, SIOCGIFINDEX, &request);
  SYS_1(__NR_close, fd);
  return result < 0 ? result : request.number;
}

/* A socket at an address and port of this network namespace; one for streams listens. */
long inet_socket(int type, u32 address, u16 port) {
  struct {
    u16 family, port;
    u32 address;
    u64 zero;
  } name = {.family = AF_INET, .port = __builtin_bswap16(port), .address = __builtin_bswap32(address)};
  long fd = SYS_3(__NR_socket, AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fd;
  long result = SYS_3(__NR_bind, fd, &name, sizeof name);
  if (result >= 0 && type == SOCK_STREAM) result = SYS_2(__NR_listen, fd, 16);
  return unless_failed(fd, result);
}

/* One request to NETLINK_ROUTE that wants an answer: rtnetlink(7). Returns what the kernel says. */
long netlink_request(const u8 *message, u64 size, int fd, u64 offset) {
  u32 words[MESSAGE_SIZE / 4];
  u8 *buffer = (u8 *)words;
  if (size > MESSAGE_SIZE || (fd >= 0 && (offset > size - 4 || offset % 4 != 0))) return -EMSGSIZE;
  for (u64 i = 0; i < size; i++) buffer[i] = message[i];
  if (fd >= 0) words[offset / 4] = (u32)fd;
  long socket = SYS_3(__NR_socket, AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
  if (socket < 0) return socket;
  long result = SYS_6(__NR_sendto, socket, buffer, size, 0, 0, 0);
  if (result >= 0) result = SYS_6(__NR_recvfrom, socket, buffer, MESSAGE_SIZE, 0, 0, 0);
  if (result >= 0) {
    /* struct nlmsghdr, then struct nlmsgerr, which begins with -errno */
    int answered = result >= 20 && (words[1] & 0xffff) == NLMSG_ERROR;
    result = answered ? (long)(int)words[4] : -EPROTO;
  }
  SYS_1(__NR_close, socket);
  return result;
}

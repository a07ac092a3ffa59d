/* Sockets: the constants of socket(2) and send(2), which the kernel's headers do not have, and what socket.c offers. */
#ifndef TSBOX_SOCKET_H
#define TSBOX_SOCKET_H

#include "plan.h"

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define AF_NETLINK 16
#define SOCK_STREAM 1
#define SOCK_DGRAM 2
#define SOCK_RAW 3
#define SOCK_SEQPACKET 5
#define SOCK_NONBLOCK 04000
#define SOCK_CLOEXEC 02000000
#define SOL_SOCKET 1
#define SCM_RIGHTS 1
#define MSG_PEEK 2
#define MSG_DONTWAIT 0x40
#define MSG_NOSIGNAL 0x4000
#define MSG_CMSG_CLOEXEC 0x40000000

struct part { /* struct iovec */
  void *base;
  u64 length;
};

struct message { /* struct msghdr */
  void *name;
  u32 name_length;
  struct part *parts;
  u64 part_count;
  void *control;
  u64 control_length;
  u32 flags;
};

struct unix_address { /* struct sockaddr_un */
  u16 family;
  char path[108];
};

long send_with_descriptor(int socket, int fd, struct part *parts, u32 count);
long send_descriptor(int socket, int fd);
long receive_descriptor(int socket);
long send_byte(int socket, u8 byte);
long send_now(int socket, const void *data, u64 size);
long unix_address(struct unix_address *address, const char *path);
long connect_unix(const char *path, int type);
long listen_unix(const char *path);
long loopback_up(void);
long interface_number(const char *name);
long inet_socket(int type, u32 address, u16 port);
long netlink_request(const u8 *message, u64 size, int fd, u64 offset);

#endif

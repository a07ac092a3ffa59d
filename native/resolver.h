/* What resolver.c, which knows names and servers and is asked by UDP, shares with resolver-tcp.c. */
#ifndef TSBOX_RESOLVER_H
#define TSBOX_RESOLVER_H

#include "hub.h"

#define QUERIES 64 /* by UDP, that are asked on at the same time */
#define STREAMS 14 /* TCP connections at the same time */
/* both sockets, a server for each query, both ends of each connection */
_Static_assert(2 + QUERIES + 2 * STREAMS <= RESOLVER_POLLS, "the hub waits for as many");

#define QUERY_SIZE 512
#define REPLY_SIZE 4096

/* In network byte order, as the kernel has it. */
struct ipv4 {
  u16 family, port;
  u32 address;
  u64 zero;
};

static inline u32 swap32(u32 value) { return __builtin_bswap32(value); }
static inline u16 swap16(u16 value) { return __builtin_bswap16(value); }

const u8 *server_for(u32 asker, u32 index);
long connect_server(const u8 *server, int type);
long resolve(u32 asker, const u8 *message, u32 size, u8 *out);

/* resolver-tcp.c */
u32 stream_polls(struct pollfd *polls);
int stream_waits(void);
void stream_serve(const struct pollfd *polls);

#endif

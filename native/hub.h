/* What hub.c and resolver.c share: who is in a named network. */
#ifndef TSBOX_HUB_H
#define TSBOX_HUB_H

#include "dns.h"
#include "native.h"

#define HUB_MEMBERS 1024
#define HUB_NAMES 1024 /* bytes of a member's names */
#define HUB_SERVERS 3  /* as resolv.conf(5) has at most */

/* Packets of its socket: the first byte. Of members and others who ask: */
#define HUB_REGISTER 'r' /* address (4 bytes, most significant first), number of servers or'ed with HUB_SEVERAL, 16 bytes for each, names that end in 0 */
#define HUB_NEXT 'n'     /* a slot (2 bytes, most significant first): who is in it, or in the first after it that somebody is in? */
#define HUB_LEAVE 'd'    /* an id: who has that is no member any more */
/* Of the hub: */
#define HUB_ACCEPTED 'y'
#define HUB_TAKEN 't'  /* somebody has that address */
#define HUB_MEMBER 'm' /* a slot, then what it registered with from the address on */
#define HUB_END 'e'    /* nobody is in it or after it */
#define HUB_PACKET (1 + 2 + 4 + 1 + 16 * HUB_SERVERS + HUB_NAMES)

#define HUB_SEVERAL 0x80 /* it is in other networks too */

#define HUB_INTERNAL 1 /* questions about others are not asked on */

struct member {
  int fd;      /* -1: free */
  u32 address; /* 0: it has not registered */
  u32 server_count, several, names_size;
  u8 servers[HUB_SERVERS][16];
  char names[HUB_NAMES]; /* the id, then what it is called by */
};

struct hub {
  struct member members[HUB_MEMBERS];
  u32 used; /* the slots from here on are free */
  int udp, tcp;
  u32 subnet, mask, flags;
};

extern struct hub hub;

struct member *hub_member(u32 address);

/* resolver.c */
#define RESOLVER_POLLS 96
struct pollfd;
u32 resolver_polls(struct pollfd *polls);
void resolver_serve(const struct pollfd *polls);
int resolver_waits(void);

#endif

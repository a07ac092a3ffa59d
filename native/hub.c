/*
 * The hub of a named network: one process, in the host's network namespace, that keeps the network's namespaces as descriptors, knows its
 * members, and resolves names between them (resolver.c). A member is a connection to its socket, held by a container's monitor; the kernel
 * closes it however that ends, and the hub ends with the last one.
 */
#include <linux/errno.h>
#include <linux/poll.h>
#include "hub.h"
#include "socket.h"
#include "system.h"

#define FIRST_MEMBER 10000 /* milliseconds in which somebody connects for the first time */
#define TICK 100           /* milliseconds between looks at what has waited for too long */

struct hub hub;

struct member *hub_member(u32 address) {
  for (u32 i = 0; i < hub.used; i++)
    if (hub.members[i].fd >= 0 && hub.members[i].address == address && address != 0) return &hub.members[i];
  return 0;
}

static void drop(struct member *member) {
  SYS_1(__NR_close, member->fd);
  member->fd = -1;
  member->address = 0;
  while (hub.used > 0 && hub.members[hub.used - 1].fd < 0) hub.used--;
}

/* Who connects gets the namespaces first: the network's, then the user's, if it has one. */
static void welcome(int listener, int network, int user) {
  long fd = SYS_4(__NR_accept4, listener, 0, 0, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  u32 slot = 0;
  while (slot < hub.used && hub.members[slot].fd >= 0) slot++;
  if (slot == HUB_MEMBERS || send_descriptor((int)fd, network) < 0 || (user >= 0 && send_descriptor((int)fd, user) < 0)) {
    SYS_1(__NR_close, fd);
    return;
  }
  hub.members[slot].fd = (int)fd;
  hub.members[slot].address = 0;
  if (slot == hub.used) hub.used++;
}

static int answer(struct member *member, const u8 *packet, u32 size) {
  return send_now(member->fd, packet, size) == (long)size ? 0 : -1;
}

/* A member says who it is, once. */
static int enter(struct member *member, const u8 *packet, u32 size) {
  if (size < 6 || member->address != 0) return -1;
  u32 address = (u32)packet[1] << 24 | (u32)packet[2] << 16 | (u32)packet[3] << 8 | packet[4];
  u32 count = packet[5] & ~HUB_SEVERAL & 0xff, names = 6 + 16 * count;
  if (count > HUB_SERVERS || names >= size || size - names > HUB_NAMES || packet[size - 1] != 0 || address == 0) return -1;
  u8 reply = hub_member(address) == 0 ? HUB_ACCEPTED : HUB_TAKEN;
  if (reply == HUB_ACCEPTED) {
    member->address = address;
    member->server_count = count;
    member->several = packet[5] & HUB_SEVERAL;
    for (u32 i = 0; i < 16 * count; i++) member->servers[i / 16][i % 16] = packet[6 + i];
    member->names_size = size - names;
    for (u32 i = 0; i < member->names_size; i++) member->names[i] = (char)packet[names + i];
  }
  return answer(member, &reply, 1);
}

static int tell(struct member *asker, const u8 *packet, u32 size) {
  static u8 reply[HUB_PACKET];
  if (size != 3) return -1;
  u32 slot = (u32)packet[1] << 8 | packet[2];
  while (slot < hub.used && (hub.members[slot].fd < 0 || hub.members[slot].address == 0)) slot++;
  reply[0] = HUB_END;
  if (slot >= hub.used) return answer(asker, reply, 1);
  const struct member *member = &hub.members[slot];
  u32 at = 0;
  reply[at++] = HUB_MEMBER;
  reply[at++] = (u8)(slot >> 8);
  reply[at++] = (u8)slot;
  for (int shift = 24; shift >= 0; shift -= 8) reply[at++] = (u8)(member->address >> shift);
  reply[at++] = (u8)(member->server_count | member->several);
  for (u32 i = 0; i < 16 * member->server_count; i++) reply[at++] = member->servers[i / 16][i % 16];
  for (u32 i = 0; i < member->names_size; i++) reply[at++] = (u8)member->names[i];
  return answer(asker, reply, at);
}

/* Somebody takes a container out of the network: what has its id is a member no more. */
static int leave(struct member *asker, const u8 *packet, u32 size) {
  u8 reply = HUB_END;
  for (u32 i = 0; i < hub.used; i++) {
    struct member *member = &hub.members[i];
    u32 at = 0;
    if (member == asker || member->fd < 0 || member->address == 0 || size < 2 || size > HUB_NAMES) continue;
    while (at < size - 1 && (u8)member->names[at] == packet[1 + at]) at++;
    if (at < size - 1) continue;
    drop(member);
    reply = HUB_ACCEPTED;
  }
  return answer(asker, &reply, 1);
}

/* What a member sends. Anything that it should not is its end. */
static void hear(struct member *member) {
  static u8 packet[HUB_PACKET + 1];
  long size = SYS_6(__NR_recvfrom, member->fd, packet, sizeof packet, MSG_DONTWAIT, 0, 0);
  if (size == -EAGAIN || size == -EINTR) return;
  int result = -1;
  if (size > 0 && size <= HUB_PACKET) {
    if (packet[0] == HUB_REGISTER) result = enter(member, packet, (u32)size);
    else if (packet[0] == HUB_NEXT) result = tell(member, packet, (u32)size);
    else if (packet[0] == HUB_LEAVE) result = leave(member, packet, (u32)size);
  }
  if (result < 0) drop(member);
}

long op_hub(int listener, int udp, int tcp, int network, int user, u64 subnet, u64 flags) {
  static struct pollfd polls[1 + HUB_MEMBERS + RESOLVER_POLLS];
  u32 bits = (u32)(subnet >> 32);
  hub.udp = udp;
  hub.tcp = tcp;
  hub.mask = bits == 0 ? 0 : ~0U << (32 - bits);
  hub.subnet = (u32)subnet & hub.mask;
  hub.flags = (u32)flags;
  for (int had = 0;;) {
    polls[0] = (struct pollfd){.fd = listener, .events = POLLIN};
    u32 members = hub.used;
    for (u32 i = 0; i < members; i++) polls[1 + i] = (struct pollfd){.fd = hub.members[i].fd, .events = POLLIN};
    u32 others = resolver_polls(polls + 1 + members);
    long ready = poll_for(polls, 1 + members + others, resolver_waits() ? TICK : had ? -1 : FIRST_MEMBER);
    if (ready < 0 && ready != -EINTR) return ready;
    if (ready == 0 && !had) return 0;
    if (ready < 0) continue;
    for (u32 i = 0; i < members; i++)
      if (polls[1 + i].revents != 0 && hub.members[i].fd == polls[1 + i].fd) hear(&hub.members[i]);
    if (polls[0].revents != 0) {
      welcome(listener, network, user);
      had = 1;
    }
    resolver_serve(polls + 1 + members);
    if (had && hub.used == 0) return 0;
  }
}

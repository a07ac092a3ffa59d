/*
 * The resolver of a named network: answers its members' questions about each other, and asks the host's servers, or those that a member
 * has of its own, all others. Questions come from containers by UDP and TCP (RFC 1035, section 4.2), on sockets in the network's
 * namespace; what is asked on goes through the host's, so that a server on the host's loopback serves too.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include "resolver.h"
#include "socket.h"
#include "system.h"

#define PATIENCE 1500 /* milliseconds for one server */
#define CONF_AGE 2000 /* milliseconds after which /etc/resolv.conf is read again */

/* In network byte order, as the kernel has it. */
struct ipv6 {
  u16 family, port;
  u32 flow;
  u8 address[16];
  u32 scope;
};

struct query {
  int fd; /* to the server; -1: free */
  struct ipv4 asker;
  u16 id, size;
  u32 server;
  u64 deadline;
  u8 message[QUERY_SIZE];
};

static struct query queries[QUERIES];
static int is_ready;
static u8 host_servers[HUB_SERVERS][16];
static u32 host_server_count;
static u64 conf_read;

static void prepare(void) {
  if (is_ready) return;
  for (u32 i = 0; i < QUERIES; i++) queries[i].fd = -1;
  is_ready = 1;
}

static void read_host_servers(void) {
  static char text[8192];
  u64 time = clock_milliseconds(CLOCK_MONOTONIC);
  if (conf_read != 0 && time - conf_read < CONF_AGE) return;
  conf_read = time;
  long file = SYS_4(__NR_openat, AT_FDCWD, "/etc/resolv.conf", O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  if (file < 0) return;
  long size = SYS_3(__NR_read, file, text, sizeof text);
  SYS_1(__NR_close, file);
  if (size > 0) host_server_count = dns_parse_servers(text, (u32)size, host_servers, HUB_SERVERS);
}

/* The server that is asked as number `index` for somebody, or 0 when there are no more. */
const u8 *server_for(u32 asker, u32 index) {
  const struct member *member = hub_member(asker);
  if (hub.flags & HUB_INTERNAL) return 0;
  if (member != 0 && member->server_count > 0) return index < member->server_count ? member->servers[index] : 0;
  read_host_servers();
  return index < host_server_count ? host_servers[index] : 0;
}

/* A socket that is connected to a server, so that the kernel passes on only what comes from there. */
long connect_server(const u8 *server, int type) {
  int mapped = server[10] == 0xff && server[11] == 0xff;
  for (int i = 0; i < 10; i++) mapped &= server[i] == 0;
  struct ipv4 four = {.family = AF_INET, .port = swap16(53)};
  struct ipv6 six = {.family = AF_INET6, .port = swap16(53)};
  for (int i = 0; i < 4; i++) ((u8 *)&four.address)[i] = server[12 + i];
  for (int i = 0; i < 16; i++) six.address[i] = server[i];
  long fd = SYS_3(__NR_socket, mapped ? AF_INET : AF_INET6, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return fd;
  long result = mapped ? SYS_3(__NR_connect, fd, &four, sizeof four) : SYS_3(__NR_connect, fd, &six, sizeof six);
  if (result >= 0 || result == -EINPROGRESS) return fd;
  SYS_1(__NR_close, fd);
  return result;
}

static int same(const char *a, const char *b) {
  for (; *a != 0 && *a == *b; a++, b++) {}
  return *a == *b;
}

/* Takes the network's own suffix off, which is in every member's search list. Returns whether it was there. */
static int strip_suffix(char *name) {
  static const char suffix[] = ".tsbox.internal";
  u64 length = length_of(name), tail = sizeof suffix - 1;
  if (length <= tail || !same(name + length - tail, suffix)) return 0;
  name[length - tail] = 0;
  return 1;
}

static int is_called(const struct member *member, const char *name) {
  /* the id comes first, and is nobody's name */
  for (u32 at = (u32)length_of(member->names) + 1; at < member->names_size; at += (u32)length_of(member->names + at) + 1)
    if (same(member->names + at, name)) return 1;
  return 0;
}

static int has_dot(const char *name) {
  for (; *name != 0; name++)
    if (*name == '.') return 1;
  return 0;
}

/* Answers what this network knows, and who asks may know. Returns the answer's size, 0 when others have to be asked, -1 when nothing is to be said. */
long resolve(u32 asker, const u8 *message, u32 size, u8 *out) {
  struct dns_question question;
  int code = dns_parse(message, size, &question);
  if (code < 0) return -1;
  if (code > 0) return dns_begin(out, message, &question, code, 0);
  if (question.class != DNS_INTERNET) return 0;
  int ours = strip_suffix(question.name), found = 0;
  u32 end = dns_begin(out, message, &question, 0, 1), reverse = dns_reverse(question.name);
  if (reverse != 0 && (reverse & hub.mask) == hub.subnet) {
    const struct member *owner = hub_member(reverse);
    ours = 1;
    u32 first = owner == 0 ? 0 : (u32)length_of(owner->names) + 1;
    found = owner != 0 && first < owner->names_size;
    if (found && question.type == DNS_PTR) end = dns_add_name(out, end, REPLY_SIZE, owner->names + first);
  } else if (question.name[0] != 0) {
    for (u32 i = 0; i < hub.used; i++) {
      const struct member *owner = &hub.members[i];
      if (owner->fd < 0 || owner->address == 0 || !is_called(owner, question.name)) continue;
      found = 1;
      /* as many as a message without extensions holds: RFC 1035, section 4.2.1 */
      if (question.type == DNS_A) end = dns_add_address(out, end, QUERY_SIZE, owner->address);
    }
  }
  if (found) return end;
  /* who is in several networks has their resolvers, one after the other: one that knows nothing says so without ending the search */
  const struct member *member = hub_member(asker);
  if (member != 0 && member->several && question.name[0] != 0 && (ours || !has_dot(question.name)))
    return dns_begin(out, message, &question, DNS_REFUSED, 0);
  if (ours || hub.flags & HUB_INTERNAL) return dns_begin(out, message, &question, DNS_NO_SUCH_NAME, 1);
  return 0;
}

static void answer_udp(const struct ipv4 *asker, const u8 *message, u64 size) {
  SYS_6(__NR_sendto, hub.udp, message, size, MSG_NOSIGNAL | MSG_DONTWAIT, asker, sizeof *asker);
}

static void end_query(struct query *query) {
  if (query->fd >= 0) SYS_1(__NR_close, query->fd);
  query->fd = -1;
}

/* Asks the next server that can be asked; when there is none, says so. */
static void ask_next(struct query *query) {
  static u8 out[DNS_QUESTION];
  end_query(query);
  for (const u8 *server; (server = server_for(swap32(query->asker.address), query->server)) != 0;) {
    query->server++;
    long fd = connect_server(server, SOCK_DGRAM);
    if (fd < 0) continue;
    /* an id of its own, so that nobody who knows the asker's can answer in the server's place */
    SYS_3(__NR_getrandom, query->message, 2, 0);
    if (send_now(fd, query->message, query->size) == query->size) {
      query->fd = (int)fd;
      query->deadline = clock_milliseconds(CLOCK_MONOTONIC) + PATIENCE;
      return;
    }
    SYS_1(__NR_close, fd);
  }
  struct dns_question question;
  if (dns_parse(query->message, query->size, &question) != 0) return;
  u32 size = dns_begin(out, query->message, &question, DNS_SERVER_FAILURE, 0);
  *(u16 *)out = query->id;
  answer_udp(&query->asker, out, size);
}

static void serve_udp(void) {
  static u8 message[QUERY_SIZE + 1], out[REPLY_SIZE];
  struct ipv4 asker;
  u32 length = sizeof asker;
  long size = SYS_6(__NR_recvfrom, hub.udp, message, sizeof message, MSG_DONTWAIT, &asker, &length);
  if (size <= 0 || size > QUERY_SIZE) return;
  long answer = resolve(swap32(asker.address), message, (u32)size, out);
  if (answer > 0) answer_udp(&asker, out, (u64)answer);
  if (answer != 0) return;
  struct query *query = &queries[0]; /* a free one, or the one that has waited for longest */
  for (u32 i = 0; i < QUERIES && query->fd >= 0; i++)
    if (queries[i].fd < 0 || queries[i].deadline < query->deadline) query = &queries[i];
  end_query(query);
  query->asker = asker;
  query->size = (u16)size;
  query->server = 0;
  query->id = *(u16 *)message;
  for (long i = 0; i < size; i++) query->message[i] = message[i];
  ask_next(query);
}

static void pass_reply(struct query *query) {
  static u8 reply[REPLY_SIZE];
  long size = SYS_6(__NR_recvfrom, query->fd, reply, sizeof reply, MSG_DONTWAIT, 0, 0);
  if (size == -EAGAIN || size == -EINTR) return;
  if (size < 0) {
    ask_next(query); /* nobody listens there */
    return;
  }
  if (size < DNS_HEADER || *(u16 *)reply != *(u16 *)query->message || (reply[2] & 0x80) == 0) return;
  *(u16 *)reply = query->id;
  answer_udp(&query->asker, reply, (u64)size);
  end_query(query);
}

/* The socket and a place for each query; then those of connections. */
u32 resolver_polls(struct pollfd *polls) {
  prepare();
  u32 at = 0;
  polls[at++] = (struct pollfd){.fd = hub.udp, .events = POLLIN};
  for (u32 i = 0; i < QUERIES; i++) polls[at++] = (struct pollfd){.fd = queries[i].fd, .events = POLLIN};
  return at + stream_polls(polls + at);
}

int resolver_waits(void) {
  for (u32 i = 0; i < QUERIES; i++)
    if (queries[i].fd >= 0) return 1;
  return stream_waits();
}

void resolver_serve(const struct pollfd *polls) {
  u64 time = clock_milliseconds(CLOCK_MONOTONIC);
  for (u32 i = 0; i < QUERIES; i++) {
    if (queries[i].fd < 0) continue;
    if (polls[1 + i].revents != 0) pass_reply(&queries[i]);
    else if (time >= queries[i].deadline) ask_next(&queries[i]);
  }
  if (polls[0].revents != 0) serve_udp();
  stream_serve(polls + 1 + QUERIES);
}

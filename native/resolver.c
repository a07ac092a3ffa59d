/*
 * The resolver of a named network: answers its members' questions about each other, and asks the host's servers, or those that a member
 * has of its own, all others. Questions come from containers by UDP and TCP (RFC 1035, section 4.2), on sockets in the network's
 * namespace; what is asked on goes through the host's, so that a server on the host's loopback serves too.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include "hub.h"
#include "socket.h"
#include "system.h"

#define QUERIES 64   /* asked on at the same time */
#define STREAMS 14   /* TCP connections at the same time; with their servers, both sockets and queries they fill RESOLVER_POLLS */
#define PATIENCE 1500 /* milliseconds for one server */
#define STREAM_LIFE 10000
#define QUERY_SIZE 512
#define REPLY_SIZE 4096
#define CONF_AGE 2000 /* milliseconds after which /etc/resolv.conf is read again */

/* In network byte order, as the kernel has it. */
struct ipv4 {
  u16 family, port;
  u32 address;
  u64 zero;
};

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

struct stream {
  int client, server_fd; /* client is -1: free. server_fd is -1: none yet */
  u32 asker, server;
  u64 deadline;
  u32 up_size, down_start, down_end; /* `up` begins with what is to be read or sent first */
  u8 up[2 + QUERY_SIZE], down[2 + REPLY_SIZE];
};

static struct query queries[QUERIES];
static struct stream streams[STREAMS];
static int is_ready;
static u8 host_servers[HUB_SERVERS][16];
static u32 host_server_count;
static u64 conf_read;

static u64 now(void) { return clock_milliseconds(CLOCK_MONOTONIC); }

static u32 swap32(u32 value) { return __builtin_bswap32(value); }
static u16 swap16(u16 value) { return __builtin_bswap16(value); }

static void prepare(void) {
  if (is_ready) return;
  for (u32 i = 0; i < QUERIES; i++) queries[i].fd = -1;
  for (u32 i = 0; i < STREAMS; i++) streams[i].client = streams[i].server_fd = -1;
  is_ready = 1;
}

static void read_host_servers(void) {
  static char text[8192];
  u64 time = now();
  if (conf_read != 0 && time - conf_read < CONF_AGE) return;
  conf_read = time;
  long file = SYS_4(__NR_openat, AT_FDCWD, "/etc/resolv.conf", O_RDONLY | O_CLOEXEC | O_NONBLOCK, 0);
  if (file < 0) return;
  long size = SYS_3(__NR_read, file, text, sizeof text);
  SYS_1(__NR_close, file);
  if (size > 0) host_server_count = dns_parse_servers(text, (u32)size, host_servers, HUB_SERVERS);
}

/* The server that is asked as number `index` for somebody, or 0 when there are no more. */
static const u8 *server_for(u32 asker, u32 index) {
  const struct member *member = hub_member(asker);
  if (hub.flags & HUB_INTERNAL) return 0;
  if (member != 0 && member->server_count > 0) return index < member->server_count ? member->servers[index] : 0;
  read_host_servers();
  return index < host_server_count ? host_servers[index] : 0;
}

/* A socket that is connected to a server, so that the kernel passes on only what comes from there. */
static long connect_server(const u8 *server, int type) {
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
static long resolve(u32 asker, const u8 *message, u32 size, u8 *out) {
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
      query->deadline = now() + PATIENCE;
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

static void end_stream(struct stream *stream) {
  if (stream->client >= 0) SYS_1(__NR_close, stream->client);
  if (stream->server_fd >= 0) SYS_1(__NR_close, stream->server_fd);
  stream->client = stream->server_fd = -1;
}

static void accept_stream(void) {
  struct ipv4 asker;
  u32 length = sizeof asker;
  long fd = SYS_4(__NR_accept4, hub.tcp, &asker, &length, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  struct stream *stream = &streams[0]; /* a free one, or the oldest */
  for (u32 i = 0; i < STREAMS && stream->client >= 0; i++)
    if (streams[i].client < 0 || streams[i].deadline < stream->deadline) stream = &streams[i];
  end_stream(stream);
  stream->client = (int)fd;
  stream->asker = swap32(asker.address);
  stream->server = stream->up_size = stream->down_start = stream->down_end = 0;
  stream->deadline = now() + STREAM_LIFE;
}

static void take_up(struct stream *stream, u32 size) {
  for (u32 i = size; i < stream->up_size; i++) stream->up[i - size] = stream->up[i];
  stream->up_size -= size;
}

/* Connects to the next server; the rest of the connection is that server's. Returns -1 when there is none. */
static int ask_by_stream(struct stream *stream) {
  if (stream->server_fd >= 0) SYS_1(__NR_close, stream->server_fd);
  stream->server_fd = -1;
  for (const u8 *server; (server = server_for(stream->asker, stream->server)) != 0;) {
    stream->server++;
    stream->server_fd = (int)connect_server(server, SOCK_STREAM);
    if (stream->server_fd >= 0) return 0;
    stream->server_fd = -1;
  }
  return -1;
}

/* Answers what has come from the client, as far as it is whole. Returns -1 at the connection's end. */
static int answer_stream(struct stream *stream) {
  while (stream->server_fd < 0 && stream->up_size >= 2 && stream->down_start == stream->down_end) {
    u32 size = (u32)stream->up[0] << 8 | stream->up[1];
    if (size > QUERY_SIZE) return -1;
    if (stream->up_size < 2 + size) return 0;
    long answer = resolve(stream->asker, stream->up + 2, size, stream->down + 2);
    if (answer < 0) return -1;
    if (answer == 0) return ask_by_stream(stream);
    stream->down[0] = (u8)(answer >> 8);
    stream->down[1] = (u8)answer;
    stream->down_start = 0;
    stream->down_end = (u32)answer + 2;
    take_up(stream, size + 2);
  }
  return 0;
}

/* Moves what can be moved. Returns -1 at the connection's end. */
static int move(struct stream *stream, u32 client_ready, u32 server_ready) {
  if (client_ready & (POLLHUP | POLLERR)) return -1;
  if (client_ready & POLLIN && stream->up_size < sizeof stream->up) {
    long size = SYS_3(__NR_read, stream->client, stream->up + stream->up_size, sizeof stream->up - stream->up_size);
    if (size == 0 || (size < 0 && size != -EAGAIN && size != -EINTR)) return -1;
    if (size > 0) stream->up_size += (u32)size;
  }
  if (stream->server_fd >= 0) {
    if (server_ready & POLLOUT && stream->up_size > 0) {
      long sent = send_now(stream->server_fd, stream->up, stream->up_size);
      if (sent > 0) take_up(stream, (u32)sent);
      else if (sent != -EAGAIN && sent != -EINTR) return ask_by_stream(stream);
    }
    if (server_ready & (POLLIN | POLLHUP | POLLERR) && stream->down_start == stream->down_end) {
      long size = SYS_3(__NR_read, stream->server_fd, stream->down, sizeof stream->down);
      if (size == 0) return -1;
      /* nothing has been sent yet: it refused, and the question is still here */
      if (size < 0 && size != -EAGAIN && size != -EINTR) return stream->up_size > 0 ? ask_by_stream(stream) : -1;
      stream->down_start = 0;
      stream->down_end = size > 0 ? (u32)size : 0;
    }
  } else if (answer_stream(stream) < 0) {
    return -1;
  }
  if (stream->down_start < stream->down_end) {
    long sent = send_now(stream->client, stream->down + stream->down_start, stream->down_end - stream->down_start);
    if (sent < 0 && sent != -EAGAIN && sent != -EINTR) return -1;
    if (sent > 0) stream->down_start += (u32)sent;
  }
  return answer_stream(stream);
}

/* What is to be waited for: both sockets, a place for each query, two for each stream. */
u32 resolver_polls(struct pollfd *polls) {
  prepare();
  u32 at = 0;
  polls[at++] = (struct pollfd){.fd = hub.udp, .events = POLLIN};
  polls[at++] = (struct pollfd){.fd = hub.tcp, .events = POLLIN};
  for (u32 i = 0; i < QUERIES; i++) polls[at++] = (struct pollfd){.fd = queries[i].fd, .events = POLLIN};
  for (u32 i = 0; i < STREAMS; i++) {
    const struct stream *stream = &streams[i];
    int pending = stream->down_start < stream->down_end;
    short client = (short)((stream->up_size < sizeof stream->up ? POLLIN : 0) | (pending ? POLLOUT : 0));
    short server = (short)((pending ? 0 : POLLIN) | (stream->up_size > 0 ? POLLOUT : 0));
    /* an end of one that nothing is wanted of would be told over and over */
    polls[at++] = (struct pollfd){.fd = client == 0 ? -1 : stream->client, .events = client};
    polls[at++] = (struct pollfd){.fd = server == 0 ? -1 : stream->server_fd, .events = server};
  }
  return at;
}

int resolver_waits(void) {
  for (u32 i = 0; i < QUERIES; i++)
    if (queries[i].fd >= 0) return 1;
  for (u32 i = 0; i < STREAMS; i++)
    if (streams[i].client >= 0) return 1;
  return 0;
}

void resolver_serve(const struct pollfd *polls, u32 count) {
  if (count < 2 + QUERIES + 2 * STREAMS) return;
  const struct pollfd *query_polls = polls + 2, *stream_polls = polls + 2 + QUERIES;
  u64 time = now();
  for (u32 i = 0; i < QUERIES; i++) {
    if (queries[i].fd < 0) continue;
    if (query_polls[i].revents != 0) pass_reply(&queries[i]);
    else if (time >= queries[i].deadline) ask_next(&queries[i]);
  }
  for (u32 i = 0; i < STREAMS; i++) {
    struct stream *stream = &streams[i];
    u32 client = (u16)stream_polls[2 * i].revents, server = (u16)stream_polls[2 * i + 1].revents;
    if (stream->client < 0) continue;
    if (time >= stream->deadline || ((client | server) != 0 && move(stream, client, server) < 0)) end_stream(stream);
  }
  if (polls[0].revents != 0) serve_udp();
  if (polls[1].revents != 0) accept_stream();
}

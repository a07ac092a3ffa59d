/* The resolver's connections: RFC 7766. A question that others have to answer makes the rest of its connection one to their server. */
#include <linux/errno.h>
#include <linux/poll.h>
#include "resolver.h"
#include "socket.h"
#include "system.h"

#define STREAM_LIFE 10000

struct stream {
  int client, server_fd; /* client is -1: free. server_fd is -1: none yet */
  u32 asker, server;
  u64 deadline;
  u32 up_size, down_start, down_end; /* `up` begins with what is to be read or sent first */
  u8 up[2 + QUERY_SIZE], down[2 + REPLY_SIZE];
};

static struct stream streams[STREAMS];
static int is_ready;

static u64 now(void) { return clock_milliseconds(CLOCK_MONOTONIC); }

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

/* The socket, then two places for each connection. */
u32 stream_polls(struct pollfd *polls) {
  for (u32 i = 0; i < STREAMS && !is_ready; i++) streams[i].client = streams[i].server_fd = -1;
  is_ready = 1;
  u32 at = 0;
  polls[at++] = (struct pollfd){.fd = hub.tcp, .events = POLLIN};
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

int stream_waits(void) {
  for (u32 i = 0; i < STREAMS; i++)
    if (streams[i].client >= 0) return 1;
  return 0;
}

void stream_serve(const struct pollfd *polls) {
  u64 time = now();
  for (u32 i = 0; i < STREAMS; i++) {
    struct stream *stream = &streams[i];
    u32 client = (u16)polls[1 + 2 * i].revents, server = (u16)polls[2 + 2 * i].revents;
    if (stream->client < 0) continue;
    if (time >= stream->deadline || ((client | server) != 0 && move(stream, client, server) < 0)) end_stream(stream);
  }
  if (polls[0].revents != 0) accept_stream();
}

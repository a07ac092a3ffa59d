/*
 * The monitor of a detached container: keeps what the program writes, and lets people look on and type. It speaks over a
 * socket of packets (unix(7), SOCK_SEQPACKET) with any number of clients; the first byte of a packet says what it is.
 *
 * Nothing is lost for a client that is slow: the program waits for it, as it would for a terminal.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/signalfd.h>
#include <asm/ioctls.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include "native.h"
#include "socket.h"
#include "system.h"

#define CLIENTS 60
#define CHUNK (PACKET_MAX - 1)
/* After the end of the container, for clients that do not read. In milliseconds. */
#define LAST_WORDS 10000

struct client {
  int fd;
  u8 wants; /* CLIENT_WANTS_* */
  u8 pending;
  u8 owns; /* the container ends with it */
  u8 first; /* the one that the monitor was started with */
};

static struct client clients[CLIENTS];
static u32 client_count;
/* Whoever runs it in the foreground has gone, or has asked for its end: it is not started again. */
static int unwanted;
/* One packet on its way to clients: kind, then data. */
static u8 chunk[PACKET_MAX];
static u64 chunk_size;
/* What a client typed, on its way to the program. */
static u8 typed[PACKET_MAX];
static u64 typed_start, typed_end;

struct monitor {
  struct process *self;
  int pidfd, pty, input, output, error, listener, signals;
  u64 flags;
};

static void set_nonblocking(int fd) {
  if (fd < 0) return;
  long flags = SYS_3(__NR_fcntl, fd, F_GETFL, 0);
  if (flags >= 0) SYS_3(__NR_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
}

static void add_client(int fd, u8 wants) {
  if (client_count == CLIENTS) {
    SYS_1(__NR_close, fd);
    return;
  }
  clients[client_count++] = (struct client){.fd = fd, .wants = wants};
}

/* The end of the program's input. A terminal has none: somebody else may come and type. */
static void close_input(struct monitor *monitor) {
  typed_start = typed_end = 0;
  if (monitor->input < 0 || monitor->input == monitor->pty) return;
  SYS_1(__NR_close, monitor->input);
  monitor->input = -1;
}

static void drop_client(struct monitor *monitor, u32 index) {
  SYS_1(__NR_close, clients[index].fd);
  u8 wants = clients[index].wants;
  if (clients[index].owns) unwanted = 1;
  if (clients[index].owns && monitor->pidfd >= 0) SYS_4(__NR_pidfd_send_signal, monitor->pidfd, SIGKILL, 0, 0);
  clients[index] = clients[--client_count];
  if (wants & CLIENT_TYPES && monitor->flags & MONITOR_INPUT_ONCE) close_input(monitor);
}

static int is_pending(void) {
  for (u32 i = 0; i < client_count; i++)
    if (clients[i].pending) return 1;
  return 0;
}

/* Sends the chunk to each client that still waits for it, without waiting for any. */
static void send_pending(struct monitor *monitor) {
  for (u32 i = 0; i < client_count;) {
    if (!clients[i].pending) {
      i++;
      continue;
    }
    long sent = send_now(clients[i].fd, chunk, chunk_size);
    if (sent == -EAGAIN || sent == -EINTR) {
      i++;
    } else if (sent < 0) {
      drop_client(monitor, i);
    } else {
      clients[i++].pending = 0;
    }
  }
}

/* Reads once. Returns the number of bytes, 0 when there is nothing now, negative when nothing will come any more. */
static long pass_on(struct monitor *monitor, int from, int stream) {
  long size = SYS_3(__NR_read, from, chunk + 1, CHUNK);
  if (size == -EAGAIN || size == -EINTR) return 0;
  if (size <= 0) return size == 0 ? -EPIPE : size;
  log_write(stream, chunk + 1, (u64)size);
  chunk[0] = stream == 1 ? PACKET_STDOUT : PACKET_STDERR;
  chunk_size = (u64)size + 1;
  u8 wanted = stream == 1 ? CLIENT_WANTS_OUTPUT : CLIENT_WANTS_ERROR;
  for (u32 i = 0; i < client_count; i++) clients[i].pending = (clients[i].wants & wanted) != 0;
  send_pending(monitor);
  return size;
}

static void write_typed(struct monitor *monitor) {
  while (typed_start < typed_end) {
    long size = SYS_3(__NR_write, monitor->input, typed + typed_start, typed_end - typed_start);
    if (size == -EINTR) continue;
    if (size == -EAGAIN) return;
    if (size < 0) {
      close_input(monitor); /* the program has closed its end */
      return;
    }
    typed_start += (u64)size;
  }
}

/* One packet of a client. Returns 0 when it is gone. */
static int hear_client(struct monitor *monitor, u32 index) {
  struct client *client = &clients[index];
  static u8 packet[PACKET_MAX];
  if (typed_start < typed_end) {
    /* one that types waits until the program has read; signals and the window do not */
    u8 kind = 0;
    long peeked = SYS_6(__NR_recvfrom, client->fd, &kind, 1, MSG_DONTWAIT | MSG_PEEK, 0, 0);
    if (peeked > 0 && (kind == PACKET_DATA || kind == PACKET_END)) {
      client->wants |= CLIENT_TYPES;
      return 1;
    }
  }
  long size = SYS_6(__NR_recvfrom, client->fd, packet, sizeof packet, MSG_DONTWAIT, 0, 0);
  /* one that went before it had read all that was written: what it said last is still to come (unix(7)) */
  if (size == -EAGAIN || size == -EINTR || size == -ECONNRESET) return 1;
  if (size <= 0) return 0;
  switch (packet[0]) {
  case PACKET_HELLO:
    if (size >= 2) client->wants = packet[1];
    return 1;
  case PACKET_DATA:
    if (monitor->input < 0) return 1;
    client->wants |= CLIENT_TYPES;
    for (long i = 1; i < size; i++) typed[i - 1] = packet[i];
    typed_start = 0;
    typed_end = (u64)size - 1;
    write_typed(monitor);
    return 1;
  case PACKET_END:
    if (monitor->flags & MONITOR_INPUT_ONCE) close_input(monitor);
    return 1;
  case PACKET_WINDOW:
    if (size >= 6 && monitor->pty >= 0)
      set_window_size(monitor->pty, (u16)(packet[2] | packet[3] << 8), (u16)(packet[4] | packet[5] << 8));
    return 1;
  case PACKET_LEAVE: /* others may come and type on */
    client->owns = client->first = 0;
    client->wants &= (u8)~CLIENT_TYPES;
    return 1;
  case PACKET_SIGNAL:
    if (size < 2) return 1;
    if (asks_for_end(packet, size)) unwanted = 1;
    SYS_4(__NR_pidfd_send_signal, monitor->pidfd, packet[1], 0, 0);
    return 1;
  default: return 0;
  }
}

/* SIGTERM and its like of whoever ends us, such as a shutdown, are the program's. */
static void handle_signals(struct monitor *monitor) {
  struct signalfd_siginfo info;
  while (SYS_3(__NR_read, monitor->signals, &info, sizeof info) == sizeof info) {
    switch (info.ssi_signo) {
    case SIGCHLD: case SIGPIPE: case SIGURG: case SIGWINCH: case SIGTSTP: case SIGTTIN: case SIGTTOU: case SIGCONT: break;
    default: SYS_4(__NR_pidfd_send_signal, monitor->pidfd, info.ssi_signo, 0, 0);
    }
  }
}

static void accept_clients(struct monitor *monitor) {
  for (;;) {
    long fd = SYS_4(__NR_accept4, monitor->listener, 0, 0, SOCK_CLOEXEC);
    if (fd < 0) return;
    add_client((int)fd, 0);
  }
}

/* Lets clients take what was read last. */
static void settle(struct monitor *monitor) {
  long left = LAST_WORDS;
  while (is_pending() && left > 0) {
    struct pollfd polls[CLIENTS];
    u32 count = 0;
    for (u32 i = 0; i < client_count; i++)
      if (clients[i].pending) polls[count++] = (struct pollfd){.fd = clients[i].fd, .events = POLLOUT};
    poll_for(polls, count, 100);
    send_pending(monitor);
    left -= 100;
  }
}

/* What the program wrote before it ended is still in the pipes. Nobody is waited for who might write later. */
static void drain(struct monitor *monitor) {
  settle(monitor);
  int sources[] = {monitor->pty >= 0 ? monitor->pty : monitor->output, monitor->error};
  for (int i = 0; i < 2; i++) {
    if (sources[i] < 0) continue;
    while (pass_on(monitor, sources[i], i + 1) > 0) settle(monitor);
  }
}

enum { AT_PID, AT_SIGNALS, AT_LISTENER, AT_OUTPUT, AT_ERROR, AT_INPUT, AT_HEALTH, AT_OOM, FIXED };

static void serve(struct monitor *monitor) {
  static struct pollfd polls[FIXED + CLIENTS];
  for (;;) {
    int waits = is_pending(), types = typed_start < typed_end;
    int out = monitor->pty >= 0 ? monitor->pty : monitor->output;
    polls[AT_PID] = (struct pollfd){.fd = monitor->pidfd, .events = POLLIN};
    polls[AT_SIGNALS] = (struct pollfd){.fd = monitor->signals, .events = POLLIN};
    polls[AT_LISTENER] = (struct pollfd){.fd = monitor->listener, .events = POLLIN};
    polls[AT_OUTPUT] = (struct pollfd){.fd = waits ? -1 : out, .events = POLLIN};
    polls[AT_ERROR] = (struct pollfd){.fd = waits ? -1 : monitor->error, .events = POLLIN};
    polls[AT_INPUT] = (struct pollfd){.fd = types ? monitor->input : -1, .events = POLLOUT};
    polls[AT_HEALTH] = (struct pollfd){.fd = health_output(), .events = POLLIN};
    polls[AT_OOM] = (struct pollfd){.fd = oom_counts(), .events = POLLPRI};
    u32 count = client_count;
    for (u32 i = 0; i < count; i++) {
      /* not even looked at: the end of one that has gone would wake us again and again */
      int paused = types && clients[i].wants & CLIENT_TYPES;
      short events = (short)((paused ? 0 : POLLIN) | (clients[i].pending ? POLLOUT : 0));
      polls[FIXED + i] = (struct pollfd){.fd = events == 0 ? -1 : clients[i].fd, .events = events};
    }
    if (poll_for(polls, FIXED + count, health_pause()) < 0) continue;
    health_check(monitor->self);
    if (polls[AT_OOM].revents != 0) oom_look(monitor->self);
    if (polls[AT_SIGNALS].revents != 0) handle_signals(monitor);
    if (polls[AT_INPUT].revents != 0) write_typed(monitor);
    /* from the last, because one that is dropped is replaced by the last */
    for (u32 i = count; i-- > 0;) {
      short events = polls[FIXED + i].revents;
      int paused = typed_start < typed_end && clients[i].wants & CLIENT_TYPES;
      if (events & (POLLIN | POLLHUP | POLLERR) && !paused && !hear_client(monitor, i)) drop_client(monitor, i);
    }
    if (waits) send_pending(monitor);
    if (!is_pending() && polls[AT_OUTPUT].revents != 0) {
      long result = pass_on(monitor, out, 1);
      /* EIO: no process has the terminal's other end open just now */
      if (result == -EIO && monitor->pty >= 0) poll_for(polls, 1, 10);
      else if (result < 0 && monitor->pty < 0) {
        SYS_1(__NR_close, monitor->output);
        monitor->output = -1;
      }
    }
    if (!is_pending() && polls[AT_ERROR].revents != 0 && pass_on(monitor, monitor->error, 2) < 0) {
      SYS_1(__NR_close, monitor->error);
      monitor->error = -1;
    }
    if (polls[AT_LISTENER].revents != 0) accept_clients(monitor);
    if (polls[AT_PID].revents != 0) return;
  }
}

/* Until the process ends. Sets the wait status. */
long op_monitor(struct process *self, const struct plan_op *op) {
  int fds[7];
  for (u32 i = 0; i < 7; i++) fds[i] = op->arg[i] == PLAN_NO_FD ? -1 : self->fd[op->arg[i]];
  struct monitor monitor = {self, fds[0], fds[1], fds[2], fds[3], fds[4], fds[5], -1, op->arg[7]};
  u64 all = ~0UL;
  monitor.signals = (int)SYS_4(__NR_signalfd4, -1, &all, sizeof all, O_NONBLOCK | O_CLOEXEC);
  if (monitor.signals < 0) return monitor.signals;
  for (u32 i = 1; i < 6; i++) set_nonblocking(fds[i]);
  if (fds[6] >= 0) {
    add_client(fds[6], (u8)(op->arg[7] >> 8));
    clients[0].owns = (op->arg[7] & MONITOR_ENDS_WITH_CLIENT) != 0;
    clients[0].first = 1;
    u8 again = PACKET_AGAIN;
    if (op->arg[7] & MONITOR_AGAIN) send_now(fds[6], &again, 1);
  }
  serve(&monitor);
  health_end();
  drain(&monitor);
  close_input(&monitor);
  SYS_1(__NR_close, monitor.signals);
  return op_wait(self, monitor.pidfd);
}

/* Tells clients how the container ended: those that came last, too. */
long op_dismiss(struct process *self, int listener) {
  struct monitor monitor = {.self = self, .pidfd = -1, .listener = listener, .input = -1, .pty = -1};
  if (listener >= 0) accept_clients(&monitor);
  u8 packet[2] = {PACKET_EXIT, (u8)exit_status(self->status)};
  while (client_count > 0) {
    send_now(clients[0].fd, packet, sizeof packet);
    drop_client(&monitor, 0);
  }
  return 0;
}

long op_require_wanted(void) { return unwanted ? -ECANCELED : 0; }

/* For the monitor that comes next. */
long op_keep_client(long number) {
  for (u32 i = 0; i < client_count; i++) {
    if (!clients[i].first) continue;
    int fd = clients[i].fd;
    long result = fd == number ? SYS_3(__NR_fcntl, fd, F_SETFD, 0) : SYS_3(__NR_dup3, fd, number, 0);
    if (result < 0) return result;
    if (fd != number) SYS_1(__NR_close, fd);
    clients[i] = clients[--client_count];
    return 0;
  }
  return -ENOTCONN;
}

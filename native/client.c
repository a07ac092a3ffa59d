/* The other side of a monitor's socket (monitor.c): a person's terminal, or pipes, beside a detached container. */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/signalfd.h>
#include <linux/time_types.h>
#include <asm/ioctls.h>
#include <asm/signal.h>
#include "native.h"
#include "socket.h"
#include "system.h"

#define PACKET 16384
/* Seconds for a program to end whose terminal was closed, before it is killed. */
#define FAREWELL 10
#define HUNG_UP (128 + SIGHUP)

struct detach_keys {
  const u8 *keys;
  u32 count, matched;
};

static u8 input_packet[PACKET + 1];
static u32 input_size; /* of what waits to be sent, 0 for nothing */

static int has_typed, has_ended;

/* What was typed may be in the way, and wait for the program to read it: then by another connection. */
static void send_signal(int socket, const char *folder, int signal, u64 flags) {
  u8 packet[3] = {PACKET_SIGNAL, (u8)signal, (flags & CLIENT_OWNS) != 0};
  if (!has_typed) {
    send_now(socket, packet, sizeof packet);
    return;
  }
  long here = SYS_4(__NR_openat, AT_FDCWD, folder, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (here < 0) return;
  char path[48] = "/proc/self/fd/";
  u32 at = 14 + decimal(path + 14, (u64)here);
  for (u32 i = 0; i < 8; i++) path[at + i] = "/attach"[i];
  long other = connect_unix(path, SOCK_SEQPACKET);
  if (other >= 0) {
    send_now((int)other, packet, sizeof packet);
    SYS_1(__NR_close, other);
  }
  SYS_1(__NR_close, here);
}

static int farewell = -1; /* readable when the time for the program's end is over */

/* Ctrl-D is a byte like others: only a terminal that was closed has nothing more to say. */
static int is_closed(int terminal) {
  u16 window[4];
  return SYS_3(__NR_ioctl, terminal, TIOCGWINSZ, window) == -EIO;
}

/*
 * The terminal was closed. That is the program's end if it runs in the foreground; others only looked on. Returns 1 when
 * this process is to end.
 */
static int hang_up(struct process *self, int socket, const char *folder, u64 flags) {
  self->status = HUNG_UP;
  if (!(flags & CLIENT_OWNS)) return 1;
  if (farewell >= 0) return 0;
  send_signal(socket, folder, SIGHUP, flags);
  struct __kernel_itimerspec time = {.it_value = {.tv_sec = FAREWELL}};
  farewell = (int)SYS_2(__NR_timerfd_create, CLOCK_MONOTONIC, O_CLOEXEC);
  return farewell < 0 || SYS_4(__NR_timerfd_settime, farewell, 0, &time, 0) < 0;
}

static void send_window(int socket, int terminal) {
  u16 window[4];
  struct {
    u8 kind, padding;
    u16 rows, columns;
  } packet = {.kind = PACKET_WINDOW};
  if (SYS_3(__NR_ioctl, terminal, TIOCGWINSZ, window) < 0) return;
  packet.rows = window[0];
  packet.columns = window[1];
  send_now(socket, &packet, sizeof packet);
}

/*
 * Takes the keys that detach out of what was typed; a part of them that turns out to be something else is typed after
 * all. Returns 1 when they are complete.
 */
static int look_for_keys(struct detach_keys *detach, const u8 *typed, u32 count) {
  u32 at = 1;
  for (u32 i = 0; i < count; i++) {
    if (detach->count != 0 && typed[i] == detach->keys[detach->matched]) {
      if (++detach->matched == detach->count) return 1;
      continue;
    }
    for (u32 held = 0; held < detach->matched; held++) input_packet[at++] = detach->keys[held];
    detach->matched = detach->count != 0 && typed[i] == detach->keys[0];
    if (detach->matched == 0) input_packet[at++] = typed[i];
  }
  input_packet[0] = PACKET_DATA;
  input_size = at > 1 ? at : 0;
  return 0;
}

/* Returns 1 when this process is to end. */
static int handle_signal(struct process *self, int socket, const char *folder, int signal, int terminal, u64 flags) {
  switch (signal) {
  case SIGCHLD: case SIGPIPE: case SIGURG: return 0;
  case SIGWINCH:
    if (terminal >= 0) send_window(socket, terminal);
    return 0;
  case SIGTSTP: case SIGTTIN: case SIGTTOU:
    restore_terminal(self);
    SYS_2(__NR_kill, SYS_0(__NR_getpid), SIGSTOP);
    return 0;
  case SIGCONT:
    if (self->terminal >= 0) take_terminal(self, self->terminal);
    if (terminal >= 0) send_window(socket, terminal);
    return 0;
  case SIGHUP:
    if (terminal >= 0 && is_closed(terminal)) return hang_up(self, socket, folder, flags);
    /* fallthrough */
  default:
    if ((flags & CLIENT_FORWARDS_SIGNALS) == 0) {
      self->status = 128 + signal;
      return 1;
    }
    send_signal(socket, folder, signal, flags);
    return 0;
  }
}

static int handle_signals(struct process *self, int signals, int socket, const char *folder, int terminal, u64 flags) {
  struct signalfd_siginfo info;
  while (SYS_3(__NR_read, signals, &info, sizeof info) == sizeof info)
    if (handle_signal(self, socket, folder, (int)info.ssi_signo, terminal, flags)) return 1;
  return 0;
}

/* What is typed is sent without waiting: the container may want its output read before it reads on. */
static void send_input(int socket) {
  long sent = send_now(socket, input_packet, input_size);
  has_typed = 1;
  if (sent != -EAGAIN && sent != -EINTR) input_size = 0;
}

/* The end of what is typed. */
static void send_end(int socket) {
  has_ended = 1;
  input_packet[0] = PACKET_END;
  input_size = 1;
  send_input(socket);
}

/* Another run of the program has another terminal, or other pipes. */
static void begin_again(int socket, int terminal) {
  if (terminal >= 0) send_window(socket, terminal);
  if (has_ended && input_size == 0) send_end(socket);
}

/* Prints one packet. Returns 1 when it was the last one, whose status is kept. */
static int receive_packet(struct process *self, int socket, int terminal) {
  static u8 packet[PACKET_MAX];
  long size = SYS_6(__NR_recvfrom, socket, packet, sizeof packet, 0, 0, 0);
  /* a monitor that ended before it had read all that was typed: what it said last is still to come (unix(7)) */
  if (size == -EINTR || size == -EAGAIN || size == -ECONNRESET) return 0;
  if (size <= 0) {
    /* the monitor was killed, and the container with it */
    self->status = SIGKILL;
    return 1;
  }
  if (packet[0] == PACKET_EXIT && size >= 2) {
    self->status = packet[1] << 8;
    return 1;
  }
  if (packet[0] == PACKET_AGAIN) begin_again(socket, terminal);
  int to = packet[0] == PACKET_STDOUT ? 1 : 2;
  if (packet[0] != PACKET_STDOUT && packet[0] != PACKET_STDERR) return 0;
  if (write_all(to, packet + 1, (u64)size - 1) == -EPIPE) {
    self->status = SIGPIPE;
    return 1;
  }
  return 0;
}

/* Until the container ends or the person leaves, whose keys for that are `arg[3]`. Sets the wait status; leaving is 0. */
long op_client(struct process *self, const struct plan_op *op) {
  int socket = self->fd[op->arg[0]];
  int input = op->arg[1] == PLAN_NO_FD ? -1 : self->fd[op->arg[1]];
  u64 flags = op->arg[2];
  struct detach_keys detach = {.keys = self->plan.base + (u32)op->arg[3], .count = (u32)(op->arg[3] >> 32)};
  const char *folder = (const char *)self->plan.base + op->arg[4];
  u64 all = ~0UL;
  int signals = (int)SYS_4(__NR_signalfd4, -1, &all, sizeof all, O_NONBLOCK | O_CLOEXEC);
  if (signals < 0) return signals;
  int terminal = -1;
  if (flags & CLIENT_TERMINAL) {
    terminal = input >= 0 ? input : 1;
    take_terminal(self, terminal);
    send_window(socket, terminal);
  }
  for (;;) {
    struct pollfd polls[] = {
        {.fd = socket, .events = (short)(POLLIN | (input_size > 0 ? POLLOUT : 0))},
        {.fd = signals, .events = POLLIN},
        {.fd = input_size > 0 ? -1 : input, .events = POLLIN},
        {.fd = farewell, .events = POLLIN},
    };
    if (poll_for(polls, 4, -1) < 0) continue;
    if (polls[1].revents != 0 && handle_signals(self, signals, socket, folder, terminal, flags)) break;
    if (polls[0].revents & POLLOUT && input_size > 0) send_input(socket);
    if (polls[0].revents & (POLLIN | POLLHUP | POLLERR) && receive_packet(self, socket, terminal)) break;
    if (polls[3].revents != 0) break;
    if (polls[2].revents == 0 || input_size > 0) continue;
    static u8 typed[PACKET / 2];
    long size = SYS_3(__NR_read, input, typed, sizeof typed);
    if (size == -EAGAIN || size == -EINTR) continue;
    if (size <= 0 && is_closed(input)) {
      /* its SIGHUP may come later, or not at all */
      input = -1;
      if (hang_up(self, socket, folder, flags)) break;
    } else if (size <= 0) {
      send_end(socket);
      input = -1;
    } else if (look_for_keys(&detach, typed, (u32)size)) {
      send_byte(socket, PACKET_LEAVE);
      self->status = 0;
      restore_terminal(self);
      write_all(2, (const u8 *)"read escape sequence\n", 21);
      self->terminal = -1;
      break;
    } else if (input_size > 0) {
      send_input(socket);
    }
  }
  restore_terminal(self);
  self->terminal = -1;
  SYS_1(__NR_close, signals);
  return 0;
}

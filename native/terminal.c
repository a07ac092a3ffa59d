/* Supervision: the terminal, signals and the end of the process that matters. */
#include <asm/ioctls.h>
#include <asm/signal.h>
#include <asm/termbits.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/signalfd.h>
#include <asm/siginfo.h>
#include "native.h"
#include "system.h"

#define CHUNK 16384

struct window {
  u16 rows, columns, x, y;
};

/* What is being moved from one descriptor to another. */
struct stream {
  int from, to;
  u32 start, end;
  char data[CHUNK];
};

static long ioctl(int fd, u64 request, void *argument) { return SYS_3(__NR_ioctl, fd, request, argument); }

void restore_terminal(struct process *self) {
  if (self->terminal >= 0) ioctl(self->terminal, TCSETSF - 1, self->terminal_state); /* TCSETSW: let output drain */
}

/* As a background job must, wait until the shell brings us to the foreground before touching the terminal. */
static void wait_for_foreground(int terminal) {
  for (;;) {
    int group = 0;
    if (ioctl(terminal, TIOCGPGRP, &group) < 0 || group == (int)SYS_1(__NR_getpgid, 0)) return;
    SYS_2(__NR_kill, 0, SIGSTOP);
  }
}

static void make_raw(struct process *self) {
  struct termios raw = *(struct termios *)self->terminal_state;
  /* cfmakeraw(3) */
  raw.c_iflag &= ~(u32)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
  raw.c_oflag &= ~(u32)OPOST;
  raw.c_lflag &= ~(u32)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
  raw.c_cflag = (raw.c_cflag & ~(u32)(CSIZE | PARENB)) | CS8;
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  ioctl(self->terminal, TCSETSF - 1, &raw);
}

/* Raw, until `restore_terminal`. Nothing for what is no terminal. */
void take_terminal(struct process *self, int terminal) {
  if (self->terminal < 0 && ioctl(terminal, TCGETS, self->terminal_state) != 0) return;
  wait_for_foreground(terminal);
  self->terminal = terminal;
  make_raw(self);
}

static void copy_window(int from, int to) {
  struct window window;
  if (ioctl(from, TIOCGWINSZ, &window) == 0) ioctl(to, TIOCSWINSZ, &window);
}

long set_window_size(int terminal, u16 rows, u16 columns) {
  struct window window = {.rows = rows, .columns = columns};
  return ioctl(terminal, TIOCSWINSZ, &window);
}

/* A new pseudo terminal of this ptmx. The other end is opened through it, never by a path (CVE-2025-52565). */
long open_pty(int ptmx, int *master, int *slave) {
  int unlocked = 0;
  long result = ioctl(ptmx, TIOCSPTLCK, &unlocked);
  if (result < 0) return result;
  long end = SYS_3(__NR_ioctl, ptmx, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  if (end < 0) return end;
  *master = ptmx;
  *slave = (int)end;
  return 0;
}

/* Moves what can be moved without waiting. Returns 0, or a negative value when the source or target has ended. */
static long fill(struct stream *stream) {
  long size = SYS_3(__NR_read, stream->from, stream->data, sizeof stream->data);
  if (size == -EAGAIN || size == -EINTR) return 0;
  if (size <= 0) return size == 0 ? -EPIPE : size;
  stream->start = 0;
  stream->end = (u32)size;
  return 0;
}

static long drain(struct stream *stream) {
  long size = SYS_3(__NR_write, stream->to, stream->data + stream->start, stream->end - stream->start);
  if (size == -EAGAIN || size == -EINTR) return 0;
  if (size < 0) return size;
  stream->start += (u32)size;
  return 0;
}

static int is_pending(const struct stream *stream) { return stream->start < stream->end; }

static void forward(struct process *self, int pidfd, int signal, int pty, int input) {
  switch (signal) {
  case SIGCHLD: /* of a helper; the subject's end comes by its pidfd */
  case SIGPIPE:
  case SIGURG:
    return;
  case SIGWINCH:
    if (pty >= 0) copy_window(input, pty);
    return;
  case SIGTSTP:
  case SIGTTIN:
  case SIGTTOU: /* job control is between us and the shell; the container runs on */
    restore_terminal(self);
    SYS_2(__NR_kill, SYS_0(__NR_getpid), SIGSTOP);
    return;
  case SIGCONT:
    if (self->terminal >= 0) take_terminal(self, self->terminal);
    if (pty >= 0 && self->terminal >= 0) copy_window(input, pty);
    return;
  default:
    SYS_4(__NR_pidfd_send_signal, pidfd, signal, 0, 0);
  }
}

static void handle_signals(struct process *self, int signals, int pidfd, int pty, int input) {
  struct signalfd_siginfo info;
  while (SYS_3(__NR_read, signals, &info, sizeof info) == sizeof info) forward(self, pidfd, (int)info.ssi_signo, pty, input);
}

static int nonblocking(int fd) {
  long flags = SYS_3(__NR_fcntl, fd, F_GETFL, 0);
  if (flags >= 0) SYS_3(__NR_fcntl, fd, F_SETFL, flags | O_NONBLOCK);
  return fd;
}

/* Blocking, unless somebody made it otherwise: then wait until it takes more. */
static void flush(struct stream *stream) {
  while (is_pending(stream)) {
    struct pollfd poll = {.fd = stream->to, .events = POLLOUT};
    poll_for(&poll, 1, -1);
    if (drain(stream) < 0) return;
  }
}

/* What the container wrote before it ended is still in the pty; EIO is its end of file. */
static void flush_output(struct stream *output) {
  do flush(output);
  while (fill(output) == 0 && is_pending(output));
}

/*
 * Forwards signals to the process and, with a pty, bytes between it and the terminal, until the process ends. `input` is
 * -1 when nothing is to be read. Sets the wait status.
 */
long op_supervise(struct process *self, int pidfd, int pty, int input, int output) {
  static struct stream in, out;
  u64 all = ~0UL;
  int signals = (int)SYS_4(__NR_signalfd4, -1, &all, sizeof all, O_NONBLOCK | O_CLOEXEC);
  if (signals < 0) return signals;
  int keyboard = -1;
  if (pty >= 0) {
    nonblocking(pty);
    keyboard = input >= 0 ? input : output;
    take_terminal(self, keyboard);
    if (self->terminal >= 0) copy_window(keyboard, pty);
  }
  in = (struct stream){.from = input, .to = pty};
  out = (struct stream){.from = pty, .to = output};
  for (;;) {
    struct pollfd polls[] = {
        {.fd = pidfd, .events = POLLIN},
        {.fd = signals, .events = POLLIN},
        {.fd = pty < 0 ? -1 : in.from, .events = is_pending(&in) ? 0 : POLLIN},
        {.fd = pty, .events = (is_pending(&in) ? POLLOUT : 0) | (is_pending(&out) ? 0 : POLLIN)},
        {.fd = is_pending(&out) ? output : -1, .events = POLLOUT},
    };
    if (is_pending(&in)) polls[2].fd = -1;
    if (poll_for(polls, 5, -1) < 0) continue;
    if (polls[1].revents != 0) handle_signals(self, signals, pidfd, pty, keyboard);
    if (polls[2].revents != 0 && fill(&in) < 0) in.from = -1;
    if (polls[3].revents & POLLOUT && drain(&in) < 0) in.end = in.start;
    if (polls[3].revents & (POLLIN | POLLHUP) && !is_pending(&out)) {
      /* EIO: no process has the other end open just now; that of the container's end is the pidfd's to tell */
      long result = fill(&out);
      if (result < 0 && result != -EIO) pty = -1;
      if (result == -EIO && polls[0].revents == 0) {
        struct pollfd pause = {.fd = pidfd, .events = POLLIN};
        poll_for(&pause, 1, 10);
      }
    }
    if (polls[4].revents != 0 && drain(&out) < 0) out.start = out.end = 0;
    if (polls[0].revents == 0) continue;
    if (pty >= 0) flush_output(&out);
    restore_terminal(self);
    self->terminal = -1;
    SYS_1(__NR_close, signals);
    return op_wait(self, pidfd);
  }
}

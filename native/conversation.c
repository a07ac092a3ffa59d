/* What the processes of a plan say to each other. */
#include <linux/errno.h>
#include <linux/poll.h>
#include "native.h"
#include "socket.h"
#include "system.h"

static long receive(int socket, void *data, u64 size) {
  long result;
  do result = SYS_3(__NR_read, socket, data, size);
  while (result == -EINTR);
  return result;
}

/* Waits for exactly this byte. */
long receive_byte(int socket, u64 expected) {
  u8 byte = 0;
  long result = receive(socket, &byte, 1);
  if (result < 0) return result;
  return result == 1 && byte == expected ? 0 : -EPIPE;
}

/* Waits for any byte; the peer's end is a failure. */
long receive_any(int socket) {
  u8 byte;
  long result = receive(socket, &byte, 1);
  return result == 0 ? -EPIPE : result;
}

/* Of a fifo that is open for writing too, so that there is no end of file to be read before anybody writes. */
long await_start(int fifo) {
  u8 byte;
  return receive(fifo, &byte, 1);
}

long send_subject(const struct process *self, int socket) {
  int pid = self->subject_pid;
  long sent = SYS_6(__NR_sendto, socket, &pid, sizeof pid, MSG_NOSIGNAL, 0, 0);
  return sent < 0 ? sent : 0;
}

/* All four bytes come together: they are sent so, and a stream socket keeps what is sent in one call in one buffer. */
long receive_identity(struct process *self, int socket) {
  int pid;
  long result = receive(socket, &pid, sizeof pid);
  if (result < 0) return result;
  if (result != sizeof pid) return -EPIPE;
  self->subject_pid = pid;
  return 0;
}

/* Returns the pidfd of a process that somebody else has started: from now on it is the subject. */
long receive_subject(struct process *self, int socket) {
  long pidfd = receive_descriptor(socket);
  if (pidfd < 0) return pidfd;
  long pid = pid_of((int)pidfd);
  if (pid < 0) return close_after(pidfd, pid);
  self->subject = (int)pidfd;
  self->subject_pid = (int)pid;
  return pidfd;
}

/* Until one of the two has ended, or has something to say. */
long await_either(int a, int b) {
  struct pollfd polls[] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
  long result;
  do result = poll_for(polls, 2, -1);
  while (result == -EINTR);
  return result;
}

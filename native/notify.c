/* Telling systemd that the container runs, or is healthy: sd_notify(3). */
#include <linux/errno.h>
#include "native.h"
#include "socket.h"
#include "system.h"

/* What waits until the container is healthy; 0: nothing. */
static const struct plan_op *waiting;

/* A name that begins with "@" is in the abstract namespace: its first byte is 0. */
static long notify(struct process *self, const struct plan_op *op) {
  struct unix_address address;
  u64 size;
  long length = unix_address(&address, (const char *)self->plan.base + op->arg[0]);
  if (length < 0) return length;
  if (address.path[0] == '@') address.path[0] = 0;
  const u8 *message = expand_bytes(self, op, op->arg[1], &size);
  if (message == 0) return -ENOMEM;
  long fd = SYS_3(__NR_socket, AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return fd;
  long sent = SYS_6(__NR_sendto, fd, message, size, MSG_NOSIGNAL, &address, length);
  SYS_1(__NR_close, fd);
  return sent < 0 ? sent : 0;
}

long op_notify_systemd(struct process *self, const struct plan_op *op) {
  if (op->arg[2] == 0) return notify(self, op);
  waiting = op;
  return 0;
}

/* Said once. */
void notify_healthy(struct process *self) {
  if (waiting != 0) notify(self, waiting);
  waiting = 0;
}

/*
 * What the kernel kills for lack of memory: it counts that in memory.events of the container's cgroup (cgroup-v2.rst), and wakes up
 * whoever polls that file.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include "native.h"
#include "system.h"

static const struct plan_op *watched; /* 0 where nothing counts */
static int counts = -1;
static u64 before, told; /* how many there were when the container started, and now */

/* "oom_kill 3", in a line of its own. A file that cannot be read any more counts nothing new. */
static u64 read_count(u64 otherwise) {
  static const char key[] = "\noom_kill ";
  char text[1024];
  text[0] = '\n';
  long size = SYS_4(__NR_pread64, counts, text + 1, sizeof text - 2, 0);
  if (size <= 0) {
    SYS_1(__NR_close, counts);
    counts = -1;
    return otherwise;
  }
  text[size + 1] = 0;
  for (long at = 0; at <= size; at++) {
    u64 length = 0;
    while (key[length] != 0 && text[at + (long)length] == key[length]) length++;
    if (key[length] != 0) continue;
    u64 count = 0;
    for (const char *digit = text + at + length; *digit >= '0' && *digit <= '9'; digit++)
      count = count * 10 + (u64)(*digit - '0');
    return count;
  }
  return otherwise;
}

/* Appends a line to the file of events: a disk that is full is no failure of what happened. */
void append_event(const struct process *self, const struct plan_op *op, const char *path, u64 bytes, const char *start) {
  static char line[8192];
  u32 at = 0;
  for (; start[at] != 0; at++) line[at] = start[at];
  if (expand(self, op, (const char *)self->plan.base + (u32)bytes, line + at, sizeof line - at) != line + at) return;
  write_file(AT_FDCWD, path, O_CREAT | O_APPEND | O_NOFOLLOW, (const u8 *)line, length_of(line));
}

long op_watch_oom(struct process *self, const struct plan_op *op) {
  long fd = SYS_4(__NR_openat, AT_FDCWD, self->plan.base + op->arg[0], O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return fd;
  counts = (int)fd;
  watched = op;
  told = before = read_count(0);
  return 0;
}

/* Polled for POLLPRI. */
int oom_counts(void) { return counts; }

/* Tells of those that are new. */
void oom_look(const struct process *self) {
  if (counts < 0) return;
  u64 now = read_count(told);
  if (now > told)
    append_event(self, watched, (const char *)self->plan.base + watched->arg[1], watched->arg[2], "");
  told = now;
}

/* Fails unless there was one since the container started. */
long op_oom_killed(const struct process *self) {
  oom_look(self);
  return watched != 0 && told > before ? 0 : -ENODATA;
}

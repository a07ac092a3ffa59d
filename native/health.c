/*
 * Health checks of a detached container: a program of the plan, run again and again beside it. What came of the last five is in
 * a JSON file: {"status", "streak", "checks": [{"start", "end", "exitCode", "output"}]}, times in milliseconds since 1970.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/wait.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include "native.h"
#include "system.h"

#define OUTPUT 4096 /* of a check is kept, as Docker does */
#define KEPT 5
#define ENTRY (OUTPUT * 6 + 160)

struct times { /* in milliseconds, as the plan has them */
  u64 interval, timeout, retries, start_period, start_interval;
};

struct check {
  u64 start, end;
  int status;
  u32 size;
  u8 output[OUTPUT];
};

static const struct plan_op *health; /* 0 for a container without checks */
static struct times times;
static struct check checks[KEPT];
static u64 check_count, streak, begin, due, deadline;
static int pidfd = -1, output = -1;
static enum { STARTING, HEALTHY, UNHEALTHY } state;

static u64 now(void) { return clock_milliseconds(CLOCK_BOOTTIME); }

static u64 pause_after(void) {
  return state == STARTING && now() - begin < times.start_period ? times.start_interval : times.interval;
}

long op_health(struct process *self, const struct plan_op *op) {
  if (op->arg[4] >> 32 != sizeof times) return -EINVAL;
  health = op;
  u8 *to = (u8 *)&times;
  for (u32 i = 0; i < sizeof times; i++) to[i] = self->plan.base[(u32)op->arg[4] + i];
  begin = now();
  due = begin + pause_after();
  return 0;
}

/* Milliseconds until there is something to do, -1 for never. The end of a check comes as SIGCHLD. */
long health_pause(void) {
  if (health == 0) return -1;
  u64 next = pidfd >= 0 ? deadline : due, at = now();
  return next > at ? (long)(next - at) : 0;
}

int health_output(void) { return output; }

static u32 put(char *out, const char *text) {
  u32 length = 0;
  for (; text[length] != 0; length++) out[length] = text[length];
  return length;
}

/* Written beside and renamed, because people read it at any time. */
static void write_health(struct process *self) {
  static char text[KEPT * ENTRY + 256];
  static const char *const names[] = {"starting", "healthy", "unhealthy"};
  u32 at = put(text, "{\"status\":\"");
  at += put(text + at, names[state]);
  at += put(text + at, "\",\"streak\":");
  at += decimal(text + at, streak);
  at += put(text + at, ",\"checks\":[");
  u64 first = check_count > KEPT ? check_count - KEPT : 0;
  for (u64 i = first; i < check_count; i++) {
    const struct check *check = &checks[i % KEPT];
    at += put(text + at, i == first ? "{\"start\":" : ",{\"start\":");
    at += decimal(text + at, check->start);
    at += put(text + at, ",\"end\":");
    at += decimal(text + at, check->end);
    at += put(text + at, ",\"exitCode\":");
    if (check->status < 0) at += put(text + at, "-1");
    else at += decimal(text + at, (u64)check->status);
    at += put(text + at, ",\"output\":\"");
    at += escape_json(text + at, check->output, check->size);
    at += put(text + at, "\"}");
  }
  at += put(text + at, "]}");
  const char *path = (const char *)self->plan.base + health->arg[5];
  char fresh[512];
  u64 length = length_of(path);
  if (length + 5 > sizeof fresh) return;
  for (u64 i = 0; i < length; i++) fresh[i] = path[i];
  put(fresh + length, ".new");
  fresh[length + 4] = 0;
  if (write_file(AT_FDCWD, fresh, O_CREAT | O_TRUNC | O_NOFOLLOW, (const u8 *)text, at) == 0)
    SYS_4(__NR_renameat, AT_FDCWD, fresh, AT_FDCWD, path);
}

static void read_output(struct check *check) {
  u8 rest[512];
  for (;;) {
    u32 room = OUTPUT - check->size;
    long size = room > 0 ? SYS_3(__NR_read, output, check->output + check->size, room) : SYS_3(__NR_read, output, rest, sizeof rest);
    if (size == 0) { /* the program may go on without its output */
      SYS_1(__NR_close, output);
      output = -1;
    }
    if (size <= 0) return;
    if (room > 0) check->size += (u32)size;
  }
}

static void begin_check(struct process *self) {
  int ends[2];
  due = now() + times.interval;
  if (SYS_2(__NR_pipe2, ends, O_CLOEXEC) < 0) return;
  struct check *check = &checks[check_count % KEPT];
  *check = (struct check){.start = clock_milliseconds(CLOCK_REALTIME)};
  self->fd[health->arg[2]] = ends[1];
  struct plan_op clone = {.arg = {health->arg[0], 0, health->arg[1], health->arg[3], 0, SIGKILL}};
  long result = op_clone(self, &clone);
  SYS_1(__NR_close, ends[1]);
  if (result < 0) {
    SYS_1(__NR_close, ends[0]);
    return;
  }
  pidfd = self->fd[health->arg[1]];
  output = ends[0];
  SYS_3(__NR_fcntl, output, F_SETFL, O_NONBLOCK);
  deadline = now() + times.timeout;
}

/* Docker's name of it has the state in it. */
static void tell(const struct process *self) {
  static const char *const starts[] = {"", "{\"action\":\"health_status: healthy\",", "{\"action\":\"health_status: unhealthy\","};
  append_event(self, health, (const char *)self->plan.base + health->arg[6], health->arg[7], starts[state]);
}

/*
 * The container's first process ends all others before it is gone itself, and lets none come in: checks fail then, and that says
 * nothing of its health. PF_EXITING, field 9 of /proc/PID/stat.
 */
static int is_ending(const struct process *self) { return (process_stat(self->subject_pid, 9) & 4) != 0; }

static void finish_check(struct process *self, int status) {
  int state_before = (int)state;
  struct check *check = &checks[check_count % KEPT];
  read_output(check);
  if (output >= 0) SYS_1(__NR_close, output);
  SYS_1(__NR_close, pidfd);
  pidfd = output = -1;
  if (status != 0 && is_ending(self)) {
    due = now() + times.interval;
    return;
  }
  check->end = clock_milliseconds(CLOCK_REALTIME);
  check->status = status;
  check_count++;
  if (status == 0) {
    streak = 0;
    state = HEALTHY;
    notify_healthy(self);
  } else if (state != STARTING || now() - begin >= times.start_period) {
    /* failures while it starts up do not count */
    if (++streak >= times.retries) state = UNHEALTHY;
  }
  due = now() + pause_after();
  write_health(self);
  if ((int)state != state_before) tell(self);
}

/* Called whenever the monitor wakes up. */
void health_check(struct process *self) {
  if (health == 0) return;
  if (pidfd < 0) {
    if (now() >= due) begin_check(self);
    return;
  }
  read_output(&checks[check_count % KEPT]);
  siginfo_t info = {0};
  long result = SYS_5(__NR_waitid, 3 /* P_PIDFD */, pidfd, &info, WEXITED | WNOHANG, 0);
  if (result >= 0 && info.si_pid != 0) {
    int value = info._sifields._sigchld._status;
    finish_check(self, info.si_code == CLD_EXITED ? value : 128 + (value & 0x7f));
  } else if (now() >= deadline) {
    SYS_4(__NR_pidfd_send_signal, pidfd, SIGKILL, 0, 0);
    int before = self->status;
    op_wait(self, pidfd);
    self->status = before;
    finish_check(self, -1);
  }
}

/* Its process has ended with the container. */
void health_end(void) { health = 0; }

/* Hooks of config.json: programs that get the container's state on their standard input. runtime-spec config.md, "POSIX-platform Hooks". */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/close_range.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <asm/signal.h>
#include "native.h"
#include "system.h"

static _Noreturn void become_hook(struct process *self, const struct plan_op *op, long parent, int input, int log) {
  /* whoever is killed while it runs leaves no process behind, nor one that is about to run */
  SYS_2(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL);
  if (SYS_0(__NR_getppid) != parent) exit_process(REPORT_STATUS);
  SYS_3(__NR_dup3, input, 0, 0);
  if (log >= 0) {
    SYS_3(__NR_dup3, log, 1, 0);
    SYS_3(__NR_dup3, log, 2, 0);
  }
  SYS_3(__NR_close_range, 3, ~0U, CLOSE_RANGE_CLOEXEC);
  op_reset_signals();
  struct plan_op words = *op;
  words.flags = 0; /* the placeholders are in the state; arguments and variables are somebody else's strings */
  char **argv = pointers(self, &words, op->arg[1]);
  char **env = pointers(self, &words, op->arg[2]);
  long error = -ENOMEM;
  if (argv != 0 && env != 0) error = SYS_3(__NR_execve, self->plan.base + op->arg[0], argv, env);
  report_failure(self, (u32)(op - self->plan.ops), error);
}

/*
 * Feeds the state and waits for the end. A hook that does not read its input, or only some of it, is no failure (EPIPE;
 * SIGPIPE is blocked here). One that takes too long is killed.
 */
static long attend(struct process *self, int pidfd, int output, const u8 *state, u64 length, u64 timeout) {
  u64 deadline = clock_milliseconds(CLOCK_MONOTONIC) + timeout;
  SYS_3(__NR_fcntl, output, F_SETFL, O_NONBLOCK);
  for (;;) {
    struct pollfd polls[] = {{.fd = pidfd, .events = POLLIN}, {.fd = output, .events = POLLOUT}};
    long left = (long)(deadline - clock_milliseconds(CLOCK_MONOTONIC));
    if (timeout != 0 && left <= 0) break;
    poll_for(polls, output < 0 ? 1 : 2, timeout == 0 ? -1 : left);
    if (polls[0].revents != 0) {
      if (output >= 0) SYS_1(__NR_close, output);
      return op_wait_success(self, pidfd);
    }
    if (output < 0 || polls[1].revents == 0) continue;
    long done = SYS_3(__NR_write, output, state, length);
    if (done > 0) {
      state += done;
      length -= (u64)done;
    }
    if (length == 0 || (done < 0 && done != -EAGAIN && done != -EINTR)) {
      SYS_1(__NR_close, output);
      output = -1;
    }
  }
  if (output >= 0) SYS_1(__NR_close, output);
  SYS_4(__NR_pidfd_send_signal, pidfd, SIGKILL, 0, 0);
  op_wait(self, pidfd);
  return -ETIMEDOUT;
}

long op_hook(struct process *self, const struct plan_op *op) {
  u64 length;
  const u8 *state = expand_bytes(self, op, op->arg[3], &length);
  if (state == 0) return -ENOMEM;
  int ends[2], pidfd = -1;
  long result = SYS_2(__NR_pipe2, ends, O_CLOEXEC);
  if (result < 0) return result;
  int log = op->arg[5] == PLAN_NO_FD ? -1 : self->fd[op->arg[5]];
  struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (u64)&pidfd, .exit_signal = SIGCHLD};
  long parent = SYS_0(__NR_getpid), pid = SYS_2(__NR_clone3, &args, sizeof args);
  if (pid == 0) become_hook(self, op, parent, ends[0], log);
  SYS_1(__NR_close, ends[0]);
  if (pid < 0) {
    SYS_1(__NR_close, ends[1]);
    return pid;
  }
  result = attend(self, pidfd, ends[1], state, length, op->arg[4]);
  SYS_1(__NR_close, pidfd);
  return result;
}

/* Starting, waiting for and becoming processes. */
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include "native.h"
#include "system.h"

#define P_PIDFD_TYPE 3

_Noreturn void exit_process(int status) {
  for (;;) SYS_1(__NR_exit_group, status);
}

/* 128 + N for a signal, as shells and Docker have it. */
int exit_status(int wait_status) {
  return (wait_status & 0x7f) == 0 ? wait_status >> 8 & 0xff : 128 + (wait_status & 0x7f);
}

/*
 * Asked of a process that has just said which signal it dies with: its parent may have been gone before that. From a pid
 * namespace of its own it does not see the parent, but that alone has the other end of the report pipe.
 */
static int is_orphan(const struct process *self, long parent, int parent_is_first) {
  long seen = SYS_0(__NR_getppid);
  if (seen != 0) return seen != parent;
  if (!parent_is_first || self->report_write < 0) return 0;
  struct pollfd poll = {.fd = self->report_write};
  return poll_for(&poll, 1, 0) > 0 && (poll.revents & POLLERR) != 0;
}

long op_clone(struct process *self, const struct plan_op *op) {
  int pidfd = -1;
  long parent = SYS_0(__NR_getpid);
  struct clone_args args = {
      .flags = op->arg[1] | CLONE_PIDFD, .pidfd = (u64)&pidfd, .exit_signal = op->arg[1] & CLONE_PARENT ? 0 : SIGCHLD};
  if (op->arg[3] != PLAN_NO_FD) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = (u64)self->fd[op->arg[3]];
  }
  long pid = SYS_2(__NR_clone3, &args, sizeof args);
  if (pid < 0) return pid;
  if (pid == 0) {
    if (op->arg[5] != 0) SYS_2(__NR_prctl, PR_SET_PDEATHSIG, op->arg[5]);
    if (self->is_first && self->report_read >= 0) SYS_1(__NR_close, self->report_read);
    if (self->upstream >= 0) SYS_1(__NR_close, self->upstream);
    if (op->arg[5] != 0 && is_orphan(self, parent, self->is_first)) exit_process(REPORT_STATUS);
    self->is_first = 0;
    self->upstream = -1;
    self->terminal = -1;
    run_program(self, (u32)op->arg[0]);
  }
  self->fd[op->arg[2]] = pidfd;
  if (op->arg[4] != 0) {
    self->subject = pidfd;
    self->subject_pid = (int)pid;
  }
  return 0;
}

/* Tries each path as execvp(3) does: a missing one leads to the next, one that may not be executed is remembered. */
long op_execve(struct process *self, const struct plan_op *op) {
  char **argv = pointers(self, op, op->arg[1]);
  char **env = pointers(self, op, op->arg[2]);
  if (argv == 0 || env == 0) return -E2BIG;
  long result = -ENOENT;
  for (u64 i = 0; i < vector_count(self, op->arg[0]); i++) {
    const char *path = vector_entry(self, op->arg[0], i);
    long error = SYS_3(__NR_execve, path, argv, env);
    if (error == -EACCES) {
      /* a folder by that name is passed over as shells do; a missing parent's permission is not the program's */
      if (SYS_4(__NR_faccessat, AT_FDCWD, path, 0, 0) == 0) result = error;
    } else if (error != -ENOENT && error != -ENOTDIR) {
      return error;
    } else if (SYS_4(__NR_faccessat, AT_FDCWD, path, 0, 0) == 0) {
      /* the file is there, so what is missing is the interpreter that it names */
      self->failure.detail = 1;
      return error;
    }
  }
  return result;
}

/*
 * What execve of these paths would say, asked before the container counts as created, when its caller still listens. The
 * file system may change until the program is started, so that execve says it again.
 */
long find_program(const struct process *self, u64 paths) {
  long result = -ENOENT;
  for (u64 i = 0; i < vector_count(self, paths); i++) {
    const char *path = vector_entry(self, paths, i);
    long error = SYS_4(__NR_faccessat, AT_FDCWD, path, 1 /* X_OK */, 0);
    long folder = error < 0 ? error : SYS_4(__NR_openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
    if (error == 0 && close_after(folder, folder) < 0) return 0;
    if (error == 0 || error == -EACCES) {
      if (SYS_4(__NR_faccessat, AT_FDCWD, path, 0, 0) == 0) result = -EACCES;
    } else if (error != -ENOENT && error != -ENOTDIR) {
      return error;
    }
  }
  return result;
}

/* The pid that a pidfd stands for, in this process's pid namespace: "Pid:" of its fdinfo (proc(5)). */
long pid_of(int pidfd) {
  char path[40] = "/proc/self/fdinfo/", text[512];
  path[18 + decimal(path + 18, (u64)pidfd)] = 0;
  long file = SYS_4(__NR_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
  if (file < 0) return file;
  long size = SYS_3(__NR_read, file, text, sizeof text - 1);
  SYS_1(__NR_close, file);
  if (size < 0) return size;
  text[size] = 0;
  for (long at = 0; at + 5 < size; at++) {
    if (text[at] != 'P' || text[at + 1] != 'i' || text[at + 2] != 'd' || text[at + 3] != ':') continue;
    long pid = 0;
    for (at += 4; text[at] == '\t' || text[at] == ' '; at++) {}
    for (; text[at] >= '0' && text[at] <= '9'; at++) pid = pid * 10 + (text[at] - '0');
    return pid > 0 ? pid : -ESRCH;
  }
  return -ESRCH;
}

long op_wait(struct process *self, int pidfd) {
  siginfo_t info = {0};
  long result;
  do result = SYS_5(__NR_waitid, P_PIDFD_TYPE, pidfd, &info, WEXITED, 0);
  while (result == -EINTR);
  if (result < 0) return result;
  int value = info._sifields._sigchld._status;
  self->status = info.si_code == CLD_EXITED ? value << 8 : value & 0x7f;
  return 0;
}

/* A process beside the one that matters, whose status is kept. */
long op_wait_success(struct process *self, int pidfd) {
  int before = self->status;
  long result = op_wait(self, pidfd);
  int status = self->status;
  self->status = before;
  if (result < 0 || status == 0) return result;
  self->failure.detail = (u32)exit_status(status);
  return -ECHILD;
}

long block_signals(void) {
  u64 all = ~0UL;
  return SYS_4(__NR_rt_sigprocmask, SIG_BLOCK, &all, 0, sizeof all);
}

/* execve keeps ignored signals and the mask; Bun ignores SIGPIPE, and supervision blocks everything. */
long op_reset_signals(void) {
  struct {
    u64 handler, flags, restorer, mask;
  } action = {0};
  for (int signal = 1; signal <= 64; signal++)
    if (signal != SIGKILL && signal != SIGSTOP) SYS_4(__NR_rt_sigaction, signal, &action, 0, sizeof action.mask);
  u64 none = 0;
  return SYS_4(__NR_rt_sigprocmask, SIG_SETMASK, &none, 0, sizeof none);
}

/*
 * The rest of this program's operations happen in a child; this process stays as pid 1 of the container, reaps every
 * orphan and passes signals on, as tini and catatonit do. It holds no descriptor but the standard three.
 */
long op_reap_as_init(void) {
  long pid = SYS_5(__NR_clone, SIGCHLD, 0, 0, 0, 0);
  if (pid <= 0) return pid;
  SYS_3(__NR_close_range, 3, ~0U, 0);
  u64 all = ~0UL;
  block_signals();
  for (;;) {
    siginfo_t info;
    long signal = SYS_4(__NR_rt_sigtimedwait, &all, &info, 0, sizeof all);
    if (signal > 0 && signal != SIGCHLD) SYS_2(__NR_kill, pid, signal);
    int status = 0;
    for (long ended; (ended = SYS_4(__NR_wait4, -1, &status, WNOHANG, 0)) > 0;)
      if (ended == pid) exit_process(exit_status(status));
  }
}

long bound_capabilities(u64 keep) {
  for (int cap = 0; cap < 64; cap++) {
    if (keep >> cap & 1) continue;
    long result = SYS_2(__NR_prctl, PR_CAPBSET_DROP, cap);
    if (result == -EINVAL) break; /* the kernel knows no higher one */
    if (result < 0) return result;
  }
  return 0;
}

long ambient_capabilities(u64 raise) {
  long result = SYS_5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  for (int cap = 0; cap < 64 && result >= 0; cap++)
    if (raise >> cap & 1) result = SYS_5(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
  return result;
}

long set_capabilities(u64 effective, u64 permitted, u64 inheritable) {
  struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
  struct __user_cap_data_struct data[2] = {
      {(u32)effective, (u32)permitted, (u32)inheritable},
      {(u32)(effective >> 32), (u32)(permitted >> 32), (u32)(inheritable >> 32)},
  };
  return SYS_2(__NR_capset, &header, data);
}

/*
 * What is only marked close-on-exec is open while execve looks for its program, and a path such as /proc/self/fd/7/../bin/sh
 * leads through it (CVE-2024-21626). Those that are kept are marked: they are needed until then.
 */
long close_others(struct process *self, u64 from, u64 keep) {
  for (u32 slot = 0; slot < PLAN_SLOTS; slot++)
    if ((keep >> slot & 1) == 0 && self->fd[slot] >= 0 && (u64)self->fd[slot] >= from) self->fd[slot] = -1;
  for (;;) {
    u64 next = ~0U;
    if (self->report_write >= 0 && (u64)self->report_write >= from) next = (u64)self->report_write;
    for (u32 slot = 0; slot < PLAN_SLOTS; slot++)
      if (self->fd[slot] >= 0 && (u64)self->fd[slot] >= from && (u64)self->fd[slot] < next) next = (u64)self->fd[slot];
    if (next > from) {
      long result = SYS_3(__NR_close_range, from, next == ~0U ? next : next - 1, 0);
      if (result < 0) return result;
    }
    if (next == ~0U) return 0;
    SYS_3(__NR_fcntl, next, F_SETFD, FD_CLOEXEC);
    from = next + 1;
  }
}

/* The interpreter: one short case for each operation. All decisions were made when the plan was written. */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/poll.h>
#include <linux/close_range.h>
#include <asm/ioctls.h>
#include <asm/statfs.h>
#include "native.h"
#include "socket.h"
#include "system.h"

#define EXPANDED_SIZE 8192

struct arguments {
  struct process *self;
  const struct plan_op *op;
  char expanded[EXPANDED_SIZE];
};

static u64 number(const struct arguments *in, u32 index) { return in->op->arg[index]; }

static int fd(const struct arguments *in, u32 index) {
  u64 slot = in->op->arg[index];
  return slot == PLAN_NO_FD ? AT_FDCWD : in->self->fd[slot];
}

static int optional_fd(const struct arguments *in, u32 index) {
  u64 slot = in->op->arg[index];
  return slot == PLAN_NO_FD ? -1 : in->self->fd[slot];
}

static const char *string(struct arguments *in, u32 index) {
  u64 offset = in->op->arg[index];
  if (offset == 0) return 0;
  const char *text = expand(in->self, in->op, (const char *)in->self->plan.base + offset, in->expanded, sizeof in->expanded);
  return text != 0 ? text : ""; /* too long: the empty path fails with ENOENT */
}

static const u8 *bytes(const struct arguments *in, u32 index) { return in->self->plan.base + (u32)in->op->arg[index]; }

static u64 size(const struct arguments *in, u32 index) { return in->op->arg[index] >> 32; }

/* Puts a new descriptor into its slot. */
static long assign(struct arguments *in, u32 index, long result) {
  if (result >= 0) in->self->fd[in->op->arg[index]] = (int)result;
  return result;
}

/* A slot whose descriptor was closed. */
static long release(struct arguments *in, u32 index, long result) {
  in->self->fd[in->op->arg[index]] = -1;
  return result;
}

static long close_slot(struct arguments *in, u32 index) { return release(in, index, SYS_1(__NR_close, fd(in, index))); }

static long openat2(struct arguments *in) {
  struct open_how how = {.flags = number(in, 3) | O_CLOEXEC, .mode = number(in, 4), .resolve = number(in, 5)};
  return assign(in, 0, SYS_4(__NR_openat2, fd(in, 1), string(in, 2), &how, sizeof how));
}

static long truncate_file(struct arguments *in) {
  long file = SYS_4(__NR_openat, fd(in, 0), string(in, 1), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, number(in, 2));
  return file < 0 ? file : SYS_1(__NR_close, file);
}

static long write_expanded(struct arguments *in) {
  u64 length;
  const u8 *data = expand_bytes(in->self, in->op, in->op->arg[2], &length);
  if (data == 0) return -ENOMEM;
  return write_file(fd(in, 0), string(in, 1), number(in, 3), data, length);
}

static long require_fs(struct arguments *in) {
  struct statfs stat;
  long result = SYS_2(__NR_fstatfs, fd(in, 0), &stat);
  if (result < 0) return result;
  return (u64)stat.f_type == number(in, 1) ? 0 : -ENOTTY;
}

static long mount_setattr(struct arguments *in) {
  int userns = optional_fd(in, 6);
  struct mount_attr attr = {.attr_set = number(in, 3), .attr_clr = number(in, 4), .propagation = number(in, 5)};
  if (userns >= 0) attr.userns_fd = (u64)userns;
  return SYS_5(__NR_mount_setattr, fd(in, 0), string(in, 1), number(in, 2), &attr, sizeof attr);
}

/* Both ends of what a call makes in an array of two. */
static long assign_both(struct arguments *in, const int *ends, long result) {
  if (result < 0) return result;
  assign(in, 0, ends[0]);
  assign(in, 1, ends[1]);
  return 0;
}

/* Keyrings may be compiled out, or refused by a filter that this process lives under: then there are none to inherit. */
static long session_keyring(struct arguments *in) {
  long result = SYS_2(__NR_keyctl, 1 /* KEYCTL_JOIN_SESSION_KEYRING */, string(in, 0));
  return result == -ENOSYS || result == -EPERM || result == -EACCES || result == -EDQUOT ? 0 : result;
}

#define HELPER_TRIES 15000 /* of 2 ms: half a minute, for a file system under load */

static long await_fs(struct arguments *in) {
  for (int tries = 0; tries < HELPER_TRIES; tries++) {
    struct statfs stat;
    long file = SYS_4(__NR_openat, fd(in, 0), string(in, 1), O_PATH | O_CLOEXEC, 0);
    if (file < 0) return file;
    long result = SYS_2(__NR_fstatfs, file, &stat);
    SYS_1(__NR_close, file);
    if (result < 0) return result;
    if ((u64)stat.f_type == number(in, 2)) return 0;
    struct pollfd helper = {.fd = optional_fd(in, 3), .events = POLLIN};
    if (poll_for(&helper, 1, 2) > 0) return -ECHILD;
  }
  return -ETIMEDOUT;
}

static long pty_pair(struct arguments *in) {
  int master, slave;
  long result = open_pty(fd(in, 2), &master, &slave);
  if (result < 0) return result;
  assign(in, 0, master);
  assign(in, 1, slave);
  return 0;
}

static long set_limit(struct arguments *in) {
  struct {
    u64 soft, hard;
  } limit = {number(in, 1), number(in, 2)};
  return SYS_4(__NR_prlimit64, 0, number(in, 0), &limit, 0);
}

/* The state may be longer than what strings are expanded in, so seccomp.c puts the pid in. */
static long notify(struct arguments *in) {
  const char *state = (const char *)in->self->plan.base + number(in, 3);
  long result = seccomp_notify(in->self, in->op, number(in, 0), bytes(in, 1), size(in, 1), fd(in, 2), state);
  if (result >= 0) in->self->fd[number(in, 2)] = -1;
  return result;
}

static long execute(struct arguments *in) {
  struct process *self = in->self;
  switch ((enum plan_code)in->op->code) {
  case OP_adopt: return assign(in, 0, (long)number(in, 1));
  case OP_close: return close_slot(in, 0);
  case OP_dup2: {
    long target = (long)number(in, 1);
    return fd(in, 0) == target ? SYS_3(__NR_fcntl, target, F_SETFD, 0) : SYS_3(__NR_dup3, fd(in, 0), target, 0);
  }
  case OP_openat2: return openat2(in);
  case OP_make_in: return assign(in, 0, make_in_root(fd(in, 1), string(in, 2), (u32)number(in, 3), (u32)number(in, 4)));
  case OP_mkdirat: return SYS_3(__NR_mkdirat, fd(in, 0), string(in, 1), number(in, 2));
  case OP_mknodat: return SYS_4(__NR_mknodat, fd(in, 0), string(in, 1), number(in, 2), number(in, 3));
  case OP_symlinkat: return SYS_3(__NR_symlinkat, self->plan.base + number(in, 0), fd(in, 1), string(in, 2));
  case OP_fchownat: return SYS_5(__NR_fchownat, fd(in, 0), string(in, 1), number(in, 2), number(in, 3), number(in, 4));
  case OP_fchmod: return SYS_2(__NR_fchmod, fd(in, 0), number(in, 1));
  case OP_write: return write_all(fd(in, 0), bytes(in, 1), size(in, 1));
  case OP_write_file: return write_expanded(in);
  case OP_renameat: return SYS_5(__NR_renameat2, fd(in, 0), string(in, 1), fd(in, 2), self->plan.base + number(in, 3), 0);
  case OP_truncate_file: return truncate_file(in);
  case OP_memfd: return assign(in, 0, SYS_2(__NR_memfd_create, string(in, 1), 1 /* MFD_CLOEXEC */));
  case OP_remove_tree: return remove_tree(fd(in, 0), string(in, 1), 0);
  case OP_unlinkat: return SYS_3(__NR_unlinkat, fd(in, 0), string(in, 1), number(in, 2));
  case OP_require_fs: return require_fs(in);
  case OP_require_device: return require_device(fd(in, 0), (u32)number(in, 1), number(in, 2));
  case OP_require_cwd_inside: return require_cwd_inside();
  case OP_lock: return SYS_2(__NR_flock, fd(in, 0), number(in, 1));
  case OP_mount: {
    const char *data = number(in, 4) == 0 ? 0 : (const char *)self->plan.base + number(in, 4);
    const char *source = number(in, 0) == 0 ? 0 : (const char *)self->plan.base + number(in, 0);
    const char *type = number(in, 2) == 0 ? 0 : (const char *)self->plan.base + number(in, 2);
    return SYS_5(__NR_mount, source, string(in, 1), type, number(in, 3), data);
  }
  case OP_umount2: return SYS_2(__NR_umount2, string(in, 0), number(in, 1));
  case OP_new_mount: return assign(in, 0, new_mount(&self->plan, string(in, 1), number(in, 2), number(in, 3), &self->failure.detail));
  case OP_inherit_folder: return inherit_folder(fd(in, 0), fd(in, 1), string(in, 2), number(in, 3) != 0, number(in, 4) != 0);
  case OP_copy_data: return copy_data(fd(in, 0), fd(in, 1));
  case OP_chown_tree: return chown_tree(fd(in, 0), (u32)number(in, 1), (u32)number(in, 2));
  case OP_open_tree: return assign(in, 0, SYS_3(__NR_open_tree, fd(in, 1), string(in, 2), number(in, 3) | OPEN_TREE_CLOEXEC));
  case OP_attach: {
    long result = attach(fd(in, 0), fd(in, 1), string(in, 2), (u32)number(in, 3), (int)number(in, 4));
    if (result >= 0) close_slot(in, 0);
    return result;
  }
  case OP_bind_device: return bind_device(fd(in, 0), (const char *)self->plan.base + number(in, 1), string(in, 2), (u32)number(in, 3), number(in, 4));
  case OP_read_only_path: return read_only_path(fd(in, 0), string(in, 1));
  case OP_mask_path: return mask_path(fd(in, 0), string(in, 1), fd(in, 2));
  case OP_mount_setattr: return mount_setattr(in);
  case OP_pivot_root: return SYS_2(__NR_pivot_root, string(in, 0), self->plan.base + number(in, 1));
  case OP_chdir: return SYS_1(__NR_chdir, string(in, 0));
  case OP_fchdir: return SYS_1(__NR_fchdir, fd(in, 0));
  case OP_chroot: return SYS_1(__NR_chroot, string(in, 0));
  case OP_umask: SYS_1(__NR_umask, number(in, 0)); return 0;
  case OP_unshare: return SYS_1(__NR_unshare, number(in, 0));
  case OP_setns: return SYS_2(__NR_setns, fd(in, 0), number(in, 1));
  case OP_sethostname: return SYS_2(__NR_sethostname, bytes(in, 0), size(in, 0));
  case OP_setdomainname: return SYS_2(__NR_setdomainname, bytes(in, 0), size(in, 0));
  case OP_setsid: return SYS_0(__NR_setsid);
  case OP_set_terminal: return SYS_3(__NR_ioctl, fd(in, 0), TIOCSCTTY, 0);
  case OP_prlimit: return set_limit(in);
  case OP_prctl: return SYS_5(__NR_prctl, number(in, 0), number(in, 1), number(in, 2), 0, 0);
  case OP_personality: return SYS_1(__NR_personality, number(in, 0));
  case OP_setgroups: return SYS_2(__NR_setgroups, size(in, 0) / 4, bytes(in, 0));
  case OP_own_pipes: own_pipes((u32)number(in, 0)); return 0;
  case OP_setresgid: return SYS_3(__NR_setresgid, number(in, 0), number(in, 0), number(in, 0));
  case OP_setresuid: return SYS_3(__NR_setresuid, number(in, 0), number(in, 0), number(in, 0));
  case OP_bound_capabilities: return bound_capabilities(number(in, 0));
  case OP_ambient_capabilities: return ambient_capabilities(number(in, 0));
  case OP_capset: return set_capabilities(number(in, 0), number(in, 1), number(in, 2));
  case OP_seccomp: return load_seccomp(number(in, 0), bytes(in, 1), size(in, 1));
  case OP_seccomp_notify: return notify(in);
  case OP_sched_setaffinity: return SYS_3(__NR_sched_setaffinity, 0, size(in, 0), bytes(in, 0));
  case OP_sched_setattr: return SYS_3(__NR_sched_setattr, 0, bytes(in, 0), 0);
  case OP_ioprio_set: return SYS_3(__NR_ioprio_set, 1 /* IOPRIO_WHO_PROCESS */, 0, number(in, 0));
  /* the kernel takes one off the number of bits */
  case OP_set_mempolicy: return SYS_3(__NR_set_mempolicy, number(in, 0), bytes(in, 1), size(in, 1) * 8 + 1);
  case OP_session_keyring: return session_keyring(in);
  case OP_reset_signals: return op_reset_signals();
  case OP_close_on_exec_from: return SYS_3(__NR_close_range, number(in, 0), ~0U, CLOSE_RANGE_CLOEXEC);
  case OP_close_others: return close_others(self, number(in, 0), number(in, 1));
  case OP_execve: return op_execve(self, in->op);
  case OP_socketpair: {
    int ends[2];
    return assign_both(in, ends, SYS_4(__NR_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends));
  }
  case OP_pipe: {
    int ends[2];
    return assign_both(in, ends, SYS_2(__NR_pipe2, ends, O_CLOEXEC));
  }
  case OP_clone: return op_clone(self, in->op);
  case OP_send: return send_byte(fd(in, 0), (u8)number(in, 1));
  case OP_recv: return receive_byte(fd(in, 0), number(in, 1));
  case OP_send_subject: return send_subject(self, fd(in, 0));
  case OP_recv_identity: return receive_identity(self, fd(in, 0));
  case OP_hook: return op_hook(self, in->op);
  case OP_await_start: return await_start(fd(in, 0));
  case OP_report_to: self->report_file = fd(in, 0); return 0;
  case OP_find_program: return find_program(self, number(in, 0));
  case OP_recv_ready: return receive_any(fd(in, 0));
  case OP_send_fd: return send_descriptor(fd(in, 0), fd(in, 1));
  case OP_recv_fd: return assign(in, 0, receive_descriptor(fd(in, 1)));
  case OP_recv_subject: return assign(in, 0, receive_subject(self, fd(in, 1)));
  case OP_wait_success: return op_wait_success(self, fd(in, 0));
  case OP_await_fs: return await_fs(in);
  case OP_wait: return op_wait(self, fd(in, 0));
  case OP_kill: return SYS_4(__NR_pidfd_send_signal, fd(in, 0), number(in, 1), 0, 0);
  case OP_await_exec: return op_await_exec(self);
  case OP_open_pty: return pty_pair(in);
  case OP_window_size: return set_window_size(fd(in, 0), (u16)number(in, 1), (u16)number(in, 2));
  case OP_connect_unix: return assign(in, 0, connect_unix(string(in, 1), SOCK_STREAM));
  case OP_close_on_exec: return SYS_3(__NR_fcntl, fd(in, 0), F_SETFD, FD_CLOEXEC);
  case OP_loopback_up: return loopback_up();
  case OP_interface: return assign(in, 0, interface_number(string(in, 1)));
  case OP_inet_socket: return assign(in, 0, inet_socket((int)number(in, 1), (u32)number(in, 2), (u16)number(in, 3)));
  case OP_await_either: return await_either(fd(in, 0), fd(in, 1));
  case OP_hub: return op_hub(fd(in, 0), optional_fd(in, 1), optional_fd(in, 2), fd(in, 3), optional_fd(in, 4), number(in, 5), number(in, 6));
  case OP_netlink: return netlink_request(bytes(in, 0), size(in, 0), optional_fd(in, 1), number(in, 2));
  case OP_supervise: return op_supervise(self, fd(in, 0), optional_fd(in, 1), optional_fd(in, 2), optional_fd(in, 3));
  case OP_client: return op_client(self, in->op);
  case OP_take_reports: return take_reports(self);
  case OP_leave: return release(in, 0, stop_reporting(self, fd(in, 0), (u8)number(in, 1)));
  case OP_listen_unix: return assign(in, 0, listen_unix(string(in, 1)));
  case OP_packet_pair: {
    int ends[2];
    return assign_both(in, ends, SYS_4(__NR_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
  }
  case OP_send_hello: {
    u8 hello[2] = {PACKET_HELLO, (u8)number(in, 1)};
    return SYS_6(__NR_sendto, fd(in, 0), hello, sizeof hello, MSG_NOSIGNAL, 0, 0);
  }
  case OP_log_file: return op_log_file(self, in->op);
  case OP_log_journal: return op_log_journal(self, in->op);
  case OP_notify_systemd: return op_notify_systemd(self, in->op);
  case OP_health: return op_health(self, in->op);
  case OP_watch_oom: return op_watch_oom(self, in->op);
  case OP_oom_killed: return op_oom_killed(self);
  case OP_monitor: return op_monitor(self, in->op);
  case OP_dismiss: return op_dismiss(self, optional_fd(in, 0));
  case OP_require_wanted: return op_require_wanted();
  case OP_keep_client: return op_keep_client((long)number(in, 0));
  case OP_wait_for: return op_wait_for(number(in, 0), optional_fd(in, 1), optional_fd(in, 2), (int)number(in, 3));
  case OP_reap_as_init: return op_reap_as_init();
  case OP_jump: return 0;
  case OP_fail: return -(long)number(in, 0);
  case OP_exit: exit_process(number(in, 0) == 256 ? exit_status(self->status) : (int)number(in, 0));
  case OP_COUNT: break;
  }
  return -ENOSYS;
}

static u8 recover_class(long error) {
  switch (-error) {
  case ENOENT: case ENOTDIR: return RECOVER_MISSING;
  case EPERM: case EACCES: case EROFS: return RECOVER_DENIED;
  case EEXIST: return RECOVER_EXISTS;
  case ENOSYS: case EOPNOTSUPP: case EINVAL: case ENODEV: return RECOVER_UNSUPPORTED;
  case EBUSY: return RECOVER_BUSY;
  default: return RECOVER_OTHER;
  }
}

_Noreturn void run_program(struct process *self, u32 number) {
  const struct plan_program *program = &self->plan.programs[number];
  int forgiving = number == self->plan.header->failure_program;
  u32 end = program->first + program->count;
  for (u32 at = program->first; at < end;) {
    static struct arguments in;
    in.self = self;
    in.op = &self->plan.ops[at];
    struct report told = self->failure;
    long result = execute(&in);
    if (forgiving) self->failure = told; /* what failed first, not how a helper ended that is cleared away */
    if (result >= 0) at = in.op->code == OP_jump ? in.op->jump : at + 1;
    else if (in.op->recover & recover_class(result)) at = in.op->jump;
    else if (forgiving) at++;
    else fail_operation(self, at, result);
  }
  exit_process(forgiving ? REPORT_STATUS : 0);
}

/*
 * The plan: what TypeScript compiled a container into, and the only input of the native program. This header is the one
 * definition of the format; src/plan/format.gen.ts is generated from it (scripts/generate-plan.ts).
 *
 * A plan is one little-endian block of bytes: a header, a table of programs, a table of operations, and data (strings,
 * byte arrays, string vectors) to which operations point by offset from the block's start. Process 0 runs program 0; a
 * `clone` operation starts another process on another program. See native/README.md.
 */
#ifndef TSBOX_PLAN_H
#define TSBOX_PLAN_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#define PLAN_MAGIC 0x786f6273 /* "sbox" */
#define PLAN_VERSION 1
#define PLAN_SLOTS 64
#define PLAN_ARGS 8
#define PLAN_MAX_SIZE (64u << 20)
#define PLAN_NO_PROGRAM 0xffffffffu
#define PLAN_NO_FD 0xffu /* an optional descriptor that is not given: AT_FDCWD, or none */

struct plan_header {
  u32 magic, version, size, program_count, op_count, programs, ops, failure_program;
};

struct plan_program {
  u32 first, count, name, reserved;
};

/* An operation whose errno falls into one of these classes jumps forward to `jump` instead of failing. */
#define RECOVER_MISSING 1 /* ENOENT, ENOTDIR */
#define RECOVER_DENIED 2 /* EPERM, EACCES, EROFS */
#define RECOVER_EXISTS 4 /* EEXIST */
#define RECOVER_UNSUPPORTED 8 /* ENOSYS, EOPNOTSUPP, EINVAL, ENODEV */
#define RECOVER_BUSY 16 /* EBUSY */
#define RECOVER_OTHER 128

/* The strings of this operation have placeholders: bytes 1 to 8 stand for the decimal pid of the subject (the process
 * that a `clone` with `subject` started), the failed operation's index, its errno, its detail, and the time at which the
 * subject started, as /proc/PID/stat has it, the pid of the process itself, as it sees it, the time of day in milliseconds since
 * 1970, and the exit status of what was waited for. */
#define OP_EXPAND 1

struct plan_op {
  u16 code;
  u8 recover, flags;
  u32 jump, note, reserved;
  u64 arg[PLAN_ARGS];
};

/*
 * X(name, argument types, argument names and how people read them)
 *   n number   s string   S string or 0   b bytes (offset | length << 32)   v vector of strings
 *   f descriptor slot in use   F descriptor slot or PLAN_NO_FD   o slot that receives a descriptor   p program
 * Each operation is the system call of its name unless a comment says otherwise.
 */
#define PLAN_OPS(X) \
  /* descriptors and files */ \
  X(adopt, "on", "out fd") /* an inherited descriptor */ \
  X(close, "f", "fd") \
  X(dup2, "fn", "fd number") /* the copy survives exec */ \
  X(openat2, "oFsnnn", "out dir path flags:open mode:octal resolve:resolve") \
  X(make_in, "ofsnn", "out root path mode:octal kind:type") /* open `path` inside root, made with its parents where missing */ \
  X(mkdirat, "Fsn", "dir path mode:octal") \
  X(mknodat, "Fsnn", "dir path mode:octal dev:dev") \
  X(symlinkat, "sFs", "target dir path") \
  X(fchownat, "Fsnnn", "dir path uid gid flags:at") \
  X(fchmod, "fn", "fd mode:octal") \
  X(write, "fb", "fd data") \
  X(write_file, "Fsbn", "dir path data flags:open") /* open, write in one call, close */ \
  X(renameat, "FsFs", "old_dir old_path new_dir new_path") \
  X(truncate_file, "Fsn", "dir path mode:octal") /* an empty file, made or emptied */ \
  X(memfd, "os", "out name") \
  X(remove_tree, "Fs", "dir path") /* a folder and all it holds, never through a link or into another mount */ \
  X(unlinkat, "Fsn", "dir path flags:at") \
  X(require_fs, "fn", "fd magic:fs") /* fails unless on that kind of file system */ \
  X(require_device, "fnn", "fd type:type dev:dev") /* fails unless of that type (and number) */ \
  X(require_cwd_inside, "", "") /* fails when the working folder is not below the root */ \
  X(lock, "fn", "fd operation:flock") \
  /* mounts */ \
  X(mount, "SsSnS", "source target type flags:mount data") \
  X(umount2, "sn", "target flags:umount") \
  X(new_mount, "osvn", "out type options attributes:attr") /* fsopen, fsconfig of `key` or `key=value`, fsmount */ \
  X(inherit_folder, "ffsnn", "mount root path mode contents") /* of what the mount will cover */ \
  X(copy_data, "ff", "from to") /* from where the one stands to its end */ \
  X(chown_tree, "fnn", "mount uid gid") /* what it shows and all below, never through a link or into another mount */ \
  X(open_tree, "oFsn", "out dir path flags:open_tree") \
  X(attach, "ffsnn", "mount root path kind:type follow_links") /* at a place inside root, made where missing; closes the mount */ \
  X(bind_device, "fssnn", "root host path kind:type dev:dev") /* only if it is that device */ \
  X(read_only_path, "fs", "root path") \
  X(mask_path, "fsf", "root path dev_null") \
  X(mount_setattr, "FsnnnnF", "dir path flags:at set:attr clear:attr propagation:mount userns") \
  X(pivot_root, "ss", "new_root put_old") \
  /* the process itself */ \
  X(chdir, "s", "path") \
  X(fchdir, "f", "fd") \
  X(chroot, "s", "path") \
  X(umask, "n", "mask:octal") \
  X(unshare, "n", "flags:clone") \
  X(setns, "fn", "fd flags:clone") \
  X(sethostname, "b", "name") \
  X(setdomainname, "b", "name") \
  X(setsid, "", "") \
  X(set_terminal, "f", "terminal") /* make it the controlling terminal */ \
  X(prlimit, "nnn", "resource:rlimit soft hard") \
  X(prctl, "nnn", "option:prctl value value2") \
  X(personality, "n", "persona:hex") \
  X(setgroups, "b", "gids") \
  X(own_pipes, "n", "uid") /* pipes that are standard streams get this owner, so that /dev/stdout and its like can be opened */ \
  X(setresgid, "n", "gid") \
  X(setresuid, "n", "uid") \
  X(bound_capabilities, "n", "keep:caps") /* drop all others from the bounding set */ \
  X(ambient_capabilities, "n", "raise:caps") /* clear the ambient set, then raise these */ \
  X(capset, "nnn", "effective:caps permitted:caps inheritable:caps") \
  X(seccomp, "nb", "flags:hex program") \
  X(seccomp_notify, "nbfs", "flags:hex program socket state") /* load it, and send its listener with `state`; closes both */ \
  X(sched_setaffinity, "b", "cpus") \
  X(sched_setattr, "b", "attributes") \
  X(ioprio_set, "n", "priority:hex") \
  X(set_mempolicy, "nb", "mode:hex nodes") \
  X(session_keyring, "s", "name") /* join a new one; a kernel without keyrings has nothing to be kept from */ \
  X(reset_signals, "", "") /* default actions, nothing blocked */ \
  X(close_on_exec_from, "n", "fd") /* mark this and all higher descriptors */ \
  X(close_others, "nn", "first keep:slots") /* close this and all higher ones but the report pipe and those of a mask of slots */ \
  X(execve, "vvv", "paths argv env") /* the first path that exists */ \
  /* other processes */ \
  X(socketpair, "oo", "a b") \
  X(pipe, "oo", "read write") \
  X(clone, "pnoFnn", "program flags:clone pidfd cgroup subject deathsig:signal") \
  X(send, "fn", "socket byte") \
  X(recv, "fn", "socket byte") /* wait for exactly this byte; the peer's end is a failure */ \
  X(send_subject, "f", "socket") /* the subject's pid */ \
  X(recv_identity, "f", "socket") /* wait for that: this process is the subject, and that is its pid as its starter sees it */ \
  X(recv_ready, "f", "socket") /* wait for any byte; the peer's end is a failure */ \
  X(send_fd, "ff", "socket fd") \
  X(recv_fd, "of", "out socket") \
  X(recv_subject, "of", "out socket") /* a pidfd; its process becomes the subject */ \
  X(wait_success, "f", "pidfd") /* wait for exit status 0 */ \
  X(await_fs, "FsnF", "dir path magic:fs helper") /* until `path` is on that kind of file system; fails when the helper ends */ \
  X(hook, "svvbnF", "path argv env state timeout log") /* run it with `state` as its input; fails unless it ends with 0 in time (ms, 0: any) */ \
  X(await_start, "f", "fifo") /* until somebody writes to it */ \
  X(report_to, "f", "file") /* from now on this process reports failures there: what the report pipe gets, then the note */ \
  X(find_program, "v", "paths") /* fails as execve of the first that exists would */ \
  X(wait, "f", "pidfd") /* wait, whatever the status; becomes the exit status of `exit` */ \
  X(kill, "fn", "pidfd signal:signal") \
  X(await_exec, "", "") /* until each process that shares the report pipe has executed its program or reported a failure */ \
  X(open_pty, "oof", "master slave ptmx") \
  X(window_size, "fnn", "terminal rows columns") \
  X(connect_unix, "os", "out path") \
  X(close_on_exec, "f", "fd") /* of one that was inherited */ \
  X(loopback_up, "", "") /* in a new network namespace */ \
  X(interface, "os", "out name") /* the number of a network device, for `netlink` */ \
  X(inet_socket, "onnn", "out type address:hex port") /* bound, listening if it is for streams; IPv4 */ \
  X(await_either, "ff", "a b") /* until one of the two ends: a process, or the other side of a connection */ \
  X(hub, "fFFfFnn", "listener udp tcp network user subnet:hex flags:hex") /* of a named network: native/hub.c */ \
  X(netlink, "bFn", "message fd offset") /* to the kernel, with the number of `fd` put in at `offset`; waits for its answer */ \
  X(supervise, "fFFF", "pidfd pty input output") /* forward signals, move terminal bytes, wait for the end */ \
  X(client, "fFnbs", "socket input flags:hex detach_keys folder") /* a person beside a monitor; sets the status */ \
  /* the monitor of a detached container: native/monitor.c */ \
  X(take_reports, "", "") /* handle failures of those that are started from here on as process 0 does, and report them */ \
  X(leave, "fn", "socket byte") /* send it; from here on nobody is told of failures */ \
  X(listen_unix, "os", "out path") /* for packets */ \
  X(packet_pair, "oo", "a b") \
  X(send_hello, "fn", "socket wants:hex") \
  X(log_file, "vns", "paths max_size lost") \
  X(log_journal, "sb", "socket fields") \
  X(notify_systemd, "sbn", "socket message when_healthy") /* a datagram, now or when `health` finds it healthy */ \
  X(health, "pooFbssb", "program pidfd output cgroup times path events event") /* run it from time to time while `monitor` goes on */ \
  X(watch_oom, "ssb", "counts events event") /* memory.events of a cgroup: an event for what the kernel kills from here on */ \
  X(oom_killed, "", "") /* fails unless the kernel killed something since `watch_oom` */ \
  X(monitor, "fFFFFFFn", "pidfd pty input output error listener client flags:hex") /* until the process ends */ \
  X(require_wanted, "", "") /* fails when the client that the monitor was started with has gone, or has asked for the program's end */ \
  X(keep_client, "n", "number") /* that client is not to be dismissed: its connection gets this number, and survives exec; fails without one */ \
  X(dismiss, "F", "listener") /* tell clients the exit status */ \
  X(wait_for, "nFFn", "milliseconds listener client owns") /* fails when somebody connects, or a client that owns goes or asks for the end */ \
  X(reap_as_init, "", "") /* fork: the child goes on, this process reaps and forwards signals as pid 1 */ \
  X(jump, "", "") /* always go to `jump` */ \
  X(fail, "n", "errno:errno") \
  X(exit, "n", "status") /* 256: as the process that was waited for */

enum plan_code {
#define X(name, types, names) OP_##name,
  PLAN_OPS(X)
#undef X
  OP_COUNT
};

#endif

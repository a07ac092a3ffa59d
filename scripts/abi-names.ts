/** What `generate-abi.ts` reads from the kernel's headers. Add a name here, then run `bun scripts/generate-abi.ts`. */

export const HEADERS = [
  "stddef.h",
  "fcntl.h",
  "errno.h",
  "sched.h",
  "signal.h",
  "asm/unistd.h",
  "linux/audit.h",
  "linux/capability.h",
  "linux/filter.h",
  "linux/fs.h",
  "linux/magic.h",
  "linux/memfd.h",
  "linux/mount.h",
  "linux/openat2.h",
  "linux/prctl.h",
  "linux/seccomp.h",
  "linux/stat.h",
  "linux/xattr.h",
  "linux/falloc.h",
  "sys/file.h",
  "sys/ioctl.h",
  "sys/mman.h",
  "sys/resource.h",
] as const;

// biome-ignore format: one family a line
export const SYSCALLS = [
  "openat", "openat2", "close", "close_range", "read", "write", "pread64", "pwrite64", "lseek", "ftruncate", "fallocate", "copy_file_range",
  "fstat", "statx", "fstatfs", "statfs", "fchmod", "fchmodat", "fchown", "fchownat", "utimensat", "mkdirat", "mknodat", "symlinkat", "linkat", "unlinkat",
  "renameat2", "readlinkat", "getdents64", "faccessat", "faccessat2", "fsync", "fdatasync", "sync_file_range", "syncfs", "flock", "fcntl", "ioctl", "dup3", "pipe2",
  "setxattr", "lsetxattr", "fsetxattr", "getxattr", "lgetxattr", "fgetxattr", "listxattr", "llistxattr", "flistxattr", "removexattr",
  "mount", "umount2", "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "mount_setattr", "pivot_root",
  "chroot", "chdir", "fchdir", "umask", "unshare", "setns", "clone3", "execve", "execveat", "wait4", "waitid", "kill", "pidfd_open", "pidfd_send_signal", "ppoll",
  "getrandom", "getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "setuid", "setgid", "setgroups", "prctl", "prlimit64", "capget", "capset", "seccomp",
  "mmap", "munmap", "mprotect", "memfd_create", "socket", "connect", "bind", "listen", "accept4", "sendmsg", "recvmsg", "sendto", "socketpair",
  "bpf",
] as const;

// biome-ignore format: one family a line
export const CONSTANTS = [
  "AT_FDCWD", "AT_EMPTY_PATH", "AT_SYMLINK_NOFOLLOW", "AT_SYMLINK_FOLLOW", "AT_REMOVEDIR", "AT_RECURSIVE", "AT_EACCESS",
  "O_RDONLY", "O_WRONLY", "O_RDWR", "O_CREAT", "O_EXCL", "O_TRUNC", "O_APPEND", "O_NONBLOCK", "O_CLOEXEC", "O_PATH", "O_TMPFILE", "O_DIRECTORY", "O_NOFOLLOW", "O_NOATIME", "O_NOCTTY",
  "RESOLVE_IN_ROOT", "RESOLVE_BENEATH", "RESOLVE_NO_SYMLINKS", "RESOLVE_NO_MAGICLINKS", "RESOLVE_NO_XDEV",
  "S_IFMT", "S_IFREG", "S_IFDIR", "S_IFLNK", "S_IFCHR", "S_IFBLK", "S_IFIFO", "S_IFSOCK",
  "RENAME_NOREPLACE", "RENAME_EXCHANGE", "UTIME_OMIT", "XATTR_CREATE", "FICLONE", "FALLOC_FL_KEEP_SIZE",
  "LOCK_SH", "LOCK_EX", "LOCK_NB", "LOCK_UN", "F_GETFD", "F_SETFD", "F_GETFL", "F_SETFL", "F_ADD_SEALS", "FD_CLOEXEC", "F_SEAL_SEAL", "F_SEAL_SHRINK", "F_SEAL_GROW", "F_SEAL_WRITE",
  "MFD_CLOEXEC", "MFD_ALLOW_SEALING", "SEEK_SET", "SEEK_DATA", "SEEK_HOLE",
  "MS_RDONLY", "MS_NOSUID", "MS_NODEV", "MS_NOEXEC", "MS_REMOUNT", "MS_BIND", "MS_MOVE", "MS_REC", "MS_SILENT", "MS_PRIVATE", "MS_SLAVE", "MS_SHARED", "MS_UNBINDABLE", "MS_RELATIME", "MS_STRICTATIME", "MS_NOATIME", "MS_NODIRATIME", "MS_SYNCHRONOUS", "MS_DIRSYNC", "MS_MANDLOCK", "MS_LAZYTIME", "MS_I_VERSION", "MNT_DETACH", "UMOUNT_NOFOLLOW",
  "MOUNT_ATTR_RDONLY", "MOUNT_ATTR_NOSUID", "MOUNT_ATTR_NODEV", "MOUNT_ATTR_NOEXEC", "MOUNT_ATTR_NOATIME", "MOUNT_ATTR_STRICTATIME", "MOUNT_ATTR_RELATIME", "MOUNT_ATTR__ATIME", "MOUNT_ATTR_NODIRATIME", "MOUNT_ATTR_NOSYMFOLLOW", "MOUNT_ATTR_IDMAP",
  "OPEN_TREE_CLONE", "OPEN_TREE_CLOEXEC", "MOVE_MOUNT_F_EMPTY_PATH", "MOVE_MOUNT_T_EMPTY_PATH", "FSOPEN_CLOEXEC", "FSMOUNT_CLOEXEC", "FSCONFIG_SET_FLAG", "FSCONFIG_SET_STRING", "FSCONFIG_SET_FD", "FSCONFIG_CMD_CREATE",
  "CLONE_NEWNS", "CLONE_NEWCGROUP", "CLONE_NEWUTS", "CLONE_NEWIPC", "CLONE_NEWUSER", "CLONE_NEWPID", "CLONE_NEWNET", "CLONE_NEWTIME", "CLONE_PARENT", "CLONE_PIDFD",
  "PR_SET_NO_NEW_PRIVS", "PR_SET_PDEATHSIG", "PR_SET_CHILD_SUBREAPER", "PR_SET_DUMPABLE", "PR_SET_NAME", "PR_CAP_AMBIENT", "PR_SET_KEEPCAPS", "PR_SET_SECUREBITS",
  "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_NEW_LISTENER", "SECCOMP_FILTER_FLAG_TSYNC_ESRCH", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
  "SECCOMP_RET_KILL_PROCESS", "SECCOMP_RET_KILL_THREAD", "SECCOMP_RET_TRAP", "SECCOMP_RET_ERRNO", "SECCOMP_RET_USER_NOTIF", "SECCOMP_RET_TRACE", "SECCOMP_RET_LOG", "SECCOMP_RET_ALLOW",
  "AUDIT_ARCH_X86_64", "AUDIT_ARCH_I386", "AUDIT_ARCH_AARCH64", "AUDIT_ARCH_ARM",
  "BPF_LD", "BPF_W", "BPF_ABS", "BPF_ALU", "BPF_AND", "BPF_JMP", "BPF_JA", "BPF_JEQ", "BPF_JGT", "BPF_JGE", "BPF_JSET", "BPF_K", "BPF_RET", "BPF_MAXINSNS",
  "PROC_SUPER_MAGIC", "SYSFS_MAGIC", "TMPFS_MAGIC", "OVERLAYFS_SUPER_MAGIC", "CGROUP2_SUPER_MAGIC", "CGROUP_SUPER_MAGIC", "NFS_SUPER_MAGIC", "DEVPTS_SUPER_MAGIC", "FUSE_SUPER_MAGIC",
  "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC", "RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE", "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
  "SIGHUP", "SIGINT", "SIGQUIT", "SIGILL", "SIGTRAP", "SIGABRT", "SIGBUS", "SIGFPE", "SIGKILL", "SIGUSR1", "SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM", "SIGSTKFLT", "SIGCHLD", "SIGCONT", "SIGSTOP", "SIGTSTP", "SIGTTIN", "SIGTTOU", "SIGURG", "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF", "SIGWINCH", "SIGIO", "SIGPWR", "SIGSYS",
] as const;

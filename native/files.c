/* Files and folders by descriptor, so that nothing in a root file system can lead an operation out of it. */
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <linux/errno.h>
#include <asm/statfs.h>
#include "native.h"
#include "system.h"

#define PATH_SIZE 4096
#define MAX_LINKS 40 /* as path_resolution(7) */
#define REMOVE_MAX_DEPTH 512

long close_after(long fd, long result) {
  if (fd >= 0) SYS_1(__NR_close, fd);
  return result;
}

/* Links lead to where they would lead if `root` were the root, and nowhere if they are procfs's. */
long open_in(int root, const char *path, u64 flags, u64 resolve) {
  struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve};
  return SYS_4(__NR_openat2, root, path, &how, sizeof how);
}

static long stat_fd(int fd, struct statx *out) {
  return SYS_5(__NR_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, out);
}

static long create_leaf(int parent, const char *name, u32 mode, u32 type) {
  if (type == S_IFDIR) return SYS_3(__NR_mkdirat, parent, name, mode);
  return SYS_4(__NR_mknodat, parent, name, type | mode, 0);
}

/* Puts head (of a given length), target and tail together as one path. Returns -ENAMETOOLONG or 0. */
static long join(char *out, const char *head, u64 head_length, const char *target, u64 target_length, const char *tail) {
  u64 tail_length = length_of(tail);
  if (head_length + target_length + tail_length + 2 > PATH_SIZE) return -ENAMETOOLONG;
  u64 at = 0;
  if (target[0] != '/')
    for (u64 i = 0; i < head_length; i++) out[at++] = head[i];
  for (u64 i = 0; i < target_length; i++) out[at++] = target[i];
  out[at++] = '/';
  for (u64 i = 0; i <= tail_length; i++) out[at + i] = tail[i];
  return 0;
}

/*
 * Opens `path` inside `root` as O_PATH; what is missing is made: parents as folders 0755, the last component of the
 * given type. The kernel resolves every link inside the root (openat2(2), RESOLVE_IN_ROOT), and each component is made by
 * its parent's descriptor (CVE-2024-45310). Where a link leads to something missing, its target is made: images have
 * /etc/resolv.conf as a link into /run, which is empty.
 */
long make_in_root(int root, const char *path, u32 mode, u32 type) {
  long fd = open_in(root, path, O_PATH, 0);
  if (fd != -ENOENT) return fd;
  char whole[PATH_SIZE], prefix[PATH_SIZE], link[PATH_SIZE];
  if (join(whole, "", 0, path, length_of(path), "") < 0) return -ENAMETOOLONG;
  for (int links = 0; links < MAX_LINKS; links++) {
    long parent = SYS_3(__NR_openat, root, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    long target = 0; /* length of a dangling link's text */
    u64 at = 0, start = 0;
    while (parent >= 0 && target == 0) {
      while (whole[at] == '/') at++;
      start = at;
      while (whole[at] != 0 && whole[at] != '/') at++;
      u64 rest = at;
      while (whole[rest] == '/') rest++;
      int last = whole[rest] == 0;
      /* by its whole prefix, because the kernel must see the links of the path from the root on */
      for (u64 i = 0; i < at; i++) prefix[i] = whole[i];
      prefix[at] = 0;
      long next = open_in(root, prefix, O_PATH, 0);
      if (next == -ENOENT) {
        next = create_leaf((int)parent, prefix + start, last ? mode : 0755, last ? type : S_IFDIR);
        if (next >= 0 || next == -EEXIST) next = open_in(root, prefix, O_PATH, 0);
        if (next == -ENOENT) target = SYS_4(__NR_readlinkat, parent, prefix + start, link, sizeof link);
      }
      SYS_1(__NR_close, parent);
      if (target == 0 && (next < 0 || last)) return next;
      parent = next;
    }
    if (target < 0) return target;
    if (target == 0) return parent;
    /* link is whole's component at start..at */
    if (join(prefix, whole, start, link, (u64)target, whole + at) < 0) return -ENAMETOOLONG;
    for (u64 i = 0; i < sizeof whole; i++) whole[i] = prefix[i];
  }
  return -ELOOP;
}

struct entry { /* struct linux_dirent64 */
  u64 inode;
  long offset;
  u16 length;
  u8 type;
  char name[];
};

static int is_dot(const char *name) {
  return name[0] == '.' && (name[1] == 0 || (name[1] == '.' && name[2] == 0));
}

/* Of an open folder, from where it stands. */
void begin_entries(struct entries *entries, int folder) {
  entries->folder = folder;
  entries->size = entries->at = 0;
}

/* The name of the next entry, which lasts until the one after it is asked for. 0 at the end, and on a failure, which is in `result`. */
const char *next_entry(struct entries *entries, long *result) {
  for (;;) {
    if (entries->at >= entries->size) {
      *result = entries->size = SYS_3(__NR_getdents64, entries->folder, entries->buffer, sizeof entries->buffer);
      entries->at = 0;
      if (entries->size <= 0) return 0;
    }
    struct entry *entry = (struct entry *)(entries->buffer + entries->at);
    entries->at += entry->length;
    if (!is_dot(entry->name)) return entry->name;
  }
}

/* Empties an open folder. Rewinds after each round, because removing entries moves what getdents64 has yet to return. */
static long empty_folder(int folder, int depth) {
  struct entries entries;
  begin_entries(&entries, folder);
  for (;;) {
    long result, removed = 0;
    for (const char *name; (name = next_entry(&entries, &result)) != 0; removed++) {
      result = remove_tree(folder, name, depth + 1);
      if (result < 0) return result;
    }
    if (result < 0 || !removed) return result;
    SYS_3(__NR_lseek, folder, 0, 0);
  }
}

/* Removes a file, or a folder with all that it holds. Links are removed, not followed. A missing one is no failure. */
long remove_tree(int dir, const char *path, int depth) {
  if (depth > REMOVE_MAX_DEPTH) return -ELOOP; /* TypeScript's clean-up goes on without recursion */
  long result = SYS_3(__NR_unlinkat, dir, path, 0);
  if (result == 0 || result == -ENOENT) return 0;
  if (result != -EISDIR && result != -EPERM) return result;
  result = SYS_3(__NR_unlinkat, dir, path, AT_REMOVEDIR);
  if (result == 0 || result == -ENOENT) return 0;
  if (result != -ENOTEMPTY && result != -EEXIST) return result;
  long folder = SYS_4(__NR_openat, dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
  if (folder == -EACCES) { /* our own folder without our own permission, such as overlay's work folder */
    SYS_3(__NR_fchmodat, dir, path, 0700);
    folder = SYS_4(__NR_openat, dir, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
  }
  if (folder < 0) return folder;
  result = close_after(folder, empty_folder((int)folder, depth));
  if (result < 0) return result;
  return SYS_3(__NR_unlinkat, dir, path, AT_REMOVEDIR);
}

long write_all(int fd, const u8 *data, u64 length) {
  while (length > 0) {
    long done = SYS_3(__NR_write, fd, data, length);
    if (done == -EINTR) continue;
    if (done < 0) return done;
    data += done;
    length -= (u64)done;
  }
  return 0;
}

/* For files of the kernel: the whole value in one write, as proc(5) and cgroups require. */
long write_file(int dir, const char *path, u64 flags, const u8 *data, u64 length) {
  long fd = SYS_4(__NR_openat, dir, path, O_WRONLY | O_CLOEXEC | O_NOCTTY | flags, 0644);
  if (fd < 0) return fd;
  long done = SYS_3(__NR_write, fd, data, length);
  SYS_1(__NR_close, fd);
  if (done < 0) return done;
  return (u64)done == length ? 0 : -EIO;
}

/* A path in an image may be anything: check the inode that was opened, not its name (CVE-2025-31133). */
long require_device(int fd, u32 type, u64 dev) {
  struct statx stat;
  long result = stat_fd(fd, &stat);
  if (result < 0) return result;
  if ((stat.stx_mode & S_IFMT) != type) return type == S_IFDIR ? -ENOTDIR : -ENODEV;
  if (dev != 0 && (stat.stx_rdev_major != dev >> 32 || stat.stx_rdev_minor != (u32)dev)) return -ENODEV;
  return 0;
}

/* getcwd answers "(unreachable)..." for a folder outside the root (CVE-2024-21626). */
long require_cwd_inside(void) {
  char path[PATH_SIZE];
  long length = SYS_2(__NR_getcwd, path, sizeof path);
  if (length < 0) return length;
  return path[0] == '/' ? 0 : -ENOENT;
}

/*
 * A pipe has no name, and opening it through /proc asks for its owner's permission like any file. Other kinds are left alone: a
 * file belongs to who redirected to it, and /dev/null to everybody. Where it is refused the program has what it inherits.
 */
void own_pipes(u32 uid) {
  for (int fd = 0; fd < 3; fd++) {
    struct statfs stat;
    if (SYS_2(__NR_fstatfs, fd, &stat) == 0 && stat.f_type == 0x50495045 /* PIPEFS_MAGIC */) SYS_3(__NR_fchown, fd, uid, -1);
  }
}

/* Filling mounts: with what the folder that they cover holds (`tmpcopyup`, new volumes), with a file of the host; and giving them an owner. */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/openat2.h>
#include <linux/stat.h>
#include <linux/limits.h>
#include "native.h"
#include "system.h"

#define MAX_DEPTH 256
#define CHUNK 0x7ffff000

static long stat_at(long dir, const char *name, struct statx *out) {
  return SYS_5(__NR_statx, dir, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS, out);
}

/* What a file system does not keep, or a namespace does not let be set, stays behind. */
static void copy_attributes(long from, long to) {
  static char names[XATTR_LIST_MAX], value[XATTR_SIZE_MAX];
  long size = SYS_3(__NR_flistxattr, from, names, sizeof names);
  for (long at = 0; at < size; at += (long)length_of(names + at) + 1) {
    long length = SYS_4(__NR_fgetxattr, from, names + at, value, sizeof value);
    if (length >= 0) SYS_5(__NR_fsetxattr, to, names + at, value, length, 0);
  }
}

/* Owner before mode, because changing it clears set-uid bits. An id that has no number in this user namespace stays root. */
static long copy_metadata(long from, long to, const struct statx *stat) {
  SYS_3(__NR_fchown, to, stat->stx_uid, stat->stx_gid);
  long result = SYS_2(__NR_fchmod, to, stat->stx_mode & 07777);
  if (result < 0) return result;
  copy_attributes(from, to);
  long times[4] = {stat->stx_atime.tv_sec, stat->stx_atime.tv_nsec, stat->stx_mtime.tv_sec, stat->stx_mtime.tv_nsec};
  return SYS_4(__NR_utimensat, to, 0, times, 0);
}

/* From where `from` stands to its end. */
long copy_data(int from, int to) {
  long result;
  do result = SYS_4(__NR_sendfile, to, from, 0, CHUNK);
  while (result > 0);
  return result;
}

static long copy_file(long from_dir, long to_dir, const char *name) {
  long from = SYS_4(__NR_openat, from_dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);
  if (from < 0) return from;
  struct statx stat;
  long result = stat_at(from, "", &stat);
  if (result >= 0 && (stat.stx_mode & S_IFMT) != S_IFREG) result = -ESTALE; /* replaced meanwhile */
  long to = result < 0 ? result : SYS_4(__NR_openat, to_dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
  result = to < 0 ? to : copy_data((int)from, (int)to);
  if (result >= 0) result = copy_metadata(from, to, &stat);
  return close_after(from, close_after(to, result));
}

static long copy_other(long from_dir, long to_dir, const char *name, const struct statx *stat) {
  u32 type = stat->stx_mode & S_IFMT;
  long result;
  if (type == S_IFLNK) {
    char target[4096];
    long length = SYS_4(__NR_readlinkat, from_dir, name, target, sizeof target - 1);
    if (length < 0) return length;
    target[length] = 0;
    result = SYS_3(__NR_symlinkat, target, to_dir, name);
  } else {
    u32 minor = stat->stx_rdev_minor;
    u32 device = (minor & 0xff) | stat->stx_rdev_major << 8 | (minor & ~0xffu) << 12;
    result = SYS_4(__NR_mknodat, to_dir, name, stat->stx_mode, device);
  }
  if (result >= 0) SYS_5(__NR_fchownat, to_dir, name, stat->stx_uid, stat->stx_gid, AT_SYMLINK_NOFOLLOW);
  return result;
}

static long copy_folder(long from, long to, int depth);

static long copy_entry(long from, long to, const char *name, int depth) {
  struct statx stat;
  long result = stat_at(from, name, &stat);
  if (result < 0) return result;
  if ((stat.stx_mode & S_IFMT) == S_IFREG) return copy_file(from, to, name);
  if ((stat.stx_mode & S_IFMT) != S_IFDIR) return copy_other(from, to, name, &stat);
  long below = SYS_4(__NR_openat, from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
  if (below < 0) return below;
  result = SYS_3(__NR_mkdirat, to, name, 0700);
  long made = result < 0 ? result : SYS_4(__NR_openat, to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0);
  result = made < 0 ? made : copy_folder(below, made, depth + 1);
  if (result >= 0) result = copy_metadata(below, made, &stat);
  return close_after(below, close_after(made, result));
}

static long copy_folder(long from, long to, int depth) {
  if (depth > MAX_DEPTH) return -ELOOP;
  struct entries entries;
  begin_entries(&entries, (int)from);
  long result = 0;
  for (const char *name; (name = next_entry(&entries, &result)) != 0;) {
    result = copy_entry(from, to, name, depth);
    if (result < 0) return result;
  }
  return result;
}

/*
 * Makes a detached mount, which is to be attached at `path` inside the root, like the folder that is there: its mode where
 * `mode` is set, owner and all that it holds where `contents` is. What is not there yet leaves the mount as it is.
 */
long inherit_folder(int mount, int root, const char *path, int mode, int contents) {
  /* a mode can be seen of a folder that may not be read */
  long from = open_in(root, path, (contents ? O_RDONLY : O_PATH) | O_DIRECTORY, 0);
  if (from == -ENOENT) return 0;
  if (from < 0) return from;
  long to = SYS_4(__NR_openat, mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  struct statx stat;
  long result = to < 0 ? to : stat_at(from, "", &stat);
  if (result >= 0 && contents) {
    SYS_3(__NR_fchown, to, stat.stx_uid, stat.stx_gid);
    result = copy_folder(from, to, 0);
  }
  if (result >= 0 && mode) result = SYS_2(__NR_fchmod, to, stat.stx_mode & 07777);
  return close_after(from, close_after(to, result));
}

static long chown_one(long dir, const char *name, u32 uid, u32 gid, u32 *mode) {
  struct statx stat;
  long result = stat_at(dir, name, &stat);
  if (result < 0) return result;
  *mode = stat.stx_mode;
  /* not needlessly: it would clear set-uid bits */
  if (stat.stx_uid == uid && stat.stx_gid == gid) return 0;
  return SYS_5(__NR_fchownat, dir, name, uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW);
}

static long chown_below(long folder, u32 uid, u32 gid, int depth) {
  if (depth > MAX_DEPTH) return -ELOOP;
  struct entries entries;
  begin_entries(&entries, (int)folder);
  struct open_how how = {.flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, .resolve = RESOLVE_NO_XDEV | RESOLVE_BENEATH};
  long result = 0;
  for (const char *name; (name = next_entry(&entries, &result)) != 0;) {
    u32 mode = 0;
    result = chown_one(folder, name, uid, gid, &mode);
    if (result == -ENOENT) continue; /* removed meanwhile by another container that has it */
    if (result < 0) return result;
    if ((mode & S_IFMT) != S_IFDIR) continue;
    long below = SYS_4(__NR_openat2, folder, name, &how, sizeof how);
    if (below == -EXDEV || below == -ENOENT) continue;
    if (below < 0) return below;
    result = close_after(below, chown_below(below, uid, gid, depth + 1));
    if (result < 0) return result;
  }
  return result;
}

/*
 * Gives what a mount shows, and all below, an owner. By descriptor and without following links, because another container may move things
 * in it meanwhile; never into another mount.
 */
long chown_tree(int mount, u32 uid, u32 gid) {
  u32 mode = 0;
  long result = chown_one(mount, "", uid, gid, &mode);
  if (result < 0 || (mode & S_IFMT) != S_IFDIR) return result;
  long folder = SYS_4(__NR_openat, mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
  return folder < 0 ? folder : close_after(folder, chown_below(folder, uid, gid, 0));
}
